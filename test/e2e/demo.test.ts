import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { type StartedCommand, sluice, startCommand } from '../support/run-sluice.ts';

let demo: StartedCommand | null = null;
afterEach(() => {
  demo?.process.kill('SIGKILL');
  demo = null;
});

test('sluice demo --for ends by itself and prints what it saw', async () => {
  const { code, stdout, stderr } = await sluice(['demo', '--for', '8s']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const where = places(stdout);
  // The title of the one final table: rate, calls and errors.
  const [, rate, errors] = /(\d+) queries\/s, [\d.]+k in all, (\d+) errors/.exec(stdout) ?? [];
  expect(Number(rate)).toBeGreaterThan(50); // 280 on an idle machine
  expect(Number(errors)).toBeGreaterThan(3); // taken addresses, typing mistakes, cancelled queries
  const header = stdout.split('\n').filter((line) => line.includes('SHARE'));
  expect(header).toHaveLength(1);
  for (const query of [
    /SELECT .*customers.*orders/, // the slow report
    /INSERT .*carts/,
    /COPY .*stock_import/,
    /SELECT .*order_items/, // the N+1 loop
    /UPDATE .*products/,
  ]) {
    expect(stdout).toMatch(query);
  }
  await expectGone(where);
});

test('Ctrl-C ends the demo cleanly, and nothing stays behind', async () => {
  const where = await startDemo();
  demo!.process.kill('SIGINT');
  expect(await demo!.exited).toEqual({ code: 0, signal: null });
  expect(demo!.stdout()).toContain('QUERY');
  expect(demo!.stderr()).toBe('');
  await expectGone(where);
});

test('a killed demo takes Postgres and Sluice with it', async () => {
  const where = await startDemo();
  demo!.process.kill('SIGKILL');
  await demo!.exited;
  await expectGone(where);
});

interface Places {
  readonly ports: number[];
}

/** Starts a demo without end and waits until it says that all runs. */
async function startDemo(): Promise<Places> {
  const started = startCommand(['demo']);
  demo = started;
  await poll('the demo runs', () => started.stdout().includes('Ctrl-C'), { withinMs: 30_000 });
  return places(started.stdout());
}

/** Addresses that the demo printed: Postgres, Sluice and the page. */
function places(stdout: string): Places {
  const ports = [
    /Postgres +127\.0\.0\.1:(\d+)/,
    /Sluice +127\.0\.0\.1:(\d+)/,
    /live page +http:\/\/127\.0\.0\.1:(\d+)\//,
  ];
  return { ports: ports.map((pattern) => Number(pattern.exec(stdout)?.[1])) };
}

/** Nobody listens any more, and the server's folder (named by its socket) is gone. */
async function expectGone({ ports }: Places): Promise<void> {
  for (const port of ports) await poll(`port ${port} is free`, () => refuses(port), { withinMs: 15_000 });
  expect(existsSync(`/tmp/.s.PGSQL.${ports[0]}`)).toBe(false);
}

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
