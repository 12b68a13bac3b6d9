import { statGroup } from '../stats/registry.ts';

/** Envoy's network RBAC: one evaluation a connection, a read or, behind a protocol filter that gates, a message. */
export const rbacStats = statGroup('<stat_prefix>.rbac.', {
  allowed: { kind: 'counter', help: 'Evaluations of the enforced rules that allowed.' },
  denied: { kind: 'counter', help: 'Evaluations of the enforced rules that denied; each closed a connection.' },
});

export const rbacShadowStats = statGroup('<stat_prefix>.rbac.<shadow_prefix>', {
  shadow_allowed: { kind: 'counter', help: 'Evaluations of the shadow rules that would have allowed.' },
  shadow_denied: { kind: 'counter', help: 'Evaluations of the shadow rules that would have denied.' },
});
