import { type Exchange, VerdictCode } from '../exchange/exchange.ts';
import type { Denial, Judgement, ProtocolFilter, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { ConnectionEvent, FilterBuilder, FilterCallbacks, NetworkFilter } from '../net/filter.ts';
import type { Clock, Timer } from '../net/transport.ts';
import { compilePolicies, markShadowCut, type PolicyEngine } from '../policy/engine.ts';
import { exceededLimit, giveBack, type Lease, replyDenial } from '../policy/limits.ts';
import type { PolicySetConfig } from '../policy/policy-config.ts';
import type { Standing } from '../policy/standing.ts';
import type { StatsRegistry } from '../stats/registry.ts';
import { PolicyCounters } from './policy-counters.ts';
import { IdleWatch } from './policy-idle.ts';

export { POLICY_FILTER_NAME, POLICY_TYPE_URL } from '../config/policies-schema.ts';

export interface PolicyLinkEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly listener: string;
  /** The protocol filter of the chain. */
  readonly protocol: ProtocolFilter | null;
  /** Worker processes that share the limits. */
  readonly workers: number;
}

/** Makes the links of one listener. They judge by the policies that its update() was given last. */
export function policyLink(config: PolicySetConfig, env: PolicyLinkEnv): FilterBuilder {
  const policies = new Policies(config, env);
  const build = (callbacks: FilterCallbacks): NetworkFilter => new PolicyLink(policies, callbacks);
  return Object.assign(build, {
    update: (next: Readonly<Record<string, unknown>> | null): boolean => {
      policies.update(next === null ? NO_POLICIES : (next as unknown as PolicySetConfig));
      return true;
    },
    enforces: (): boolean => policies.restricts,
  });
}

const NO_POLICIES: PolicySetConfig = { policies: [], unparsed: 'deny' };

/** The policies of one listener in this worker, and the connections that are under them. */
class Policies {
  engine: PolicyEngine;
  readonly counters: PolicyCounters;
  readonly clock: Clock;
  readonly live = new Set<PolicyLink>();
  readonly #env: PolicyLinkEnv;
  readonly #idle: IdleWatch;
  #timer: Timer | null = null;

  constructor(config: PolicySetConfig, env: PolicyLinkEnv) {
    this.#env = env;
    this.clock = env.clock;
    this.counters = new PolicyCounters(env.stats, env.listener);
    this.#idle = new IdleWatch(this.counters);
    this.engine = this.#compile(config, null);
  }

  update(config: PolicySetConfig): void {
    this.engine = this.#compile(config, this.engine);
    this.#watch();
    this.countStale();
  }

  #compile(config: PolicySetConfig, before: PolicyEngine | null): PolicyEngine {
    const { listener, protocol, workers, clock } = this.#env;
    const env = { protocol: protocol?.name ?? '', listener, workers, now: clock.wall };
    const engine = compilePolicies(config, protocol?.vocabulary ?? null, env, before);
    this.counters.prepare(engine, config);
    return engine;
  }

  /** Requests may be denied, or connections ended. */
  get restricts(): boolean {
    return this.engine.enforces || this.engine.idleLimits.some(({ enforced }) => enforced);
  }

  opened(link: PolicyLink): void {
    this.live.add(link);
    this.#watch();
  }

  closed(link: PolicyLink): void {
    if (!this.live.delete(link)) return;
    this.#idle.forget(link.callbacks.connection);
    if (link.stale) this.countStale();
  }

  countStale(): void {
    let stale = 0;
    for (const link of this.live) if (link.stale) stale++;
    this.counters.setStale(stale);
  }

  /** Looks after idle transactions as long as there is a limit of them and somebody to be limited. */
  #watch(): void {
    const { idleLimits } = this.engine;
    if (this.#timer !== null || idleLimits.length === 0 || this.live.size === 0) return;
    this.#timer = this.clock.after(IdleWatch.intervalMs(idleLimits), () => {
      this.#timer = null;
      const now = this.clock.now();
      for (const link of [...this.live])
        this.#idle.look(link.callbacks.connection, this.engine.idleLimits, link.standing(), now);
      this.#watch();
    });
  }
}

