import { policySet } from '../../src/policy/policy.fixture.ts';
import { batch, bothWays, denies, type PgRow, query } from './support/postgres.ts';

const policies = policySet([
  { name: 'reads', action: 'allow', operations: ['select'], targets: ['other'] },
  { name: 'one_role', action: 'allow', operations: ['role'], targets: ['role=reader'] },
]);
const more = { policies, never: ['boss', 'none', 'reset role', 'ROLE'] };
const ROLES = [
  'set role boss',
  'SET ROLE "boss"',
  "set role 'boss'",
  'set session role boss',
  'set local role boss',
  'set role none',
  'reset role',
  'set session authorization boss',
  "set local session authorization 'boss'",
  'set role to default -- boss',
  'reset session authorization -- boss',
  'set "role" to boss',
  'set "ROLE" = boss',
  'set U&"r\\006fle" to \'boss\'',
  "select set_config('role', 'boss', true)",
  "select set_config('SESSION_AUTHORIZATION', 'boss', true)",
];

/** The policies' user is who has logged in; another role is an operation of its own. */
export const row: PgRow = {
  id: 'PG-28',
  title: 'roles after the login',
  rules: ['R2', 'R8'],
  cases: [
    ...ROLES.flatMap((text) => bothWays(text, text, more)),
    denies('in one text with what is allowed', query('select * from other; set role boss'), more),
    denies('in a transaction', batch(query('begin'), query('set local role boss'), query('commit')), {
      ...more,
      ready: 'TEI',
    }),
  ],
};
