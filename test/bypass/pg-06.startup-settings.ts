import { policySet } from '../../src/policy/policy.fixture.ts';
import { closes, type PgCase, type PgRow, query, startup } from './support/postgres.ts';

const policies = policySet([{ name: 'reads', action: 'allow', operations: ['select'], targets: ['other', 'log'] }]);

const asks = (parameters: Record<string, string>): PgCase =>
  closes(JSON.stringify(parameters), query('select * from other'), {
    policies,
    startup: startup(parameters),
    codes: ['42501'],
    denied: 1,
    never: ['from other'],
  });

/** Settings in a startup message need what SET of them would need. */
export const row: PgRow = {
  id: 'PG-06',
  title: 'settings in the startup message',
  rules: ['R2', 'R4', 'R8'],
  cases: [
    ...[
      { options: '-c search_path=hr' },
      { options: '-csearch_path=hr' },
      { options: '--search_path=hr' },
      { options: '--search-path=hr' },
      { options: '-c SEARCH_PATH=hr' },
      { options: '-c statement_timeout=0 -c search_path=hr' },
      { options: '\t-c\n search_path=hr' },
      { options: '-c sea\\rch_path=hr' },
      { options: '-c search_path=hr\\ ,public' },
      { options: '-c role=postgres' },
      { options: '-c session_authorization=postgres' },
      { options: '-c app.tenant=7' },
      { options: '-c session_replication_role=replica' },
      { options: '-c allow_system_table_mods=on' },
      { options: '-c default_tablespace=x' },
      { options: '-O' },
      { options: '-P' },
      { options: '-d 5' },
      { options: '-c' },
      { options: 'search_path=hr' },
      { search_path: 'hr' },
      { Search_Path: 'hr' },
      { role: 'postgres' },
      { session_authorization: 'postgres' },
      { row_security: 'off' },
      { 'app.tenant': '7' },
      { session_preload_libraries: 'x' },
      { local_preload_libraries: 'x' },
      { session_replication_role: 'replica' },
    ].map((parameters) => asks(parameters as unknown as Record<string, string>)),
    {
      name: 'harmless ones are no reason',
      policies,
      startup: startup({
        application_name: 'x',
        client_encoding: 'UTF8',
        TimeZone: 'UTC',
        options: '-c statement_timeout=9s --work-mem=1MB -c datestyle=iso,\\ mdy',
        extra_float_digits: '2',
      }),
      sends: [query('select * from other'), query('table pay')],
      codes: ['42501'],
      ready: 'II',
    },
  ],
};
