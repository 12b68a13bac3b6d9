import { Command } from '../../protocol-filters/mysql/commands.ts';
import { client, packet, server, u16, u32, zeros } from '../../protocol-filters/mysql/testing/builders.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { closes, GUARD, type MysqlCase, type MysqlRow, no, ok, yes } from './support/mysql.ts';

/** What a client may say without being asked what for; all else is denied here, by name or because it is unknown. */
const FREE = new Set<number>([
  Command.ping,
  Command.statistics,
  Command.setOption,
  Command.resetConnection,
  Command.refresh,
  Command.processInfo,
  Command.debug,
  Command.processKill,
  Command.shutdown,
]);
const OWN = new Set<number>([
  Command.quit,
  Command.initDb,
  Command.query,
  Command.fieldList,
  Command.createDb,
  Command.dropDb,
  Command.changeUser,
  Command.stmtPrepare,
  Command.stmtExecute,
  Command.stmtSendLongData,
  Command.stmtClose,
  Command.stmtReset,
  Command.stmtFetch,
  Command.stmtBulkExecute,
  ...FREE,
]);
const all = Array.from({ length: 256 }, (_, byte) => byte);
const others: MysqlCase = {
  name: 'each of the others is denied',
  policies: GUARD,
  says: all
    .filter((byte) => !OWN.has(byte))
    .flatMap((byte) => [no(client.command(byte, Buffer.from('forbidden'))), ok(client.ping())]),
};
/** It ends with the last event that there is. */
const NON_BLOCKING = 1;
const DUMP = client.command(Command.binlogDump, u32(4), u16(NON_BLOCKING), u32(9), Buffer.from('log.1'));
const touches = client.query('delete from forbidden');
/** A table of all 256 first bytes. */
export const row: MysqlRow = {
  id: 'MY-15',
  title: 'commands',
  rules: ['R4'],
  cases: [
    others,
    {
      name: 'replication',
      policies: GUARD,
      says: [
        no(client.command(Command.registerSlave, u32(9), zeros(14))),
        no(client.command(Command.binlogDump, u32(4), u16(0), u32(9))),
        no(client.command(Command.binlogDumpGtid, zeros(22))),
        no(client.command(Command.tableDump, Buffer.from('\x05vault\x01t'))),
        yes('select 1'),
      ],
    },
    ...[true, false].map(
      (isAhead): MysqlCase => ({
        name: `a stream of events that is allowed, and a query ${isAhead ? 'sent ahead' : 'within it'}: judged when it is over`,
        policies: policySet(
          [
            { name: 'all', action: 'allow', operations: ['*'], targets: ['*', '$unresolved'] },
            { name: 'replicas', action: 'allow', operations: ['replication'], targets: ['*', '$unresolved'] },
            { name: 'guard', action: 'deny', operations: ['delete'], when: 'true' },
          ],
          'allow',
        ),
        says: [],
        lines: [
          ['<', server.greeting()],
          ['>', client.login41({ user: 'open' })],
          ['<', server.ok({}, 2)],
          ['>', Buffer.concat(isAhead ? [DUMP, touches] : [DUMP])],
          ['<', packet(1, Buffer.from('\0an event'))],
          ...(isAhead ? [] : ([['>', touches]] as const)),
          ['>', packet(0, Buffer.of(0xef), zeros(8), Buffer.from('log.1'))],
          ['<', server.eof(2, 2)],
          ['>', client.query('select 1')],
        ],
        notReal: 'whether it keeps a binary log is up to its configuration',
      }),
    ),
    {
      name: 'clone and group replication',
      policies: GUARD,
      says: [
        no(client.command(Command.clone)),
        no(client.command(Command.subscribeGroupReplicationStream)),
        yes('select 1'),
      ],
    },
    {
      name: 'a field list is a read',
      policies: GUARD,
      says: [
        no(client.command(Command.fieldList, Buffer.from('forbidden\0%'))),
        ok(client.command(Command.fieldList, Buffer.from('t\0%'))),
        yes('select 1'),
      ],
    },
    {
      name: 'a field list in a database that nobody may touch',
      policies: GUARD,
      hidden: /Field List|\btables\b/,
      login: { database: 'vault' },
      says: [no(client.command(Command.fieldList, Buffer.from('t\0'))), yes('select 1')],
    },
    {
      name: 'dropping a database with the canary in it',
      policies: GUARD,
      says: [
        no(client.command(Command.dropDb, Buffer.from('vault'))),
        no(client.query('drop database vault')),
        yes('select 1'),
      ],
    },
    {
      name: 'dropping the database that holds a denied table',
      policies: GUARD,
      says: [no(client.query('drop database shop')), no(client.query('drop schema if exists `shop`')), yes('select 1')],
      hidden: /drop/,
    },
    {
      name: 'nothing but a command’s byte',
      policies: GUARD,
      says: [
        no(client.command(Command.stmtExecute)),
        no(client.command(Command.stmtFetch)),
        closes(client.command(Command.stmtSendLongData)),
        yes('select 1'),
      ],
      notReal: 'the reply is our own',
    },
  ],
};
