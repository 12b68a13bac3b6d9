import { type StatIds, type StatsRegistry, statGroup } from '../../src/stats/registry.ts';
import { COMMANDS } from './commands.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;

/** Envoy's 9 counters, with Envoy's meaning where it has a sound one (README). */
export const ENVOY_STATS = statGroup('mysql.<stat_prefix>.', {
  sessions: counter('Connections, logged in or not.'),
  login_attempts: counter('Login packets of clients, requests for TLS included.'),
  login_failures: counter('Logins that the server refused.'),
  auth_switch_request: counter('Requests of the server to authenticate by another plugin.'),
  upgraded_to_ssl: counter('Sessions that went on encrypted and were not terminated here.'),
  protocol_errors: counter('Packets with an unexpected sequence id. Decoding of their connection ended.'),
  decoder_errors: counter('Sessions whose decoding ended because of bytes that cannot be read.'),
  queries_parsed: counter('COM_QUERY whose text the SQL parser accepted.'),
  queries_parse_error: counter('COM_QUERY whose text the SQL parser did not accept.'),
});

/** What Envoy does not count. */
export const OWN_STATS = statGroup('sluice.mysql.<stat_prefix>.', {
  logins_ok: counter('Logins that succeeded.'),
  login_failures: counter('Logins that the server refused: Envoy’s number again, with its prefix in a label.'),
  connections_refused: counter('Connections that the server refused with an error instead of a greeting.'),
  user_changes: counter('COM_CHANGE_USER that succeeded.'),
  user_change_failures: counter('COM_CHANGE_USER that the server refused.'),
  connection_resets: counter('COM_RESET_CONNECTION that succeeded.'),
  replication_sessions: counter('Sessions that became replicas: COM_REGISTER_SLAVE, COM_BINLOG_DUMP and their kin.'),
  compressed_zlib: counter('Sessions that went on compressed by zlib.'),
  compressed_zstd: counter('Sessions that went on compressed by zstd.'),
  multi_statements: counter('COM_QUERY with several statements.'),
  empty_queries: counter('COM_QUERY without a statement.'),
  unmatched_results: counter('Results more or fewer than the statements of their COM_QUERY.'),
  statements_prepared: counter('COM_STMT_PREPARE that succeeded.'),
  statements_closed: counter('COM_STMT_CLOSE.'),
  executes: counter('COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.'),
  bulk_executes: counter('COM_STMT_BULK_EXECUTE (MariaDB).'),
  fetches: counter('COM_STMT_FETCH: further rows of an open cursor.'),
  cursors: counter('Executions that opened a cursor.'),
  long_data_bytes: counter('Bytes of COM_STMT_SEND_LONG_DATA packets.'),
  unknown_statements: counter('Executions of statements that were not seen being prepared.'),
  untracked_statements: counter('Prepared statements above the cap of a session: their executions are unknown.'),
  rows: counter('Rows returned.'),
  result_sets: counter('Result sets that came to their end.'),
  errors: counter('Errors of the server, those before a login is over not counted.'),
  warnings: counter('Warnings, as the server counted them.'),
  progress_reports: counter('Progress reports of long statements (MariaDB).'),
  local_infiles: counter('Files that the server asked a client for (LOAD DATA LOCAL INFILE).'),
  local_infile_bytes: counter('Bytes of files that clients sent.'),
  transactions: counter('Explicit transactions begun.'),
  transactions_commit: counter(
    'Explicit transactions that were committed, also by a statement that does so by itself.',
  ),
  transactions_rollback: counter('Explicit transactions that were rolled back.'),
  skipped: counter('Statements that the server discarded after an earlier error of their COM_QUERY.'),
  denied: counter('Commands that were denied and not sent to the server.'),
  cut: counter('Replies that were ended by an error, for they were above a limit.'),
  capabilities_removed: counter('Greetings from which capabilities were taken that cannot be inspected.'),
  untimed: counter('Operations begun while too many were open: counted without times.'),
  lost: counter('Operations that were open when their connection ended.'),
});

/** Commands by their names in the protocol. */
export const COMMAND_STATS = statGroup('sluice.mysql.<stat_prefix>.command.<command>.', {
  total: counter('Commands of clients, by name.'),
});

/** All stats of one filter chain, resolved once. */
export class MysqlStats {
  readonly registry: StatsRegistry;
  readonly envoy: StatIds<keyof typeof ENVOY_STATS.stats>;
  readonly own: StatIds<keyof typeof OWN_STATS.stats>;
  /** By command byte. */
  readonly #commands = new Uint32Array(256);

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.registry = registry;
    this.envoy = registry.open(ENVOY_STATS, { stat_prefix: statPrefix });
    this.own = registry.open(OWN_STATS, { stat_prefix: statPrefix });
    const byName = new Map<string, number>();
    COMMANDS.forEach(({ name: command }, byte) => {
      const id = byName.get(command) ?? registry.open(COMMAND_STATS, { stat_prefix: statPrefix, command }).total;
      byName.set(command, id);
      this.#commands[byte] = id;
    });
  }

  command(byte: number): void {
    this.registry.inc(this.#commands[byte]!);
  }
}
