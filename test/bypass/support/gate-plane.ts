import type { FilterConfig, Snapshot } from '../../../src/config/snapshot.ts';
import { loadSqlParser, SqlDigestCache } from '../../../src/digest/cache.ts';
import {
  type Exchange,
  type ExchangeObserver,
  ExchangePool,
  OUTCOME_NAMES,
  VERDICT_NAMES,
} from '../../../src/exchange/exchange.ts';
import type { ProtocolFilter } from '../../../src/exchange/protocol-filter.ts';
import type { SessionFacts } from '../../../src/exchange/session-facts.ts';
import { POLICY_FILTER_NAME, POLICY_TYPE_URL, policyLink } from '../../../src/filters/policy.ts';
import { tcpProxy } from '../../../src/filters/tcp-proxy.ts';
import { systemClock } from '../../../src/net/clock.ts';
import type { FilterBuilder } from '../../../src/net/filter.ts';
import { SocketNetwork } from '../../../src/net/socket-network.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { ConnectionInfo, DataPlane } from '../../../src/server/data-plane.ts';
import { LocalDoors } from '../../../src/server/local-doors.ts';
import { createLogger } from '../../../src/server/log.ts';
import { createDataPlane, type LinkFactory } from '../../../src/server/plane.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import { systemResolve } from '../../../src/upstream/dns.ts';
import { clusterConfig, filterChain, listenerConfig, snapshotOf, TCP_PROXY } from '../../support/plane-parts.ts';
import { poll } from '../../support/poll.ts';
import { Audit } from './audit.ts';

/** What is left of an ended exchange. */
export interface EndedVerdict {
  readonly session: number;
  readonly user: string;
  readonly database: string;
  readonly kind: string;
  readonly operation: string;
  readonly text: string;
  readonly outcome: (typeof OUTCOME_NAMES)[number];
  readonly code: string;
  readonly flags: number;
  readonly verdict: (typeof VERDICT_NAMES)[number];
  readonly policy: string;
  readonly shadowVerdict: (typeof VERDICT_NAMES)[number];
  readonly shadowPolicy: string;
  readonly policySnapshot: string;
  readonly requestOffset: number;
  readonly rowsReturned: number;
  readonly rowsAffected: number;
  readonly replyBytes: number;
  readonly requestBytes: number;
}

export interface GatePlaneOptions {
  readonly protocol: ProtocolFilter;
  readonly policies: PolicySetConfig;
  readonly upstream: { readonly host: string; readonly port: number };
  /** Of the protocol filter: fields of its `@type` message, and Sluice's own options. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** False: ended exchanges are counted and not kept, for many operations. */
  readonly keeps?: boolean;
}

