import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { houses } from '../../src/cli/demo/houses.ts';
import { policySummary } from '../../src/cli/demo/policies.ts';
import { fetchQueries } from '../../src/cli/top/queries-api.ts';
import { QueryRates } from '../../src/cli/top/query-rates.ts';
import { errorsOf, queryTable } from '../../src/cli/top/query-table.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { zooKeeperMissing } from '../support/real-zookeeper.ts';
import { type StartedCommand, sluice, startCommand } from '../support/run-sluice.ts';

let demo: StartedCommand | null = null;
afterEach(() => {
  demo?.process.kill('SIGKILL');
  demo = null;
});

/** What the six workloads ask, as the table names it. */
const ASKED = [
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
  /mongodb +find products filter=/,
  /mongodb +insert orders/, // within a transaction
  /mongodb +commitTransaction/,
  /mongodb +getMore <- ag/, // the change stream
  /mongodb +bulkWrite insert shop\.events/,
  /zookeeper +getData \/shop\/partitions\/\*/,
  /zookeeper +multi check/,
  /kafka +Produce orders/, // some of them through the second broker's door
  /kafka +Produce clicks/, // which nobody answers
  /kafka +Fetch orders/,
  /kafka +OffsetCommit orders group=bil/,
  /kafka +JoinGroup group=billing/,
  /kafka +EndTxn transactional_id/,
];

