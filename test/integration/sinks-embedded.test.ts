import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';

const root = mkdtempSync(path.join(tmpdir(), 'sluice-embedded-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const INDEX = path.resolve(import.meta.dirname, '../../src/index.ts');

/** Embeds Sluice, sends three commands through it to a Redis of its own, closes that, and stops Sluice. */
const program = (config: object, admin: string): string => `
  import { once } from 'node:events';
  import { connect, createServer } from 'node:net';
  import { createSluice } from ${JSON.stringify(INDEX)};
  const server = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write('+PONG\\r\\n')));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const config = ${JSON.stringify(config)};
  config.proxies = [{ name: 'front', listen: '127.0.0.1:0', upstream: 'redis://127.0.0.1:' + server.address().port }];
  const sluice = createSluice({ admin: ${JSON.stringify(admin)}, config: { file: 'embedded.json', text: JSON.stringify(config) } });
  await sluice.start();
  const client = connect(Number(sluice.listeners[0].address.split(':').at(-1)), '127.0.0.1');
  for (let n = 0; n < 3; n++) {
    client.write('*1\\r\\n$4\\r\\nPING\\r\\n');
    await once(client, 'data');
  }
  client.destroy();
  server.close();
  await sluice.drain(2000);
  await sluice.stop();
  process.stdout.write('stopped');
`;

test.each([
  ['without a spool', 0],
  ['with a spool', 2 ** 24],
])(
  'a program that embeds Sluice ends by itself, and not before Sluice has: a sink that is down, %s',
  async (_, spool_bytes) => {
    const sinks = [{ type: 'otlp', url: `http://127.0.0.1:${await freePort()}`, spool_bytes }];
    const code = program(
      { sinks, spool: { path: path.join(root, String(spool_bytes)) } },
      `127.0.0.1:${await freePort()}`,
    );
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    const [status] = (await once(child, 'close')) as [number | null];
    expect([said, status]).toEqual(['stopped', 0]);
  },
);
