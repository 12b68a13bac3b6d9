import { policySet } from '../../src/policy/policy.fixture.ts';
import { bothWays, type PgRow } from './support/postgres.ts';

const CODE = [
  "select query_to_xml('select * from pay', true, true, '')",
  "select pg_catalog.query_to_xml('select * from pay', true, true, '')",
  `select "query_to_xml"('select * from pay', true, true, '')`,
  "select QUERY_TO_XML('select * from pay', true, true, '')",
  `select U&"query\\005fto_xml"('select * from pay', true, true, '')`,
  "select query_to_xml_and_xmlschema('select * from pay', true, true, '')",
  "select table_to_xml('pay', true, true, '')",
  "select schema_to_xml('public', true, true, '') -- pay",
  "select database_to_xml(true, true, '') -- pay",
  "select cursor_to_xml('pay', 1, true, true, '')",
  "select * from dblink('dbname=postgres', 'select * from pay') as t(a int)",
  "select public.dblink_exec('dbname=postgres', 'delete from pay')",
  "select ts_stat('select to_tsvector(a::text) from pay')",
  "select * from ts_stat('select to_tsvector(a::text) from pay')",
  "select ts_rewrite('a'::tsquery, 'select a from pay')",
  "insert into other select 1 where query_to_xml('select * from pay', true, true, '') is null",
  "prepare p as select query_to_xml('select * from pay', true, true, '')",
];
const allowList = policySet([{ name: 'reads', action: 'allow', operations: ['select'], targets: ['other'] }]);
const FILES = [
  "select pg_read_file('/tmp/pay')",
  "select pg_read_binary_file('/tmp/pay')",
  "select * from pg_ls_dir('/tmp') -- pay",
  "select pg_stat_file('/tmp/pay')",
  "select lo_import('/tmp/pay')",
  "select lo_export(1, '/tmp/pay')",
  'select lo_get(1) -- pay',
  'select pg_terminate_backend(1) -- pay',
  'select pg_cancel_backend(1) -- pay',
  'select pg_reload_conf() -- pay',
  "select set_config('role', 'pay', false)",
  "select set_config('app.pay', 'x', true)",
  'select set_config(name, setting, false) from pg_settings -- pay',
  'select pg_sleep(0) -- pay',
  'select pg_advisory_lock(1) -- pay',
  "select pg_notify('pay', '')",
  "select nextval('pay')",
  "select setval('ids', 1) -- pay",
  "select pg_logical_emit_message(false, 'pay', '')",
  'select public.peek() -- pay',
  'select "peek"() -- pay',
  'select public.lower(1) -- pay',
  'select 1 from other where peek() > 0 -- pay',
  'select 1 from other order by peek() -- pay',
];

/** The name that an argument holds is another behind a cast; and the server cuts it. */
const CASTS = [
  "select nextval('pay_x'::varchar(3)::regclass)",
  "select nextval('pay_x'::char(3)::regclass)",
  "select currval('pay_x'::varchar(3)::text::regclass)",
  'select setval(\'pay_x\'::"varchar"(3)::regclass, 7)',
];
const long = 'n'.repeat(63);
const denyLong = policySet([{ name: 'long', action: 'deny', targets: [long] }]);

const denyRoles = policySet([{ name: 'no roles', action: 'deny', operations: ['role'], targets: ['role=*'] }]);

/** Functions that run text or touch files; incomplete by nature, so under an allow list each unknown one needs its own. */
export const row: PgRow = {
  id: 'PG-27',
  title: 'functions that do more than compute',
  rules: ['R4', 'R7'],
  cases: [
    ...CODE.flatMap((text) => bothWays(text, text)),
    ...CASTS.flatMap((text) => bothWays(text, text)),
    ...bothWays('a long name of a sequence', `select nextval('${long}_and_more') -- pay`, { policies: denyLong }),
    ...bothWays('a role in a cast', "select set_config('rolex'::varchar(4), 'pay', false)", {
      policies: denyRoles,
    }),
    ...FILES.flatMap((text) => bothWays(text, text, { policies: allowList })),
  ],
};
