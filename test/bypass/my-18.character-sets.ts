import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, type MysqlRow, no, ok, yes } from './support/mysql.ts';

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const query = (...parts: (string | number[])[]) => client.command(0x03, bytes(...parts));
/** In some character sets a character eats a backslash, or a quote. */
export const row: MysqlRow = {
  id: 'MY-18',
  title: 'character sets',
  rules: ['R6', 'R8', 'R11'],
  cases: [
    {
      name: 'gbk eats a backslash',
      policies: GUARD,
      says: [yes('set names gbk'), no(query("select '", [0xbf, 0x5c], "' from forbidden -- '")), yes('select 1')],
    },
    {
      name: 'utf8mb4 does not',
      policies: GUARD,
      says: [no(query("select '", [0xbf, 0x5c], "'' from forbidden -- '")), yes('select 1')],
    },
    {
      name: 'sjis at the login',
      policies: GUARD,
      login: { collation: 13 },
      says: [no(query("select '", [0x83, 0x5c], "' from forbidden -- '")), yes('select 1')],
    },
    {
      name: 'big5 by CHARACTER SET',
      policies: GUARD,
      says: [
        yes('set character set big5'),
        no(query("select '", [0xa5, 0x5c], "' from forbidden -- '")),
        yes('select 1'),
      ],
    },
    {
      name: 'set and used in one text',
      policies: GUARD,
      says: [no(query("set names gbk; select '", [0xbf, 0x5c], "' from forbidden -- '")), yes('select 1')],
    },
    {
      name: 'by a variable: high bytes cannot be read',
      policies: GUARD,
      says: [
        yes("set @c = 'gbk'"),
        yes('set character_set_client = @c'),
        no(query("select '", [0xbf, 0x5c], "' from forbidden -- '")),
      ],
    },
    {
      name: 'a server that may ignore the client’s',
      policies: GUARD,
      login: { collation: 28 },
      says: [no(query("select '", [0xbf, 0x5c], "' , '", [0xbf, 0x5c], "'' from forbidden -- '"))],
    },
    {
      name: 'a name that is no UTF-8',
      policies: GUARD,
      says: [no(query('select * from ', [0xe9])), no(query('select * from `', [0xff, 0xfe], '`')), yes('select 1')],
    },
    {
      name: 'a zero byte',
      policies: GUARD,
      says: [no(query('select 1', [0], ' from forbidden')), no(query('select * from forbidden', [0])), yes('select 1')],
    },
    {
      name: 'introducers and hex',
      policies: GUARD,
      says: [
        deny("select _utf8'x', N'y', x'41', 0x41, b'1' from forbidden"),
        ok(query("select _utf8mb4'x', N'y', x'41'")),
        yes('select 1'),
      ],
    },
    {
      name: 'a string in hex is no name',
      policies: GUARD,
      says: [deny("select * from x'666f7262696464656e'"), yes('select 1')],
    },
    {
      name: 'Unicode that folds to ASCII is another name',
      policies: GUARD,
      says: [deny('select * from forbidden, `\u212a`'), yes('select 1')],
    },
  ],
};