test('sluice demo shows six databases at once, and Ctrl-C ends it cleanly', async (context) => {
  needs(context, 'mariadb');
  needs(context, 'redis');
  const noZooKeeper = zooKeeperMissing();
  if (noZooKeeper !== '') context.skip(noZooKeeper);
  await startDemo();
  await poll('every query was asked', asked, { withinMs: 150_000, everyMs: 250 }).catch((error: Error) => {
    throw new Error(`${error.message}: ${error.cause}\n${demo?.stderr()}`, { cause: error });
  });
  demo!.process.kill('SIGINT');
  expect([await demo!.exited, demo!.stderr()]).toEqual([{ code: 0, signal: null }, '']);
  const stdout = demo!.stdout();
  const where = places(stdout);
  expect(where.ports).toHaveLength(13); // six servers, six proxies, one page
  // What is no MongoDB says so wherever it is told of: at the start, and with the addresses.
  if (which('mongod') === null) expect(stdout.match(/a stand-in: Sluice's own small server/g)).toHaveLength(2);
  expect(stdout.match(/a stand-in: two of Sluice's own small brokers/g)).toHaveLength(2);
  // The title of the one final table: rate, calls and errors.
  const [, rate, all, errors] = /([\d.]+k?) queries\/s, ([\d.]+k?) in all, ([\d.]+k?) errors/.exec(stdout) ?? [];
  const counted = (text = ''): number => (text.endsWith('k') ? 1000 : 1) * Number.parseFloat(text);
  expect(counted(rate)).toBeGreaterThan(0); // 1,000 on an idle machine
  expect(counted(all)).toBeGreaterThan(500);
  expect(counted(errors)).toBeGreaterThan(3); // taken addresses, typing mistakes, cancelled queries
  const header = stdout.split('\n').filter((line) => line.includes('SHARE'));
  expect(header).toHaveLength(1);
  for (const query of ASKED) expect(stdout).toMatch(query);
  // One policy is enforced, one only looks.
  expect(stdout).toMatch(
    /enforced: no card numbers\n +psql .* -U analyst postgres -c 'select \* from payment_cards'\n/,
  );
  expect(stdout).toMatch(/in shadow mode: no exports\n/);
  const [, refused, wouldBe] =
    /POLICIES {2}no card numbers: (\d+) refused; no exports: (\d+) would be/.exec(stdout) ?? [];
  expect([Number(refused), Number(wouldBe)].every((count) => count > 0)).toBe(true);
  // What was seen is what is stored.
  const { held, produced, delivered, rest } = account(stdout);
  expect([held, delivered, rest]).toEqual([produced, produced, '0 waiting + 0 spooled + 0 dropped']);
  expect(held / counted(all)).toBeCloseTo(1, 1);
  const [, slowest] = stdout.split('SLOWEST OF THE WHOLE RUN, FROM HISTORY\n');
  expect(slowest?.trimEnd().split('\n')).toHaveLength(5);
  expect(slowest).toMatch(/ms +[\d.]+ ms +\d+ {2}SELECT .*customers/);
  expect(where.history).toContain('sluice-demo-');
  await expectGone(where);
});

test('sluice demo --only shows one, --for so long, and it ends by itself; without chdb there is no history, and it says how to get one', async () => {
  const NODE_OPTIONS = `--import ${WITHOUT_CHDB}`;
  const { code, stdout, stderr } = await sluice(['demo', '--only', 'postgres', '--for', '3s'], {
    env: { NODE_OPTIONS },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const where = places(stdout);
  expect(where.ports).toHaveLength(3);
  expect(stdout).toMatch(/SELECT .*order_items/);
  expect(stdout).not.toMatch(/tickets|page:/);
  expect(stdout.match(/^.*history.*$/gim)).toEqual([
    '  history     none: npm install chdb brings ClickHouse into the demo',
  ]);
  await expectGone(where);
});

test('when the demo ends nothing stays behind but the history that was to', async (context) => {
  needs(context, 'redis');
  const kept = mkdtempSync(path.join(tmpdir(), 'sluice-kept-'));
  const where = await startDemo(['--only', 'redis', '--history', kept]);
  demo!.process.kill('SIGINT');
  expect(await demo!.exited).toEqual({ code: 0, signal: null });
  expect(demo!.stdout()).toContain('QUERY');
  expect(demo!.stderr()).toBe('');
  expect(demo!.stdout()).toContain(`kept in ${kept}: `);
  expect(existsSync(path.join(kept, 'metadata'))).toBe(true);
  rmSync(kept, { recursive: true });
  await expectGone(where);
});

test('a killed demo takes its databases and Sluice with it', async () => {
  const where = await startDemo();
  demo!.process.kill('SIGKILL');
  await demo!.exited;
  await expectGone(where);
});

/** A module that hides the package. */
const WITHOUT_CHDB = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
registerHooks({ resolve(name, context, next) {
  if (name === 'chdb') throw Object.assign(new Error('hidden'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(name, context);
} });`,
)}`;

interface Places {
  readonly ports: number[];
  /** Folder of the history. */
  readonly history: string;
}

/** The line of the history at the end. */
function account(stdout: string) {
  const line = /^history +([\d,]+) exchanges in ClickHouse.*: ([\d,]+) produced = ([\d,]+) delivered \+ (.*)$/m.exec(
    stdout,
  );
  const [held, produced, delivered] = line!.slice(1, 4).map((text) => Number(text.replaceAll(',', '')));
  return { held: held!, produced: produced!, delivered: delivered!, rest: line![4] };
}

/** Starts a demo without end and waits until it says that all runs. */
async function startDemo(args: readonly string[] = []): Promise<Places> {
  const started = startCommand(['demo', ...args]);
  demo = started;
  let ended = false;
  void started.exited.then(() => {
    ended = true;
  });
  await poll('the demo runs', () => ended || started.stdout().includes('Ctrl-C'), { withinMs: 120_000 });
  expect(ended, started.stderr()).toBe(false);
  return places(started.stdout());
}

/** Every one of ASKED stands in what Sluice has counted, a policy has refused, and something went wrong. */
async function asked(): Promise<boolean> {
  const adminUrl = /live page +(http:\S+)\/\n/.exec(demo!.stdout())![1]!;
  const answer = await fetchQueries(adminUrl);
  const table = queryTable(answer, new QueryRates(1), { width: 200, height: 1000, adminUrl }).join('\n');
  const missing = ASKED.filter((query) => !query.test(table));
  if (missing.length > 0) throw new Error(`nobody asks ${missing.join(', ')}`);
  const { totals } = answer;
  return totals.calls > 1500 && errorsOf(totals) > 5 && (await verdicts(adminUrl));
}

/** Both policies have had a say. */
async function verdicts(adminUrl: string): Promise<boolean> {
  const summary = policySummary(await (await fetch(`${adminUrl}/metrics`)).text(), houses);
  return [...summary.matchAll(/: (\d+) (?:refused|would)/g)].filter(([, n]) => Number(n) > 0).length === 2;
}

/** Ports that the demo printed: of the servers, of Sluice in front of each, and of the page. */
function places(stdout: string): Places {
  const ports = [...stdout.matchAll(/127\.0\.0\.1(?::| -p | -P )(\d+)/g)].map(([, port]) => Number(port));
  return { ports: [...new Set(ports)], history: / ClickHouse in (\S+)/.exec(stdout)?.[1] ?? '' };
}

/** Nobody listens any more, and the folder of Postgres (named by its socket) is gone. */
async function expectGone({ ports, history }: Places): Promise<void> {
  for (const port of ports) await poll(`port ${port} is free`, () => refuses(port), { withinMs: 60_000 });
  expect(existsSync(`/tmp/.s.PGSQL.${ports[0]}`)).toBe(false);
  if (history !== '') await poll('the history is gone', () => !existsSync(history), { withinMs: 60_000 });
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
