/**
 * COM_*: the first byte of a command's payload, and what the server answers to it. MySQL 5.x to 9.x, and MariaDB, which
 * gave 0xfa to 0xfe a meaning.
 */

/** Command bytes that sessions act on. `COMMANDS` names all of them. */
export const Command = {
  sleep: 0x00,
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  connect: 0x0b,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  time: 0x0f,
  delayedInsert: 0x10,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  connectOut: 0x14,
  registerSlave: 0x15,
  stmtPrepare: 0x16,
  stmtExecute: 0x17,
  stmtSendLongData: 0x18,
  stmtClose: 0x19,
  stmtReset: 0x1a,
  setOption: 0x1b,
  stmtFetch: 0x1c,
  daemon: 0x1d,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  clone: 0x20,
  subscribeGroupReplicationStream: 0x21,
  stmtBulkExecute: 0xfa,
  slaveWorker: 0xfb,
  slaveIo: 0xfc,
  slaveSql: 0xfd,
  multi: 0xfe,
} as const satisfies Record<string, number>;

/** What the server answers to a command. Any of them but `none` may be an ERR packet instead. */
export const Reply = {
  /** Nothing, ever: the next command may follow at once. */
  none: 0,
  /** One OK, EOF or ERR packet. */
  status: 1,
  /** OK, a LOCAL INFILE request, or a result set; more of them while moreResultsExist is set. */
  resultSet: 2,
  /** One packet of text without any header (COM_STATISTICS). */
  string: 3,
  /** COM_STMT_PREPARE_OK, then parameter and column definitions. */
  prepare: 4,
  /** Column definitions, then EOF or OK (COM_FIELD_LIST). */
  fieldList: 5,
  /** Rows of a cursor, then EOF or OK (COM_STMT_FETCH). */
  rows: 6,
  /** Events without end: binary log, group replication, cloning. */
  stream: 7,
  /** An authentication dialogue (COM_CHANGE_USER). */
  auth: 8,
  /** Not a command of a client, or one we do not know: an ERR packet is what servers answer. */
  unknown: 9,
} as const;
export type Reply = (typeof Reply)[keyof typeof Reply];

export interface CommandInfo {
  /** In snake case without COM_: `query`, `stmt_execute`; `unknown` where there is none. */
  readonly name: string;
  readonly reply: Reply;
  /** False for bytes that neither MySQL nor MariaDB gave a meaning. */
  readonly known: boolean;
}

const UNKNOWN: CommandInfo = { name: 'unknown', reply: Reply.unknown, known: false };

const NAMED: readonly (readonly [byte: number, name: string, reply: Reply])[] = [
  [Command.sleep, 'sleep', Reply.status],
  [Command.quit, 'quit', Reply.none],
  [Command.initDb, 'init_db', Reply.status],
  [Command.query, 'query', Reply.resultSet],
  [Command.fieldList, 'field_list', Reply.fieldList],
  [Command.createDb, 'create_db', Reply.status],
  [Command.dropDb, 'drop_db', Reply.status],
  [Command.refresh, 'refresh', Reply.status],
  [Command.shutdown, 'shutdown', Reply.status],
  [Command.statistics, 'statistics', Reply.string],
  [Command.processInfo, 'process_info', Reply.resultSet],
  [Command.connect, 'connect', Reply.status],
  [Command.processKill, 'process_kill', Reply.status],
  [Command.debug, 'debug', Reply.status],
  [Command.ping, 'ping', Reply.status],
  [Command.time, 'time', Reply.status],
  [Command.delayedInsert, 'delayed_insert', Reply.status],
  [Command.changeUser, 'change_user', Reply.auth],
  [Command.binlogDump, 'binlog_dump', Reply.stream],
  [Command.tableDump, 'table_dump', Reply.stream],
  [Command.connectOut, 'connect_out', Reply.status],
  [Command.registerSlave, 'register_slave', Reply.status],
  [Command.stmtPrepare, 'stmt_prepare', Reply.prepare],
  [Command.stmtExecute, 'stmt_execute', Reply.resultSet],
  [Command.stmtSendLongData, 'stmt_send_long_data', Reply.none],
  [Command.stmtClose, 'stmt_close', Reply.none],
  [Command.stmtReset, 'stmt_reset', Reply.status],
  [Command.setOption, 'set_option', Reply.status],
  [Command.stmtFetch, 'stmt_fetch', Reply.rows],
  [Command.daemon, 'daemon', Reply.status],
  [Command.binlogDumpGtid, 'binlog_dump_gtid', Reply.stream],
  [Command.resetConnection, 'reset_connection', Reply.status],
  [Command.clone, 'clone', Reply.stream],
  [Command.subscribeGroupReplicationStream, 'subscribe_group_replication_stream', Reply.stream],
  [Command.stmtBulkExecute, 'stmt_bulk_execute', Reply.resultSet],
  [Command.slaveWorker, 'slave_worker', Reply.status],
  [Command.slaveIo, 'slave_io', Reply.status],
  [Command.slaveSql, 'slave_sql', Reply.status],
  [Command.multi, 'multi', Reply.unknown],
];

/** All 256 command bytes. */
export const COMMANDS: readonly CommandInfo[] = (() => {
  const table: CommandInfo[] = Array.from({ length: 256 }, () => UNKNOWN);
  for (const [byte, name, reply] of NAMED) table[byte] = { name, reply, known: true };
  return table;
})();

/** What the exchange of a command is called: its name in the protocol, without `stmt_` where that says nothing. */
export const KINDS: readonly string[] = COMMANDS.map(({ name }) =>
  name === 'stmt_reset' ? name : name.replace(/^stmt_/, ''),
);

/** Payloads of commands whose fields have one length: servers say of none what they make of more. */
const FIXED: readonly (readonly [byte: number, payloadBytes: number])[] = [
  [Command.quit, 1],
  [Command.statistics, 1],
  [Command.processInfo, 1],
  [Command.debug, 1],
  [Command.ping, 1],
  [Command.resetConnection, 1],
  [Command.refresh, 2],
  [Command.shutdown, 2],
  [Command.setOption, 3],
  [Command.processKill, 5],
  [Command.stmtClose, 5],
  [Command.stmtReset, 5],
  [Command.stmtFetch, 9],
];
const MOST_BYTES: readonly number[] = (() => {
  const table: number[] = new Array(256).fill(Number.POSITIVE_INFINITY);
  for (const [byte, bytes] of FIXED) table[byte] = bytes;
  return table;
})();

/** What stands behind the fields of a command with so many bytes of payload has no meaning that can be judged (threats X-04). */
export const mostBytesOf = (command: number): number => MOST_BYTES[command]!;

/** First byte of a semi-synchronous acknowledgement. */
const ACKNOWLEDGES = 0xef;

/** What a replica says while it is sent events: what it has, or that it leaves. Its payload begins at buf[start]. */
export const isSaidInStream = (buf: Buffer, start: number, payloadBytes: number): boolean =>
  payloadBytes > 0 && (buf[start] === ACKNOWLEDGES || (buf[start] === Command.quit && payloadBytes === 1));
