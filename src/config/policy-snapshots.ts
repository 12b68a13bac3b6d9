import type { PolicySetConfig } from '../policy/policy-config.ts';
import type { RbacConfig } from '../policy/rbac/rbac-config.ts';
import { rulesSnapshotName, snapshotName } from '../policy/snapshot-name.ts';
import { POLICY_TYPE_URL } from './policies-schema.ts';
import { RBAC_TYPE_URL } from './rbac-schema.ts';
import type { ListenerConfig } from './snapshot.ts';

/** What one link of a listener judges by, under the name that its events will have. */
export interface PolicySnapshot {
  readonly of: 'policies' | 'rbac';
  readonly snapshot: string;
  /** Policies; of RBAC 1 where there are rules. */
  readonly enforced: number;
  readonly shadow: number;
}

/** Of each link that judges, in chain order. */
export const policySnapshots = ({ filterChains }: ListenerConfig): PolicySnapshot[] =>
  filterChains
    .flatMap(({ filters }) => filters)
    .flatMap(({ typeUrl, config }): PolicySnapshot[] => {
      if (typeUrl === POLICY_TYPE_URL) return [ofPolicies(config as unknown as PolicySetConfig)];
      return typeUrl === RBAC_TYPE_URL ? [ofRules(config as unknown as RbacConfig)] : [];
    });

function ofPolicies(config: PolicySetConfig): PolicySnapshot {
  const enforced = config.policies.filter(({ mode }) => mode === 'enforce').length;
  return { of: 'policies', snapshot: snapshotName(config), enforced, shadow: config.policies.length - enforced };
}

const ofRules = (config: RbacConfig): PolicySnapshot => ({
  of: 'rbac',
  snapshot: rulesSnapshotName(config),
  enforced: config.enforced === null ? 0 : 1,
  shadow: config.shadow === null ? 0 : 1,
});
