import { POLICY_TYPE_URL } from '../config/policies-schema.ts';
import { policySnapshots } from '../config/policy-snapshots.ts';
import { RBAC_TYPE_URL } from '../config/rbac-schema.ts';
import type { ListenerConfig } from '../config/snapshot.ts';
import { policyVerdictStats } from '../net/verdict-counter.ts';
import type { PolicySetConfig } from '../policy/policy-config.ts';
import type { MergedStat } from '../stats/merged.ts';
import type { RecentVerdict, RecentVerdicts } from './recent-verdicts.ts';

/** One policy of one listener, with all that it has said since the start. */
export interface PolicyRow {
  /** Its name, or one of Sluice's own: `sluice.default`, `sluice.not_allowed` … */
  readonly policy: string;
  readonly listener: string;
  readonly protocol: string;
  /** Of the listener's policies, or of its RBAC filter's rules, as its events name it; '' = the file has none. */
  readonly snapshot: string;
  readonly mode: 'enforce' | 'shadow';
  /** `built-in`: no policy of the file stands for it. `removed`: the file has it no longer. */
  readonly action: 'allow' | 'deny' | 'limit' | 'rbac' | 'built-in' | 'removed';
  readonly allowed: number;
  /** In shadow mode: what it would have denied. */
  readonly denied: number;
  /** Of action limit: how often which bound was reached (`rate`, `concurrent`, `rows`, `bytes`, `idle`). */
  readonly limits: Readonly<Record<string, number>>;
  readonly last_denied: RecentVerdict | null;
}

const VERDICTS = `${policyVerdictStats.prefix}verdicts`;
/** Names that no file may give: of denials and allowances that none of its policies stands for. */
const OWN = 'sluice.';

interface Counted {
  readonly listener: string;
  readonly policy: string;
  readonly mode: PolicyRow['mode'];
  allowed: number;
  denied: number;
  readonly limits: Record<string, number>;
}

/** Policies of the configuration, and whatever else has said something: those that denied most first, then in the file's order. */
export function policyRows(
  listeners: readonly ListenerConfig[],
  stats: readonly MergedStat[],
  protocolOf: (listener: string) => string,
  recent: RecentVerdicts,
): PolicyRow[] {
  const counts = countsOf(stats);
  const rows: PolicyRow[] = [];
  const add = (action: PolicyRow['action'], key: string, one: Counted): void => {
    counts.delete(key);
    const last = recent.lastDenied(one.listener, one.policy, one.mode === 'shadow');
    const snapshot = snapshotOf(one.listener, action === 'rbac' ? 'rbac' : 'policies');
    rows.push({ ...one, protocol: protocolOf(one.listener), snapshot, action, last_denied: last });
  };
  const snapshots = new Map(listeners.map((listener) => [listener.name, policySnapshots(listener)]));
  const snapshotOf = (listener: string, of: 'policies' | 'rbac'): string =>
    snapshots.get(listener)?.find((each) => each.of === of)?.snapshot ?? '';
  const withRbac = new Set<string>();
  for (const { name: listener, filterChains } of listeners)
    for (const { typeUrl, config } of filterChains.flatMap(({ filters }) => filters)) {
      if (typeUrl === RBAC_TYPE_URL) withRbac.add(listener);
      if (typeUrl !== POLICY_TYPE_URL) continue;
      for (const { name: policy, mode, action } of (config as unknown as PolicySetConfig).policies) {
        const key = keyOf(listener, policy, mode);
        add(action, key, counts.get(key) ?? { listener, policy, mode, allowed: 0, denied: 0, limits: {} });
      }
    }
  for (const [key, one] of counts) {
    if (one.allowed + one.denied === 0) continue;
    if (one.policy.startsWith(OWN)) add('built-in', key, one);
    else add(withRbac.has(one.listener) ? 'rbac' : 'removed', key, one);
  }
  return rows.sort((a, b) => b.denied - a.denied);
}

function countsOf(stats: readonly MergedStat[]): Map<string, Counted> {
  const counts = new Map<string, Counted>();
  for (const { pattern, labels, value } of stats) {
    if (pattern !== VERDICTS) continue;
    const { listener = '', policy = '', verdict = '' } = labels;
    const mode = labels['mode'] === 'shadow' ? 'shadow' : 'enforce';
    const key = keyOf(listener, policy, mode);
    const one = counts.get(key) ?? { listener, policy, mode, allowed: 0, denied: 0, limits: {} };
    counts.set(key, one);
    if (verdict === 'allowed' || verdict === 'denied') one[verdict] += value;
    else one.limits[verdict] = value;
  }
  return counts;
}

const keyOf = (listener: string, policy: string, mode: string): string => JSON.stringify([listener, policy, mode]);
