import { policySet } from '../../src/policy/policy.fixture.ts';
import { bothWays, handsOff, type PgCase, type PgRow } from './support/postgres.ts';

const LONG = 'n'.repeat(63);
const long = policySet([{ name: 'long', action: 'deny', targets: [LONG] }]);
const upper = policySet([{ name: 'upper', action: 'deny', targets: ['"Odd.Name"'] }]);
const on = (policies: PgCase['policies'], never: readonly string[]) => ({ policies, never });

export const row: PgRow = {
  id: 'PG-24',
  title: 'identifiers',
  rules: ['R11'],
  cases: [
    ...bothWays('upper case is folded', 'select * from PAY', on(handsOff, ['PAY'])),
    ...bothWays('mixed', 'DELETE FROM hR.pAy', on(handsOff, ['pAy'])),
    ...bothWays('quotes around the same', 'select * from "pay"'),
    ...bothWays('a schema with blanks', 'select * from "hr" . /* */ pay'),
    ...bothWays('the database before it', 'select * from postgres.public.pay'),
    ...bothWays('escapes in the name', 'select * from U&"p\\0061y"', on(handsOff, ['from U&'])),
    ...bothWays('escapes with another sign', 'select * from U&"p!0061y" UESCAPE \'!\'', on(handsOff, ['from U&'])),
    ...bothWays('cut at 63 bytes', `select * from ${LONG}rest`, on(long, [LONG])),
    ...bothWays('cut at 63 bytes in quotes', `select * from "${LONG}rest"`, on(long, [LONG])),
    ...bothWays('a dot in a name', 'select * from "Odd.Name"', on(upper, ['Odd'])),
    ...bothWays('ONLY', 'select * from only pay'),
    ...bothWays('a star', 'select * from pay *'),
    ...bothWays('an alias of the same name', 'select * from other as x join pay as other on true'),
    ...bothWays('a CTE that hides it elsewhere', 'with pay as (select 1) select * from pay, hr.pay', {}),
    ...bothWays('a CTE that is not seen there', 'with x as (select * from pay), pay as (select 1) select * from x'),
  ],
};
