import { VERDICT_NAMES, VerdictCode } from '../exchange/exchange.ts';
import { openVerdicts } from '../net/verdict-counter.ts';
import type { PolicyEngine, PolicyObserver } from '../policy/engine.ts';
import type { LimitKind, LimitRule } from '../policy/limits.ts';
import type { PolicyConfig, PolicySetConfig } from '../policy/policy-config.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { policySetStats } from './policy-stats.ts';

/** Counts what verdicts do not tell: which limit was reached, what could not be known. Verdicts are counted with their exchanges. */
export class PolicyCounters implements PolicyObserver {
  readonly #stats: StatsRegistry;
  readonly #listener: string;
  readonly #set: StatIds<keyof typeof policySetStats.stats>;

  constructor(stats: StatsRegistry, listener: string) {
    this.#stats = stats;
    this.#listener = listener;
    this.#set = stats.open(policySetStats, { listener });
  }

  /** Opens the counters of a snapshot, so that they stand at 0 before anything is decided. */
  prepare(engine: PolicyEngine, { policies }: PolicySetConfig): void {
    this.#stats.set(this.#set.snapshot, engine.version);
    this.#stats.set(this.#set.enforced, engine.enforced);
    this.#stats.set(this.#set.shadow, engine.shadow);
    for (const policy of policies)
      for (const verdict of verdictsOf(policy)) this.#open(policy.name, verdict, policy.mode === 'enforce');
  }

  /** Cold: a limit was reached. */
  onLimited({ rule, enforced }: LimitRule, kind: LimitKind): void {
    this.#stats.inc(this.#open(rule.policy.name, kind, enforced));
  }

  onUnresolved(): void {
    this.#stats.inc(this.#set.unresolved);
  }

  onConditionFailure(failures: number): void {
    this.#stats.add(this.#set.condition_failures, failures);
  }

  setStale(connections: number): void {
    this.#stats.set(this.#set.stale_connections, connections);
  }

  #open(policy: string, verdict: string, enforced: boolean): number {
    return openVerdicts(this.#stats, this.#listener, policy, verdict, enforced);
  }
}

function verdictsOf({ action, limit }: PolicyConfig): string[] {
  if (action === 'allow') return [VERDICT_NAMES[VerdictCode.allowed]];
  const denied = VERDICT_NAMES[VerdictCode.denied];
  if (action === 'deny') return [denied];
  const kinds: [LimitKind, unknown][] = [
    ['rate', limit?.rate],
    ['concurrent', limit?.concurrent],
    ['rows', limit?.rows],
    ['bytes', limit?.bytes],
    ['idle', limit?.idleInTransactionMs],
  ];
  return [denied, ...kinds.flatMap(([kind, bound]) => (bound ? [kind] : []))];
}
