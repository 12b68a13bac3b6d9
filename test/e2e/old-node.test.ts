import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';

const BIN = path.resolve(import.meta.dirname, '../../bin/sluice.mjs');

/** A Node from 20 on that is too old for the source; skips where the machine has none. */
function oldNode(context: { skip(note?: string): never }): string {
  const { PATH = '' } = process.env;
  const folders = [...PATH.split(path.delimiter), '/usr/bin', '/usr/local/bin'];
  for (const folder of new Set(folders)) {
    const node = path.join(folder, 'node');
    if (!existsSync(node)) continue;
    const major = Number.parseInt(spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout, 10);
    if (major >= 20 && major < 24) return node;
  }
  return context.skip('this machine has no Node from 20 to 23 beside the pinned one');
}

test('under an older Node the command line runs under the pinned one, and its exit code comes through', (context) => {
  const node = oldNode(context);
  const run = (...args: string[]) => spawnSync(node, [BIN, ...args], { encoding: 'utf8', cwd: '/' });
  expect(run('version')).toMatchObject({ status: 0, stderr: '' });
  expect(run('no-such-command').status).toBe(2);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`under an older Node ${signal} reaches Sluice, which drains and ends`, async (context) => {
    const { child, port } = await start(oldNode(context));
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    await expect(ready(port)).resolves.toBe(false);
  });
}

test('under an older Node a killed front takes Sluice with it', async (context) => {
  const { child, port } = await start(oldNode(context));
  child.kill('SIGKILL');
  await poll('Sluice is gone', async () => !(await ready(port)));
});

async function start(node: string) {
  const port = await freePort();
  const args = [
    'run',
    'tcp://127.0.0.1:1',
    '--listen',
    `127.0.0.1:${await freePort()}`,
    '--admin',
    `127.0.0.1:${port}`,
  ];
  const child = spawn(node, [BIN, ...args], { stdio: 'ignore' });
  await poll('Sluice is ready', () => ready(port), { withinMs: 60_000 });
  return { child, port };
}

const ready = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/ready`).then(
    (response) => response.ok,
    () => false,
  );
