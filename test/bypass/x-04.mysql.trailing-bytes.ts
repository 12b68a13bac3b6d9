import { Command } from '../../protocol-filters/mysql/commands.ts';
import { client, packet, u16, u32 } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, deny, GUARD, type MysqlCase, type MysqlRow, no, yes } from './support/mysql.ts';

/** Commands whose fields have one length, as their packets are. */
const FIXED: Readonly<Record<string, Buffer>> = {
  quit: client.quit(),
  ping: client.ping(),
  statistics: client.command(Command.statistics),
  process_info: client.command(Command.processInfo),
  debug: client.command(Command.debug),
  reset_connection: client.resetConnection(),
  set_option: client.setOption(1),
  process_kill: client.command(Command.processKill, u32(1)),
  stmt_close: client.close(1),
  stmt_reset: client.reset(1),
  stmt_fetch: client.fetch(1),
};
const longer = (bytes: Buffer, tail: Uint8Array): Buffer => packet(0, bytes.subarray(4), tail);
const tailed = (name: string, bytes: Buffer, more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says: [yes('select 1'), closes(longer(bytes, Buffer.from('\0\x03'))), closes(client.query('delete from t'))],
  hidden: /delete/,
  ...more,
});

/**
 * Bytes behind the last field, within the packet. Of a text they are text, and judged with it; where fields have one length no
 * server says what it makes of more: the connection ends.
 */
export const row: MysqlRow = {
  id: 'X-04',
  title: 'trailing bytes',
  rules: ['R6', 'R10'],
  cases: [
    ...Object.entries(FIXED).map(([name, bytes]) => tailed(`behind ${name}`, bytes)),
    ...[1, 2, 4, 8].map(
      (count): MysqlCase => ({
        name: `${count} behind a ping`,
        policies: GUARD,
        says: [yes('select 1'), closes(longer(client.ping(), Buffer.alloc(count))), closes(client.ping())],
        notReal: 'the same as two',
      }),
    ),
    tailed('a whole query behind a ping', client.ping(), {
      says: [closes(longer(client.ping(), client.query('delete from forbidden')))],
      hidden: /forbidden/,
    }),
    {
      name: 'behind a query: zeros, and a statement',
      policies: GUARD,
      says: [yes('select 1'), no(longer(client.query('select 1'), Buffer.from('\0;delete from forbidden')))],
    },
    { name: 'behind a query: blanks', policies: GUARD, says: [yes('select 1 \n\t '), deny('table forbidden \n ')] },
    {
      name: 'behind a prepared text',
      policies: GUARD,
      says: [no(longer(client.prepare('select 1'), Buffer.from(' from forbidden'))), yes('select 1')],
    },
    {
      name: 'behind the name of a table, in its wildcard',
      policies: GUARD,
      says: [no(client.command(Command.fieldList, Buffer.from('forbidden\0%\0\0'), u16(0))), yes('select 1')],
    },
  ],
};
