import {
  CAPABILITIES,
  client,
  cstr,
  packet,
  u8,
  u16,
  u32,
  zeros,
} from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, no, yes } from './support/mysql.ts';

const login = (...fields: Buffer[]) => packet(1, u32(CAPABILITIES), u32(1), u8(45), zeros(23), ...fields);
const change = (...fields: Buffer[]) => client.command(0x11, ...fields);
/** Fields that are longer than what holds them. */
export const row: MysqlRow = {
  id: 'X-03',
  title: 'fields past their frame',
  rules: ['R3', 'R6', 'R12'],
  cases: [
    {
      name: 'an authentication answer that is longer than the login',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([login(cstr('open'), u8(200)), client.query('delete from forbidden')]),
    },
    {
      name: 'attributes that are longer than the login',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([
        login(cstr('open'), u8(0), cstr('shop'), cstr('mysql_native_password'), u8(200)),
        client.query('delete from forbidden'),
      ]),
    },
    {
      name: 'attributes that end in the middle of a name',
      policies: GUARD,
      says: [],
      opens: login(cstr('open'), u8(0), cstr('shop'), cstr('mysql_native_password'), u8(3), u8(9), Buffer.from('ab')),
    },
    { name: 'a user without an end', policies: GUARD, says: [], opens: login(Buffer.from('open')) },
    {
      name: 'a user that is no UTF-8',
      policies: GUARD,
      says: [],
      opens: login(Buffer.from('6fff00', 'hex'), u8(0), cstr('shop'), cstr('mysql_native_password'), u8(0)),
    },
    {
      name: 'a user of a thousand bytes',
      policies: GUARD,
      says: [],
      opens: login(cstr('x'.repeat(1000)), u8(0), cstr('shop'), cstr('mysql_native_password'), u8(0)),
    },
    {
      name: 'program_name twice',
      policies: GUARD,
      says: [],
      opens: login(
        cstr('open'),
        u8(0),
        cstr('shop'),
        cstr('mysql_native_password'),
        u8(30),
        u8(12),
        Buffer.from('program_name'),
        u8(1),
        Buffer.from('a'),
        u8(12),
        Buffer.from('program_name'),
        u8(2),
        Buffer.from('bb'),
      ),
    },
    {
      name: 'a change of user whose answer is too long',
      policies: GUARD,
      says: [yes('select 1'), no(change(cstr('open'), u8(200), u16(1)))],
    },
    {
      name: 'an execution without all of its head',
      policies: GUARD,
      says: [no(client.command(0x17, u16(1))), yes('select 1')],
    },
  ],
};
