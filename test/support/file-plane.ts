import { protocolFilters } from '../../protocol-filters/registry.ts';
import { load } from '../../src/config/load.ts';
import type { Snapshot } from '../../src/config/snapshot.ts';
import { loadSqlParser, SqlDigestCache } from '../../src/digest/cache.ts';
import { type Exchange, type ExchangeObserver, ExchangePool } from '../../src/exchange/exchange.ts';
import type { ConnectionFacts, SessionFacts } from '../../src/exchange/session-facts.ts';
import { systemClock } from '../../src/net/clock.ts';
import { SocketNetwork } from '../../src/net/socket-network.ts';
import { filterSchemas, links } from '../../src/server/catalog.ts';
import { createDataPlane } from '../../src/server/plane.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { systemResolve } from '../../src/upstream/dns.ts';

/** What was told of a connection at its end. */
export interface EndedConnection {
  readonly listener: string;
  readonly reason: string;
  readonly flags: string;
  readonly details: string;
  readonly metadata: Readonly<Record<string, Record<string, unknown>>>;
}

/** An ended exchange, as far as verdicts go. */
export interface EndedExchange {
  readonly listener: string;
  readonly operation: string;
  readonly outcome: number;
  readonly code: string;
  readonly verdict: number;
  readonly policy: string;
  readonly shadowVerdict: number;
  readonly shadowPolicy: string;
}

/** One worker's data path between real sockets, from a configuration in the full form (JSON is YAML). */
export interface FilePlane {
  readonly stats: StatsRegistry;
  readonly connections: EndedConnection[];
  readonly exchanges: EndedExchange[];
  readonly log: string[];
  port(listener: string): number;
  /** A new configuration, as a reload applies it. */
  apply(config: unknown): Promise<void>;
  stop(): Promise<void>;
}

export async function startFilePlane(config: unknown): Promise<FilePlane> {
  const stats = new StatsRegistry();
  const pool = new ExchangePool();
  const observer = new Observer(pool);
  const keys = new Map<string, string>();
  const log: string[] = [];
  const plane = createDataPlane({
    worker: 0,
    network: new SocketNetwork(),
    clock: systemClock,
    stats,
    digests: new SqlDigestCache({ parser: await loadSqlParser(), now: () => performance.now() }),
    observer,
    pool,
    keys: {
      learn: (key, issuer) => void keys.set(key, issuer),
      forget: (key) => void keys.delete(key),
      lookup: (key) => keys.get(key),
    },
    resolve: systemResolve,
    random: Math.random,
    protocols: protocolFilters,
    links,
    log: (level, message, error) => void log.push(`${level} ${message} ${error instanceof Error ? error.stack : ''}`),
  });
  const apply = async (next: unknown): Promise<void> => {
    const failures = await plane.apply(await snapshotOf(next));
    if (failures.length > 0) throw new Error(`not listening: ${JSON.stringify(failures)}`);
  };
  await apply(config);
  return {
    stats,
    connections: observer.connections,
    exchanges: observer.exchanges,
    log,
    port: (name) => {
      const found = plane.listeners().find((one) => one.name === name);
      if (found === undefined) throw new Error(`no listener ${name}`);
      return Number(/:(\d+)$/.exec(found.address)![1]);
    },
    apply,
    stop: () => plane.close(),
  };
}

/** Throws what is wrong with it. */
export async function snapshotOf(config: unknown): Promise<Snapshot> {
  const loaded = await load({ file: 'test.yaml', text: JSON.stringify(config) }, filterSchemas());
  if (!loaded.ok) throw new Error(loaded.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return loaded.snapshot;
}

class Observer implements ExchangeObserver {
  readonly connections: EndedConnection[] = [];
  readonly exchanges: EndedExchange[] = [];
  readonly #pool: ExchangePool;

  constructor(pool: ExchangePool) {
    this.#pool = pool;
  }

  begin(): void {}
  progress(): void {}
  sessionStart(): void {}

  end(x: Exchange): void {
    const { outcome, code, verdict, policy, shadowVerdict, shadowPolicy } = x;
    const { listener } = x.session;
    this.exchanges.push({
      ...{ listener, operation: x.digest?.operation ?? '', outcome, code },
      ...{ verdict, policy, shadowVerdict, shadowPolicy },
    });
    this.#pool.give(x);
  }

  sessionEnd(session: SessionFacts, reason: string, connection?: ConnectionFacts): void {
    this.connections.push({
      listener: session.listener,
      reason,
      flags: connection?.responseFlags ?? '',
      details: connection?.terminationDetails ?? '',
      metadata: JSON.parse(connection?.metadataJson || '{}') as EndedConnection['metadata'],
    });
  }
}
