import { CAPABILITIES, client } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { GUARD, type MysqlRow, no, ok, yes } from './support/mysql.ts';

const login = { capabilities: CAPABILITIES | C.queryAttributes };
const notReal = 'MariaDB has no query attributes';
const both = { policies: GUARD, login, notReal };
/** SQL behind a block of attributes is read by the effective flag, never by guess. */
export const row: MysqlRow = {
  id: 'MY-02',
  title: 'query attributes',
  rules: ['R6'],
  cases: [
    {
      ...both,
      name: 'none, and a denied text',
      says: [no(client.queryWithAttributes('select * from forbidden')), ok(client.queryWithAttributes('select 1'))],
    },
    {
      ...both,
      name: 'a value that looks like harmless SQL',
      says: [
        no(client.queryWithAttributes('delete from forbidden', { a: 'select 1' })),
        ok(client.queryWithAttributes('select 1')),
      ],
    },
    {
      ...both,
      name: 'a name that looks like harmless SQL',
      says: [no(client.queryWithAttributes('delete from forbidden', { 'select 1;': '' }))],
    },
    {
      ...both,
      name: 'a value that opens a comment',
      says: [no(client.queryWithAttributes('*/ delete from forbidden', { a: '/*' }))],
    },
    {
      ...both,
      name: 'ten of them',
      says: [
        no(
          client.queryWithAttributes(
            'delete from forbidden',
            Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`n${i}`, `v${i}`])),
          ),
        ),
      ],
    },
    {
      name: 'the flag is not agreed on: the block is text',
      policies: GUARD,
      says: [no(client.queryWithAttributes('select * from forbidden')), yes('select 1')],
    },
    {
      name: 'flag agreed on, text without a block',
      policies: GUARD,
      login,
      notReal,
      says: [{ fate: 'closes', bytes: client.query('select * from forbidden') }],
    },
  ],
};