/** A chain link that judges each turn of one connection. */
class PolicyLink implements NetworkFilter {
  readonly name = 'sluice.filters.network.policy';
  readonly callbacks: FilterCallbacks;
  /** As it was when the connection began: its gears were chosen by it. */
  readonly enforces: boolean;
  readonly cuts: boolean;
  denial: Denial | null = null;
  readonly #policies: Policies;
  #leases: Map<Exchange, Lease> | null = null;
  // What the standing was found for.
  #engine: PolicyEngine | null = null;
  #standing!: Standing;
  #user = '';
  #database = '';
  #application = '';
  #driver = '';

  constructor(policies: Policies, callbacks: FilterCallbacks) {
    this.#policies = policies;
    this.callbacks = callbacks;
    this.enforces = policies.engine.enforces;
    this.cuts = policies.engine.cuts;
    policies.opened(this);
  }

  get version(): number {
    return this.#policies.engine.version;
  }

  get stale(): boolean {
    const { engine } = this.#policies;
    return (engine.enforces && !this.enforces) || (engine.cuts && !this.cuts);
  }

  get policySnapshot(): string {
    return this.#policies.engine.snapshot;
  }

  onTurn(turn: Turn, facts: SessionFacts, judgement: Judgement): Verdict {
    const policies = this.#policies;
    const { engine } = policies;
    const standing = this.#standingOf(engine, facts);
    const now = standing.limits.length > 0 ? policies.clock.now() : 0;
    this.denial = engine.ask(standing, turn, facts, judgement, policies.counters, now, this.enforces);
    if (engine.lease !== null) this.#hold(turn, engine.lease);
    return this.denial === null ? 'allow' : 'deny';
  }

  onMoved(from: Exchange, to: Exchange): void {
    const lease = this.#leases?.get(from);
    if (lease === undefined) return;
    this.#leases!.delete(from);
    this.#leases!.set(to, lease);
  }

  onRelease(x: Exchange): void {
    const lease = this.#leases?.get(x);
    if (lease === undefined) return;
    this.#leases!.delete(x);
    for (const limit of lease.replies) {
      if (limit.enforced && x.verdict === VerdictCode.denied) continue;
      const { rows, bytes } = limit.limit;
      const kind = rows > 0 && x.rowsReturned > rows ? 'rows' : bytes > 0 && x.replyBytes > bytes ? 'bytes' : null;
      if (kind === null) continue;
      this.#policies.counters.onLimited(limit, kind);
      markShadowCut(x, limit.rule.policy.name);
    }
    giveBack(lease);
  }

  onExceeded(x: Exchange, what: 'rows' | 'bytes'): Denial | null {
    // What was asked of is the bound that ask() has set: it holds also where the lease has been lost on the way.
    const seen = what === 'rows' ? x.rowsReturned : x.replyBytes;
    const leased = exceededLimit(this.#leases?.get(x)?.replies ?? [], what, seen);
    const limit = leased ?? exceededLimit(this.standing().limits, what, seen);
    if (limit === null) return null;
    this.#policies.counters.onLimited(limit, what);
    return replyDenial(limit, what);
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected') return;
    this.#policies.closed(this);
    for (const lease of new Set(this.#leases?.values())) {
      lease.left = 1;
      giveBack(lease);
    }
    this.#leases = null;
  }

  /** Under the newest policies. */
  standing(): Standing {
    return this.#standingOf(this.#policies.engine, this.callbacks.connection.facts);
  }

  #standingOf(engine: PolicyEngine, facts: SessionFacts): Standing {
    if (
      engine === this.#engine &&
      facts.user === this.#user &&
      facts.database === this.#database &&
      facts.application === this.#application &&
      facts.driver === this.#driver
    )
      return this.#standing;
    this.#engine = engine;
    this.#user = facts.user;
    this.#database = facts.database;
    this.#application = facts.application;
    this.#driver = facts.driver;
    this.#standing = engine.standing(facts);
    return this.#standing;
  }

  #hold(turn: Turn, lease: Lease): void {
    this.#leases ??= new Map();
    for (const x of turn.ops) {
      const before = this.#leases.get(x);
      if (before !== undefined) giveBack(before); // asked about once more
      this.#leases.set(x, lease);
      x.leased = true;
    }
  }
}
