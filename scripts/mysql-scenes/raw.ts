import mysql from 'mysql2/promise';
import { Capability, Extended, RawMysql, type RawOptions, statementCommand } from '../../test/support/mysql-raw.ts';
import type { Scene } from '../record-scenes.ts';

/** What no client here offers: a hand-made client, the real server. */

const raw =
  (use: (client: RawMysql) => Promise<unknown>, options: Omit<RawOptions, 'port'> = {}) =>
  async (port: number): Promise<void> => {
    const client = await RawMysql.open({ port, database: 'shop', ...options });
    await use(client);
    await client.quit();
  };

const Command = {
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  close: 0x19,
  reset: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
} as const;

const u32 = (n: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(n);
  return out;
};
const prepare = (text: string): Buffer => Buffer.concat([Uint8Array.of(Command.prepare), Buffer.from(text)]);
const READ_ONLY_CURSOR = Uint8Array.of(1);
const NO_CURSOR = Uint8Array.of(0);
/** COM_STMT_EXECUTE of a statement without parameters. */
const execute = (id: number, cursor: Uint8Array): Buffer => statementCommand(Command.execute, id, cursor, u32(1));
const fetch = (id: number, rows: number): Buffer => statementCommand(Command.fetch, id, u32(rows));

/** A cursor read in three steps, one left open and reset, one that finds nothing. `ends`: EOFs of a prepare's reply. */
const cursors =
  (ends: { prepare: number; open: number }) =>
  async (client: RawMysql): Promise<void> => {
    await client.send(prepare('select id, name from goods where id <= 5 order by id'));
    const id = (await client.packet()).readUInt32LE(1);
    await skipPackets(client, 2, ends.prepare);
    await client.send(execute(id, READ_ONLY_CURSOR));
    await client.reply(ends.open);
    for (let step = 0; step < 3; step++) {
      await client.send(fetch(id, 2));
      await client.reply(1);
    }
    await client.send(fetch(id, 2)); // the cursor is closed: 1421
    await client.reply(1);
    await client.send(execute(id, READ_ONLY_CURSOR));
    await client.reply(ends.open);
    await client.send(fetch(id, 1));
    await client.reply(1);
    await client.send(statementCommand(Command.reset, id));
    await client.packet();
    await client.send(execute(id, NO_CURSOR));
    await client.reply(ends.prepare + 1);
    await client.send(statementCommand(Command.close, id));
  };

/** Definitions of `columns` columns, and their EOF where there is one. */
const skipPackets = async (client: RawMysql, columns: number, eofs: number): Promise<void> => {
  for (let left = columns + eofs; left > 0; left--) await client.packet();
};