/** The whole data path between real sockets, with policies: protocol filter, policy link, tcp_proxy. */
export interface GatePlane {
  readonly host: string;
  readonly port: number;
  /** In the order in which they ended; a test may empty it. */
  readonly ended: EndedVerdict[];
  readonly counts: { begun: number; ended: number; allowed: number; denied: number; sessions: number };
  readonly stats: StatsRegistry;
  readonly plane: DataPlane;
  /** Warnings and notices; errors (bugs of ours) too, with the word `error` before. */
  readonly log: string[];
  /** By its full dotted name; 0 if there is none. */
  stat(name: string): number;
  /** `sluice_policy_verdicts_total` of a policy. */
  verdicts(policy: string, verdict: string, mode?: 'enforce' | 'shadow'): number;
  /** Live connections judge by these from the next turn on. */
  setPolicies(policies: PolicySetConfig): Promise<void>;
  connections(): ConnectionInfo[];
  /** Once nothing that was begun is under way. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const LISTENER = 'gate';

export async function startGatePlane(options: GatePlaneOptions): Promise<GatePlane> {
  const { protocol, host = '127.0.0.1' } = options;
  const stats = new StatsRegistry();
  const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: () => performance.now() });
  const pool = new ExchangePool();
  const keeper = new Keeper(pool, options.keeps ?? true);
  const keys = new Map<string, string>();
  const log: string[] = [];
  const output = { writableLength: 0, write: (line: string) => log.push(line.trimEnd()) > 0 };
  const doors = new LocalDoors({
    log: createLogger({ role: 'doors', output }),
    clock: systemClock,
    onChange: () => {},
  });
  const plane = createDataPlane({
    worker: 0,
    network: new SocketNetwork(),
    clock: systemClock,
    stats,
    digests,
    observer: keeper,
    pool,
    keys: {
      learn: (key, issuer) => void keys.set(key, issuer),
      forget: (key) => void keys.delete(key),
      lookup: (key) => keys.get(key),
    },
    doors: doors.book,
    resolve: systemResolve,
    random: Math.random,
    protocols: [protocol],
    links: LINKS,
    log: (level, message, error) => void log.push(`${level} ${message}${error ? `: ${stackOf(error)}` : ''}`),
  });
  doors.attach(plane);
  const apply = async (policies: PolicySetConfig): Promise<void> => {
    const failures = await doors.apply(snapshotFor(options, policies));
    if (failures.length > 0) throw new Error(`not listening: ${JSON.stringify(failures)}`);
  };
  await apply(options.policies);
  const port = Number(/:(\d+)$/.exec(plane.listeners()[0]!.address)![1]);
  const stat = (name: string): number => stats.value(name) ?? 0;
  return {
    host,
    port,
    ended: keeper.ended,
    counts: keeper.counts,
    stats,
    plane,
    log,
    stat,
    verdicts: (policy, verdict, mode = 'enforce') =>
      stat(`sluice.policy.${LISTENER}.${policy}.${mode}.${verdict}.verdicts`),
    setPolicies: apply,
    connections: () => plane.connections(),
    settled: async () =>
      void (await poll('every exchange has ended', () => keeper.counts.begun === keeper.counts.ended)),
    async stop() {
      await plane.close();
      digests.close();
      const wrong = log.find((line) => line.startsWith('error '));
      if (wrong !== undefined) throw new Error(wrong);
      keeper.audit.check();
    },
  };
}

const LINKS: ReadonlyMap<string, LinkFactory> = new Map<string, LinkFactory>([
  [TCP_PROXY, (config, env) => tcpProxy(config as never, { ...env, cluster: (name) => env.clusters.get(name) })],
  [
    POLICY_TYPE_URL,
    (config, env): FilterBuilder => policyLink(config as unknown as PolicySetConfig, { ...env, workers: 1 }),
  ],
]);

function snapshotFor({ protocol, upstream, ...rest }: GatePlaneOptions, policies: PolicySetConfig): Snapshot {
  const config = protocol.config.parse({ stat_prefix: LISTENER, ...rest.config }) as FilterConfig['config'];
  const filters: FilterConfig[] = [
    { name: protocol.filterName, typeUrl: protocol.typeUrl, config },
    { name: POLICY_FILTER_NAME, typeUrl: POLICY_TYPE_URL, config: { ...policies } },
    ...filterChain({}),
  ];
  const options = protocol.options.parse(rest.options ?? {});
  return {
    ...snapshotOf(),
    listeners: [
      listenerConfig({
        listener: {
          name: LISTENER,
          statPrefix: LISTENER,
          address: { kind: 'ip', host: rest.host ?? '127.0.0.1', port: 0 },
          filterChains: [{ name: '', filters }],
          options: { [protocol.name]: options },
          doors: protocol.doors?.(options) ?? null,
        },
      }),
    ],
    clusters: [clusterConfig({ endpoints: [{ address: { kind: 'ip', ...upstream }, weight: 1 }] })],
  };
}

/** Copies what ended, and gives it back to the pool. */
class Keeper implements ExchangeObserver {
  readonly ended: EndedVerdict[] = [];
  readonly counts = { begun: 0, ended: 0, allowed: 0, denied: 0, sessions: 0 };
  readonly audit = new Audit();
  readonly #pool: ExchangePool;
  readonly #keeps: boolean;

  constructor(pool: ExchangePool, keeps: boolean) {
    this.#pool = pool;
    this.#keeps = keeps;
  }

  begin(): void {
    this.counts.begun++;
  }
  progress(): void {}
  end(x: Exchange): void {
    const verdict = VERDICT_NAMES[x.verdict];
    this.counts.ended++;
    if (verdict !== '') this.counts[verdict]++;
    this.audit.take(x);
    if (this.#keeps)
      this.ended.push({
        session: x.session.id,
        user: x.session.user,
        database: x.session.database,
        kind: x.kind,
        operation: x.digest?.operation ?? '',
        text: x.digest?.text ?? '',
        outcome: OUTCOME_NAMES[x.outcome],
        code: x.code,
        flags: x.flags,
        verdict,
        policy: x.policy,
        shadowVerdict: VERDICT_NAMES[x.shadowVerdict],
        shadowPolicy: x.shadowPolicy,
        policySnapshot: x.policySnapshot,
        requestOffset: x.requestOffset,
        rowsReturned: x.rowsReturned,
        rowsAffected: x.rowsAffected,
        replyBytes: x.replyBytes,
        requestBytes: x.requestBytes,
      });
    this.#pool.give(x);
  }
  sessionStart(_session: SessionFacts): void {
    this.counts.sessions++;
  }
  sessionEnd(session: SessionFacts): void {
    this.counts.sessions--;
    this.audit.sessionEnd(session.id);
  }
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
