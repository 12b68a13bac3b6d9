import type { StreamInfo } from '../net/filter.ts';

const NAMESPACE = 'envoy.filters.network.rbac';
const COMMON = 'envoy.common';

/** What an RBAC filter leaves of its results with the connection: dynamic metadata, and why it ended. */
export class RbacRecord {
  readonly #info: StreamInfo;
  #results: Record<string, unknown> | null = null;

  constructor(info: StreamInfo) {
    this.#info = info;
  }

  /** `prefix`: shadow_rules_stat_prefix. */
  shadow(prefix: string, allowed: boolean, policy: string): void {
    this.#note(`${prefix}shadow_effective_policy_id`, `${prefix}shadow_engine_result`, allowed, policy);
  }

  /** Under the names of Envoy's HTTP filter: its network filter tells the shadow results only. */
  enforced(allowed: boolean, policy: string, logHint: boolean | null): void {
    this.#note('enforced_effective_policy_id', 'enforced_engine_result', allowed, policy);
    if (logHint !== null) this.#space(COMMON)['access_log_hint'] = logHint;
  }

  /** Envoy's words, in which a blank would end a field of a log line. */
  terminated(policy: string): void {
    const id = policy === '' ? 'none' : policy.replace(/\s/g, '_');
    this.#info.terminationDetails = `rbac_access_denied_matched_policy[${id}]`;
  }

  #note(policyKey: string, resultKey: string, allowed: boolean, policy: string): void {
    this.#results ??= this.#space(NAMESPACE);
    const results = this.#results;
    if (policy !== '') results[policyKey] = policy;
    else if (Object.hasOwn(results, policyKey)) delete results[policyKey];
    results[resultKey] = allowed ? 'allowed' : 'denied';
  }

  #space(namespace: string): Record<string, unknown> {
    const known = this.#info.metadata.get(namespace);
    const space = known ?? {};
    if (known === undefined) this.#info.metadata.set(namespace, space);
    return space;
  }
}
