import { type Exchange, VERDICT_NAMES, type VerdictCode } from '../exchange/exchange.ts';
import { type StatsRegistry, statGroup } from '../stats/registry.ts';

/**
 * What policies said of exchanges; `mode` enforce or shadow, `verdict` allowed or denied. Policies of action limit count
 * besides which limit was reached: rate, concurrent, rows, bytes, idle.
 */
export const policyVerdictStats = statGroup('sluice.policy.<listener>.<policy>.<mode>.<verdict>.', {
  verdicts: {
    kind: 'counter',
    help: 'Operations by the policy that decided; where none had to, the policy is sluice.default.',
  },
});

/** The policy of operations that none had to decide. */
export const NO_POLICY = 'sluice.default';

/** Counts the verdicts of one listener as their exchanges end: as many as events tell of. */
export class VerdictCounter {
  readonly #stats: StatsRegistry;
  readonly #listener: string;
  /** Ids by policy; by verdict and mode. */
  readonly #ids: readonly Map<string, number>[] = [new Map(), new Map(), new Map(), new Map()];

  constructor(stats: StatsRegistry, listener: string) {
    this.#stats = stats;
    this.#listener = listener;
  }

  count(x: Exchange): void {
    if (x.verdict !== 0) this.#stats.inc(this.#id(x.policy, x.verdict, true));
    if (x.shadowVerdict !== 0) this.#stats.inc(this.#id(x.shadowPolicy, x.shadowVerdict, false));
  }

  #id(policy: string, verdict: VerdictCode, enforced: boolean): number {
    const known = this.#ids[(verdict - 1) * 2 + (enforced ? 1 : 0)]!;
    let id = known.get(policy);
    if (id === undefined) {
      id = openVerdicts(this.#stats, this.#listener, policy, VERDICT_NAMES[verdict], enforced);
      known.set(policy, id);
    }
    return id;
  }
}

/** The id of one counter. */
export function openVerdicts(
  stats: StatsRegistry,
  listener: string,
  policy: string,
  verdict: string,
  enforced: boolean,
): number {
  const mode = enforced ? 'enforce' : 'shadow';
  return stats.open(policyVerdictStats, { listener, policy: policy || NO_POLICY, mode, verdict }).verdicts;
}
