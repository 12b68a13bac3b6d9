import { policySet } from '../../src/policy/policy.fixture.ts';
import { closes, denies, handsOff, type PgRow, query, startup } from './support/postgres.ts';

const granted = policySet([
  ...handsOff.policies.map(({ limit: _, ...policy }) => policy),
  { name: 'walsender', action: 'allow', operations: ['replication'] },
]);

/** replication opens another grammar: nobody gets it by chance. */
export const row: PgRow = {
  id: 'PG-08',
  title: 'replication',
  rules: ['R4', 'R5'],
  cases: [
    ...['database', 'true', 'TRUE', 'tru', 't', 'on', 'ON', '1', 'yes', 'ye', 'y'].map((value) =>
      closes(`replication=${value}`, query('IDENTIFY_SYSTEM'), {
        startup: startup({ replication: value }),
        codes: ['42501'],
        denied: 1,
        never: ['IDENTIFY'],
      }),
    ),
    ...['off', 'false', '0', 'no'].map((value) =>
      denies(`replication=${value} is a plain session`, query('table pay'), {
        startup: startup({ replication: value }),
      }),
    ),
    denies('replication commands in a plain session', query('START_REPLICATION SLOT pay LOGICAL 0/0')),
    denies('slots by functions', query("select pg_create_logical_replication_slot('pay', 'pgoutput')"), {
      policies: granted,
      codes: ['42501'],
      notReal: 'where granted, the server decides',
      notFake: 'where granted, the server decides',
    }),
    denies('where it is granted, SQL is judged all the same', query('select * from pay; select 1'), {
      policies: { ...granted, policies: [...granted.policies.filter(({ action }) => action === 'deny')] },
      startup: startup(),
    }),
  ],
};
