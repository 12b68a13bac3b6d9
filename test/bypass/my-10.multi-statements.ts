import { CAPABILITIES, client } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { alsoListed, denies, GUARD, type MysqlRow, no, ok, yes } from './support/mysql.ts';

/** All statements of a text are judged, whatever the flag says; one that is denied denies them all. */
export const row: MysqlRow = {
  id: 'MY-10',
  title: 'multi-statements',
  rules: ['R2', 'R7'],
  cases: [
    ...alsoListed(
      denies({
        'the second': 'select 1; select * from forbidden',
        'the first': 'select * from forbidden; select 1',
        'the third of five': 'select 1; select 2; delete from forbidden; select 3; select 4',
        'rename behind a select': 'select 1; rename table forbidden to x',
        'behind a SET': 'set @a = 1; delete from forbidden',
        'behind a comment that holds a semicolon': 'select 1 /* ; */; delete from forbidden',
        'behind a string that holds a semicolon': "select ';'; delete from forbidden",
        'behind an empty statement': 'select 1;;; delete from forbidden',
        'without blanks': 'select 1;delete from`forbidden`',
        lock: 'select 1; lock tables forbidden write',
        'behind two lines of comments': 'select 1; -- x\n# y\ndelete from forbidden',
        'a semicolon at its end': 'delete from forbidden;',
        'a transaction around it': 'begin; insert into t values (1, null); delete from forbidden; commit',
      }),
    ),
    {
      name: 'the flag is not set',
      policies: GUARD,
      login: { capabilities: CAPABILITIES & ~C.multiStatements },
      says: [no(client.query('select 1; delete from forbidden')), yes('select 1')],
    },
    {
      name: 'the flag is set by COM_SET_OPTION',
      policies: GUARD,
      login: { capabilities: CAPABILITIES & ~C.multiStatements },
      says: [ok(client.setOption(0)), no(client.query('select 1; delete from forbidden')), yes('select 1')],
    },
    {
      name: 'in a prepared statement',
      policies: GUARD,
      says: [no(client.prepare('select 1; delete from forbidden')), yes('select 1')],
    },
    {
      name: 'a hundred',
      policies: GUARD,
      says: [no(client.query(`${'select 1;'.repeat(100)} delete from forbidden`)), yes('select 1')],
    },
  ],
};
