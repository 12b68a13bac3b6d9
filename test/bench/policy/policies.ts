import { type Wish as PolicyWish, policySet } from '../../../src/policy/policy.fixture.ts';

/** Ten as a shop would have them: seven concern the session that is measured. */
const WISHES: readonly PolicyWish[] = [
  { name: 'no-payroll', action: 'deny', targets: ['payroll', 'hr_*'] },
  { name: 'no-drops', action: 'deny', operations: ['drop', 'truncate'], applications: ['shop-*'] },
  { name: 'guests', action: 'deny', users: ['guest*'] },
  { name: 'no-writes-from-reports', action: 'deny', users: ['reporting'], operations: ['insert', 'update', 'delete'] },
  { name: 'inside', action: 'deny', clients: ['192.168.0.0/16'], targets: ['audit*'] },
  {
    name: 'web-reads',
    action: 'allow',
    users: ['web'],
    operations: ['select'],
    targets: ['orders*', 'customers', 'items'],
  },
  {
    name: 'web-writes',
    action: 'allow',
    users: ['web'],
    operations: ['insert', 'update'],
    targets: ['orders*', 'carts'],
  },
  { name: 'reports', action: 'allow', users: ['reporting'], operations: ['select'] },
  { name: 'admins', action: 'allow', users: ['admin', 'dba_*'], targets: ['*', '$unresolved'] },
  { name: 'jobs', action: 'allow', applications: ['*-job'], databases: ['shop'], operations: ['select', 'update'] },
];

export const TEN_POLICIES = policySet(WISHES);

/** Three of them ask for the time or the message, so nothing can be remembered. */
export const WITH_CONDITIONS = policySet(
  WISHES.map((wish, i) =>
    i === 5 || i === 6 || i === 1 ? { ...wish, when: 'hour >= 0 && message_bytes < 65536 && limit <= 1000' } : wish,
  ),
);

const MANY = 1_000_000_000;
export const WITH_LIMITS = policySet([
  ...WISHES.slice(3),
  { name: 'rate', action: 'limit', limit: { rate: { count: MANY, perMs: 1000, burst: MANY }, per: 'user' } },
  { name: 'busy', action: 'limit', limit: { concurrent: 100, per: 'application' } },
  { name: 'rows', action: 'limit', operations: ['select'], limit: { rows: 10_000 } },
]);

/** Ten that are about the point select of pgbench, as the user postgres runs it. */
export const BENCH_POLICIES = policySet([
  { name: 'no-payroll', action: 'deny', targets: ['payroll', 'hr_*'] },
  { name: 'no-drops', action: 'deny', operations: ['drop', 'truncate'] },
  { name: 'guests', action: 'deny', users: ['guest*'] },
  { name: 'no-writes-from-reports', action: 'deny', users: ['reporting'], operations: ['insert', 'update', 'delete'] },
  { name: 'inside', action: 'deny', clients: ['192.168.0.0/16'], targets: ['audit*'] },
  { name: 'history', action: 'allow', operations: ['select', 'insert'], targets: ['pgbench_history'] },
  { name: 'balances', action: 'allow', operations: ['select', 'update'], targets: ['pgbench_*', 'bulk'] },
  { name: 'reports', action: 'allow', users: ['reporting'], operations: ['select'] },
  { name: 'admins', action: 'allow', users: ['admin', 'dba_*'], targets: ['*', '$unresolved'] },
  { name: 'jobs', action: 'allow', applications: ['*-job'], databases: ['shop'], operations: ['select', 'update'] },
]);
