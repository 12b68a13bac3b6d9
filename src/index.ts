import { type ConfigSource, load } from './config/load.ts';
import { formatProblem } from './config/problem.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { QueryAnswer, QueryRequest } from './digest/rows/merged-rows-query.ts';
import { filterSchemas } from './server/catalog.ts';
import type { ConnectionInfo, ListenerInfo } from './server/data-plane.ts';
import { realWorld, type World } from './server/data-role.ts';
import type { LoadReply } from './server/load-config.ts';
import { LocalRoles } from './server/local-roles.ts';
import { createLogger, type Level, type LogOutput } from './server/log.ts';
import { Primary } from './server/primary.ts';

export type { ConfigSource, Overrides } from './config/load.ts';
export type { Snapshot } from './config/snapshot.ts';
export type { QueryAnswer, QueryRequest } from './digest/rows/merged-rows-query.ts';
export type { ConnectionInfo, ListenerInfo } from './server/data-plane.ts';
export type { World } from './server/data-role.ts';

export interface SluiceOptions {
  /** A file, its text, URLs as on the command line, or a snapshot that was checked already. */
  readonly config: ConfigSource | { readonly snapshot: Snapshot };
  /** Where the admin server listens, `ADDR:PORT`; false = nowhere. Not given: as the file says; for URLs, nowhere. */
  readonly admin?: string | false;
  /** Log lines; not given: none are written. */
  readonly log?: { readonly output: LogOutput; readonly level?: Level };
  /** Exchanged for a test's own: the network, the clock, names, chance. */
  readonly world?: Partial<World>;
}

/** Sluice in this process: no signal handlers, no process.exit, nothing global. As many at a time as one likes. */
export interface Sluice {
  /** Resolves when it listens. Rejects with a SluiceError that tells everything that is wrong; then nothing listens. */
  start(): Promise<void>;
  /** Reads the configuration again. What is wrong with it goes to the log, and the running one stays. */
  reload(): Promise<void>;
  /** No new connections; open ones end at their next quiet point, at the limit without. Resolves when none is left. */
  drain(timeoutMs?: number): Promise<void>;
  /** Ends everything now, open connections as well. Resolves when the ports are free. */
  stop(): Promise<void>;
  /** Counters and gauges by their full names, as of now. */
  stats(): Promise<Record<string, number>>;
  /** As `/api/queries`, as of now. */
  queries(request?: QueryRequest): Promise<QueryAnswer>;
  connections(): Promise<readonly ConnectionInfo[]>;
  /** What is listened on, with the ports the kernel chose. */
  readonly listeners: readonly ListenerInfo[];
}

/** Wrong configuration, or addresses that cannot be listened on. */
export class SluiceError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SluiceError';
    this.problems = problems;
  }
}

/** Makes a Sluice. Nothing happens before start(). */
export function createSluice(options: SluiceOptions): Sluice {
  const world = { ...realWorld(), ...options.world };
  const log = createLogger({
    role: 'sluice',
    level: options.log?.level ?? (options.log ? 'info' : 'off'),
    ...(options.log ? { output: options.log.output } : {}),
  });
  const roles = new LocalRoles(world);
  const read = () => readConfig(options);
  const primary = new Primary({
    roles,
    log,
    load: read,
  });
  const core = () => {
    if (!roles.core) throw new Error('not started');
    return roles.core;
  };
  return {
    start: async () => {
      const loaded = await read();
      if (!loaded.ok) throw new SluiceError(loaded.problems);
      const problems = await primary.start(loaded.snapshot, loaded.expanded);
      if (problems.length > 0) throw new SluiceError(problems);
    },
    reload: () => primary.reload(),
    drain: (timeoutMs) => primary.drain(timeoutMs),
    stop: () => primary.abort(),
    stats: async () => {
      await core().receiver.refresh();
      const values: Record<string, number> = {};
      for (const { name, kind, value } of core().stats()) if (kind !== 'histogram') values[name] = value;
      return values;
    },
    queries: async (request = {}) => {
      await core().receiver.refresh();
      return core().queries(request);
    },
    connections: () => core().connections(),
    get listeners() {
      return primary.listeners;
    },
  };
}

/** In this process; everything in one, whatever the configuration says of workers. */
async function readConfig({ config, admin }: SluiceOptions): Promise<LoadReply> {
  if ('snapshot' in config) return { ok: true, snapshot: alone(config.snapshot, admin), expanded: {} };
  const overrides = { ...config.overrides, ...(typeof admin === 'string' ? { admin } : {}) };
  const loaded = await load({ ...config, overrides }, filterSchemas(), { resolve: true });
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
  const snapshot = alone(loaded.snapshot, 'urls' in config ? (admin ?? false) : admin);
  return { ok: true, snapshot, expanded: loaded.expanded };
}

const alone = (snapshot: Snapshot, admin: string | false | undefined): Snapshot => ({
  ...snapshot,
  admin: admin === false ? null : snapshot.admin,
  process: { ...snapshot.process, concurrency: 0 },
});
