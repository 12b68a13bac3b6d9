import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DemoServer, House } from '../../src/cli/demo/house.ts';
import { houses } from '../../src/cli/demo/houses.ts';
import { loadOptions } from '../../src/cli/demo/load.ts';
import { fetchQueries } from '../../src/cli/top/queries-api.ts';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// The load generator of docker-compose.yml, against servers of this machine.

const LOAD = path.resolve(import.meta.dirname, '../../src/cli/demo/load.ts');
const there = houses.filter((house) => house.missing() === null);

function startLoad(args: readonly string[]) {
  const child = spawn(process.execPath, [LOAD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  return { child, said: () => said, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

describe('in front of real servers', () => {
  const servers: { house: House; server: DemoServer; through: number }[] = [];
  let sluice: RunningSluice;

  beforeAll(async () => {
    await Promise.all(
      there.map(async (house) => {
        servers.push({ house, server: await house.start(), through: await freePort() });
      }),
    );
    sluice = await runSluice({
      upstreams: servers.map(({ house, server }) => `${house.name}://127.0.0.1:${server.port}`),
      concurrency: 0,
      args: servers.flatMap(({ through }) => ['--listen', `127.0.0.1:${through}`]),
    });
  });
  afterAll(async () => {
    await sluice?.stop();
    await Promise.all(servers.map(({ server }) => server.stop()));
  });

  const args = () => [
    ...servers.map(({ house, server }) => `--prepare=${house.name}://127.0.0.1:${server.port}`),
    ...servers.map(({ house, through }) => `${house.name}://127.0.0.1:${through}`),
  ];
  const calls = async (protocol: string): Promise<number> => {
    const { queries } = await fetchQueries(sluice.adminUrl);
    return queries.filter((row) => row.protocol === protocol).reduce((sum, row) => sum + row.calls, 0);
  };

  test('it prepares what is empty, and its queries go through Sluice until it is stopped', async () => {
    const load = startLoad(args());
    for (const { house } of servers)
      await poll(`${house.title} is asked through Sluice`, async () => (await calls(house.name)) > 20, {
        withinMs: 60_000,
      });
    load.child.kill('SIGTERM');
    expect({ code: await load.exited, said: load.said() }).toMatchObject({ code: 0 });
    for (const { house } of servers) expect(load.said()).toContain(`${house.title} at 127.0.0.1:`);
    expect(load.said()).not.toContain('errors, the first');
    expect(load.said()).toMatch(/the traffic has ended\n$/);
  });

  test('a second time it finds its tables, ends by itself after its time, and meets no errors', async () => {
    const load = startLoad([...args(), '--for', '2']);
    expect({ code: await load.exited, said: load.said() }).toMatchObject({ code: 0 });
    expect(load.said()).not.toContain('error');
  });
});

test('a server that is not there yet is told of once and waited for', async () => {
  const port = await freePort();
  const load = startLoad([`--prepare=redis://127.0.0.1:${port}`, `redis://127.0.0.1:${port}`]);
  await poll('it says so', () => load.said().includes('trying again'));
  load.child.kill('SIGTERM');
  expect(await load.exited).toBe(0);
  expect(load.said().match(/trying again/g)).toHaveLength(1);
});

for (const [args, want] of [
  [[], 'no URL'],
  [['postgres://localhost:5432', '--for', 'ever'], 'no number of seconds'],
  [['postgres://localhost'], 'is not postgres://HOST:PORT'],
  [['nats://localhost:4222'], 'is not postgres://HOST:PORT'],
  [['--prepare', 'nowhere', 'redis://[::1]:1'], 'nowhere is not'],
  [['--prepared=redis://a:1', 'redis://a:1'], '--prepared'],
] as const)
  test(`usage: ${args.join(' ') || 'nothing'}`, () => {
    expect(loadOptions(args)).toMatchObject({ problems: [expect.stringContaining(want)] });
  });
