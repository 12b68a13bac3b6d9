import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type StartedCommand, sluice, startCommand } from '../support/run-sluice.ts';

let demo: StartedCommand | null = null;
afterEach(() => {
  demo?.process.kill('SIGKILL');
  demo = null;
});

test('sluice demo --for shows three databases at once and ends by itself', async (context) => {
  needs(context, 'mariadb');
  needs(context, 'redis');
  const { code, stdout, stderr } = await sluice(['demo', '--for', '8s']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const where = places(stdout);
  expect(where.ports).toHaveLength(7); // three servers, three proxies, one page
  // The title of the one final table: rate, calls and errors.
  const [, rate, errors] = /(\d+) queries\/s, [\d.]+k in all, (\d+) errors/.exec(stdout) ?? [];
  expect(Number(rate)).toBeGreaterThan(150); // 800 on an idle machine
  expect(Number(errors)).toBeGreaterThan(3); // taken addresses, typing mistakes, cancelled queries
  const header = stdout.split('\n').filter((line) => line.includes('SHARE'));
  expect(header).toHaveLength(1);
  for (const query of [
    /SELECT .*customers.*orders/, // the slow report
    /INSERT .*carts/,
    /COPY .*stock_import/,
    /SELECT .*order_items/, // the N+1 loop
    /UPDATE .*products/,
    /SELECT .*tickets/,
    /INSERT .*notes/,
    /CALL .*workload/i,
    /get page:\*:html/i,
    /hget product:\*/i,
  ]) {
    expect(stdout).toMatch(query);
  }
  await expectGone(where);
});

test('sluice demo --only shows one', async () => {
  const { code, stdout, stderr } = await sluice(['demo', '--only', 'postgres', '--for', '3s']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const where = places(stdout);
  expect(where.ports).toHaveLength(3);
  expect(stdout).toMatch(/SELECT .*order_items/);
  expect(stdout).not.toMatch(/tickets|page:/);
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

test('a killed demo takes its databases and Sluice with it', async () => {
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

/** Ports that the demo printed: of the servers, of Sluice in front of each, and of the page. */
function places(stdout: string): Places {
  const ports = [...stdout.matchAll(/127\.0\.0\.1(?::| -p | -P )(\d+)/g)].map(([, port]) => Number(port));
  return { ports: [...new Set(ports)] };
}

/** Nobody listens any more, and the folder of Postgres (named by its socket) is gone. */
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
