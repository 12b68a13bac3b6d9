import { statGroup } from '../stats/registry.ts';

/** Of all policies of a listener. */
export const policySetStats = statGroup('sluice.policies.<listener>.', {
  snapshot: {
    kind: 'gauge',
    help: 'Number of the policies in force, from 1; it grows with each reload.',
    merge: 'max',
  },
  enforced: { kind: 'gauge', help: 'Policies that are enforced.', merge: 'max' },
  shadow: { kind: 'gauge', help: 'Policies in shadow mode.', merge: 'max' },
  stale_connections: {
    kind: 'gauge',
    help: 'Connections older than the policies that are enforced now, which nothing can be refused on: judged in shadow until they leave.',
  },
  unresolved: { kind: 'counter', help: 'Operations judged of which nobody can say for certain what they do.' },
  condition_failures: {
    kind: 'counter',
    help: 'Conditions (`when`) that could not be evaluated: they hold for deny and limit, and not for allow.',
  },
});
