import { client, u8, u16, u32 } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, mute, no, ok, yes } from './support/mysql.ts';

const bulk = (id: number) => client.command(0xfa, u32(id), u16(128), u8(0x03), u8(0), u8(0), u32(7));
/** MariaDB's own: -1 is the statement prepared last, bulk executions, and an opcode that once was. */
export const row: MysqlRow = {
  id: 'MY-03',
  title: 'MariaDB’s own',
  rules: ['R1', 'R4'],
  cases: [
    {
      name: 'prepared and executed at once, both denied',
      policies: GUARD,
      says: [no(client.prepare('select * from forbidden')), no(client.execute(0xffff_ffff)), yes('select 1')],
    },
    {
      name: 'prepared and executed at once, allowed',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), ok(client.execute(0xffff_ffff)), yes('select 2')],
    },
    {
      name: '-1 behind a denied one does not run the one before',
      policies: GUARD,
      says: [
        ok(client.prepare('delete from t')),
        no(client.prepare('select * from forbidden')),
        no(client.execute(0xffff_ffff)),
      ],
      hidden: /forbidden|Execute/,
    },
    { name: '-1 with nothing prepared', policies: GUARD, says: [no(client.execute(0xffff_ffff)), yes('select 1')] },
    {
      name: '-1 behind its close',
      notReal: 'the number is the server’s',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), mute(client.close(1)), no(client.execute(0xffff_ffff))],
      hidden: /Execute/,
    },
    {
      name: 'a bulk execution of a denied statement',
      policies: GUARD,
      says: [no(client.prepare('insert into forbidden values (?)')), no(bulk(0xffff_ffff)), no(bulk(1))],
    },
    {
      name: 'COM_MULTI',
      policies: GUARD,
      says: [no(client.command(0xfe, u32(24), client.query('delete from forbidden'))), yes('select 1')],
    },
    { name: 'a fetch of -1', policies: GUARD, says: [no(client.fetch(0xffff_ffff)), yes('select 1')] },
    {
      name: 'long data and an execution of -1',
      policies: GUARD,
      says: [
        no(client.prepare('insert into forbidden values (?)')),
        mute(client.longData(0xffff_ffff, 0, 'forbidden')),
        no(client.execute(0xffff_ffff)),
      ],
    },
  ],
};
