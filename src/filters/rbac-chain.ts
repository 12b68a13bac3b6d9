import { compileRuleSet, type RbacEngine } from '../policy/rbac/engine.ts';
import type { RbacConfig } from '../policy/rbac/rbac-config.ts';
import { rulesSnapshotName } from '../policy/snapshot-name.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { rbacShadowStats, rbacStats } from './rbac-stats.ts';

/** What all links of one RBAC filter share: the rules of now, and the counters. */
export class RbacChain {
  config: RbacConfig;
  enforced: RbacEngine | null = null;
  shadow: RbacEngine | null = null;
  /** Of the rules, from 0. */
  version = 0;
  /** The same for the same rules, in every worker and at any time. */
  snapshot = '';
  readonly live = new Set<{ changed(): void }>();
  readonly #stats: StatsRegistry;
  #ids: StatIds<keyof typeof rbacStats.stats>;
  #shadowIds: StatIds<keyof typeof rbacShadowStats.stats>;

  constructor(config: RbacConfig, stats: StatsRegistry) {
    this.#stats = stats;
    this.config = config;
    [this.#ids, this.#shadowIds] = openStats(config, stats);
    this.#compile();
  }

  /** Rules are swapped whole: a message is judged by the old ones or by the new ones (threats R14). */
  update(next: RbacConfig | null): boolean {
    if (next !== null && next.enforcement_type !== this.config.enforcement_type) return false;
    this.config = next ?? { ...this.config, enforced: null, shadow: null };
    [this.#ids, this.#shadowIds] = openStats(this.config, this.#stats);
    this.#compile();
    this.version++;
    for (const link of [...this.live]) link.changed();
    return true;
  }

  count(allowed: boolean): void {
    this.#stats.inc(allowed ? this.#ids.allowed : this.#ids.denied);
  }

  countShadow(allowed: boolean): void {
    this.#stats.inc(allowed ? this.#shadowIds.shadow_allowed : this.#shadowIds.shadow_denied);
  }

  #compile(): void {
    const { enforced, shadow } = this.config;
    this.enforced = enforced === null ? null : compileRuleSet(enforced);
    this.shadow = shadow === null ? null : compileRuleSet(shadow);
    this.snapshot = rulesSnapshotName(this.config);
  }
}

function openStats(config: RbacConfig, stats: StatsRegistry) {
  // One dot behind each, whether or not it was written (Envoy).
  const [stat_prefix, shadow] = [config.stat_prefix, config.shadow_rules_stat_prefix].map((text) =>
    text.replace(/\.$/, ''),
  );
  return [
    stats.open(rbacStats, { stat_prefix: stat_prefix! }),
    stats.open(rbacShadowStats, { stat_prefix: stat_prefix!, shadow_prefix: shadow === '' ? '' : `${shadow}.` }),
  ] as const;
}