export const RAW_SCENES: readonly Scene[] = [
  {
    name: 'raw-cursor',
    title:
      'hand-made client: COM_STMT_EXECUTE with CURSOR_TYPE_READ_ONLY, COM_STMT_FETCH to the end and past it, reset',
    play: raw(cursors({ prepare: 1, open: 1 })),
  },
  {
    name: 'raw-cursor-deprecate-eof',
    title: 'hand-made client: the same with CLIENT_DEPRECATE_EOF',
    play: raw(cursors({ prepare: 0, open: 1 }), { capabilities: Capability.deprecateEof }),
  },
  {
    name: 'raw-cursor-cached-metadata',
    title: "hand-made client: the same with MariaDB's cached metadata: definitions come once",
    play: raw(cursors({ prepare: 0, open: 1 }), {
      capabilities: Capability.deprecateEof,
      extended: Extended.cacheMetadata,
    }),
  },
  {
    name: 'raw-long-data',
    title:
      'hand-made client: COM_STMT_SEND_LONG_DATA in three pieces, no reply, then the execution; reset; unknown ids',
    play: raw(async (client) => {
      await client.send(prepare('select length(?) as n, ? as m'));
      const id = (await client.packet()).readUInt32LE(1);
      await skipPackets(client, 2, 1);
      await skipPackets(client, 2, 1);
      const longData = (text: string): Buffer =>
        statementCommand(Command.longData, id, Uint8Array.of(0, 0), Buffer.from(text));
      for (let piece = 0; piece < 3; piece++) await client.send(longData('long '.repeat(20)));
      const LONG_BLOB = [0xfb, 0];
      const LONG = [0x03, 0];
      await client.send(
        statementCommand(Command.execute, id, NO_CURSOR, u32(1), Uint8Array.of(0, 1, ...LONG_BLOB, ...LONG), u32(7)),
      );
      await client.reply(2);
      await client.send(longData('forgotten'));
      await client.send(statementCommand(Command.reset, id));
      await client.packet();
      await client.send(execute(9999, NO_CURSOR)); // 1243
      await client.reply(1);
      await client.send(fetch(9999, 1)); // 1243
      await client.reply(1);
      await client.send(statementCommand(Command.reset, 9999)); // 1243
      await client.reply(1);
      await client.send(statementCommand(Command.close, 9999)); // no reply, ever
      await client.send(statementCommand(Command.close, id));
      await client.query('select 1');
      await client.reply(2);
    }),
  },
  {
    name: 'raw-commands',
    title:
      'hand-made client: COM_SET_OPTION, COM_FIELD_LIST, COM_INIT_DB, COM_PROCESS_INFO, COM_STATISTICS, COM_CREATE_DB, COM_SLEEP, one unknown',
    play: raw(
      async (client) => {
        await client.send(Uint8Array.of(Command.setOption, 0, 0)); // MULTI_STATEMENTS_ON
        await client.reply(1);
        await client.query('select 1; select 2');
        await client.reply(4);
        await client.send(Uint8Array.of(Command.setOption, 1, 0)); // off
        await client.reply(1);
        await client.query('select 1; select 2'); // 1064
        await client.reply(1);
        await client.send(Buffer.from('\x04goods\0%'));
        await client.reply(1);
        await client.send(Buffer.from('\x04missing\0%'));
        await client.reply(1);
        await client.send(Buffer.from('\x02mysql'));
        await client.packet();
        await client.send(Buffer.from('\x02nowhere'));
        await client.reply(1);
        await client.send(Uint8Array.of(0x0a)); // COM_PROCESS_INFO
        await client.reply(2);
        await client.send(Uint8Array.of(0x09)); // COM_STATISTICS: a bare string
        await client.packet();
        await client.send(Buffer.from('\x05made')); // COM_CREATE_DB: 1047 since 4
        await client.reply(1);
        await client.send(Uint8Array.of(0x00)); // COM_SLEEP
        await client.reply(1);
        await client.send(Uint8Array.of(0x60)); // nothing
        await client.reply(1);
        await client.query('');
        await client.reply(1);
      },
      { capabilities: 0 },
    ),
  },
  {
    name: 'raw-progress',
    title:
      'hand-made client with MARIADB_CLIENT_PROGRESS: an ALTER TABLE that reports its progress (ERR packets of code 0xffff)',
    play: raw(
      async (client) => {
        await client.query('set progress_report_time = 1');
        await client.packet();
        await client.query(
          "create table slow engine = aria select seq as n, repeat('x', 100) as t from seq_1_to_1500000",
        );
        for (;;) if ((await client.packet())[0] === 0) break;
        await client.query('alter table slow add key (t), add key (n), algorithm = copy');
        for (;;) {
          const packet = await client.packet();
          if (packet[0] === 0 || (packet[0] === 0xff && packet.readUInt16LE(1) !== 0xffff)) break;
        }
        await client.query('drop table slow');
        await client.packet();
      },
      { extended: Extended.progress },
    ),
  },
  {
    name: 'raw-pipelined',
    title: 'hand-made client: five commands in one segment before any reply, one of which fails',
    play: raw(async (client) => {
      for (const text of [
        'select 1',
        'select nope',
        'select id from goods where id < 3',
        'update goods set price = 1 where id = 1',
      ])
        await client.query(text);
      await client.send(Uint8Array.of(0x0e)); // COM_PING
      await client.reply(2);
      await client.reply(1);
      await client.reply(2);
      await client.packet();
      await client.packet();
    }),
  },
  {
    name: 'too-many-connections',
    title: 'mysql2: the server refuses with 1040 in place of its greeting',
    play: async (port) => {
      const held: mysql.Connection[] = [];
      const options = { host: '127.0.0.1', user: 'native', password: 'not a secret' };
      const admin = await mysql.createConnection({ ...options, port: direct.port, user: 'root', password: '' });
      try {
        await admin.query('set global max_connections = 10');
        for (;;) held.push(await mysql.createConnection({ ...options, port: direct.port }));
      } catch {
        // full
      }
      const refused = await mysql.createConnection({ ...options, port }).then(
        () => null,
        (error: { errno?: number }) => error.errno,
      );
      await admin.query('set global max_connections = 200');
      await Promise.all([admin, ...held].map((connection) => connection.end()));
      if (refused !== 1040) throw new Error(`not refused with 1040 but ${refused}`);
    },
  },
];

/** Where the server listens, past the recorder: for what shall not be recorded. */
export const direct = { port: 0 };
