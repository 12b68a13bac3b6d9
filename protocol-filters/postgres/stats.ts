import { FAULTS, type Fault } from '../../src/exchange/fault.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../../src/stats/registry.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;

/** Envoy's 33 counters, with Envoy's documented meaning, counted once per complete message. */
export const ENVOY_STATS = statGroup('postgres.<stat_prefix>.', {
  errors: counter('Error responses of the server.'),
  errors_error: counter('Error responses with severity ERROR.'),
  errors_fatal: counter('Error responses with severity FATAL.'),
  errors_panic: counter('Error responses with severity PANIC.'),
  errors_unknown: counter('Error responses with an unknown severity.'),
  messages: counter('Messages in both directions.'),
  messages_backend: counter('Messages of the server.'),
  messages_frontend: counter('Messages of clients, encryption and cancel requests included, startup messages not.'),
  messages_unknown: counter('Messages with an unknown type byte.'),
  sessions: counter('Sessions: encrypted and unencrypted ones.'),
  sessions_encrypted: counter('Sessions that went on encrypted and were not terminated here.'),
  sessions_unencrypted: counter('Sessions that were authenticated in clear.'),
  sessions_terminated_ssl: counter('Sessions whose TLS ended here.'),
  sessions_upstream_ssl_success: counter('Sessions that were encrypted towards the server.'),
  sessions_upstream_ssl_failed: counter('Sessions that the server refused to encrypt.'),
  statements: counter('Statements that completed.'),
  statements_delete: counter('DELETE statements that completed.'),
  statements_insert: counter('INSERT statements that completed.'),
  statements_other: counter('Statements that completed and are none of the four counted apart.'),
  statements_parsed: counter('Query and Parse messages whose text the SQL parser accepted.'),
  statements_parse_error: counter('Query and Parse messages whose text the SQL parser did not accept.'),
  statements_select: counter('SELECT statements that completed.'),
  statements_update: counter('UPDATE statements that completed.'),
  transactions: counter('Transactions, explicit and implicit.'),
  transactions_commit: counter('Transactions that were committed.'),
  transactions_rollback: counter('Transactions that were rolled back.'),
  notices: counter('Notices of the server.'),
  notices_debug: counter('Notices with severity DEBUG.'),
  notices_info: counter('Notices with severity INFO.'),
  notices_log: counter('Notices with severity LOG.'),
  notices_notice: counter('Notices with severity NOTICE.'),
  notices_unknown: counter('Notices with an unknown severity.'),
  notices_warning: counter('Notices with severity WARNING.'),
});

/** What Envoy does not count. */
export const OWN_STATS = statGroup('sluice.postgres.<stat_prefix>.', {
  ssl_requests: counter('SSLRequest messages.'),
  ssl_refused: counter('SSLRequest messages answered N, by the server or by Sluice (refuse_ssl, enforcing).'),
  gssenc_requests: counter('GSSENCRequest messages.'),
  direct_tls: counter('Connections that began with a TLS handshake instead of a Postgres message.'),
  cancel_requests: counter('CancelRequest messages.'),
  cancel_requests_unknown_key: counter('CancelRequest messages whose key no upstream host was seen to issue.'),
  logins: counter('Authentications that succeeded.'),
  login_failures: counter('Sessions that the server refused before authentication was over.'),
  replication_sessions: counter('Sessions of walsenders (startup parameter replication).'),
  startup_settings: counter('Startup messages that set options or search_path.'),
  empty_queries: counter('Query messages without a statement.'),
  function_calls: counter('FunctionCall messages.'),
  copy_in_rows: counter('Rows of COPY FROM STDIN, as the server counted them.'),
  copy_in_bytes: counter('Bytes of COPY data from clients.'),
  copy_out_rows: counter('Rows of COPY TO STDOUT, as the server counted them.'),
  copy_out_bytes: counter('Bytes of COPY data from the server.'),
  notifications: counter('Notifications (LISTEN, NOTIFY) delivered.'),
  skipped: counter('Executions that the server discarded after an earlier error of their batch.'),
  untimed: counter('Executions begun while too many were open: counted without times.'),
  lost: counter('Executions that were open when their connection ended.'),
  unknown_statements: counter('Executions of statements that were not seen being prepared.'),
  untracked_statements: counter('Prepared statements above the cap of a session: their executions are unknown.'),
  denied: counter('Messages that a policy denied.'),
  stand_ins: counter('Messages sent in the place of denied ones, to fail there.'),
  cut: counter('Replies that a policy ended before their end.'),
});

/** Sessions that became unreadable, by reason. */
export const OPAQUE_STATS = statGroup('sluice.postgres.<stat_prefix>.opaque.<reason>.', {
  sessions: counter('Sessions whose decoding ended, by reason. Observed ones go on unread, enforced ones close.'),
});

/** All stats of one filter chain, resolved once. */
export class PostgresStats {
  readonly registry: StatsRegistry;
  readonly envoy: StatIds<keyof typeof ENVOY_STATS.stats>;
  readonly own: StatIds<keyof typeof OWN_STATS.stats>;
  readonly #opaque: Readonly<Record<Fault, number>>;
  readonly #errors: ReadonlyMap<string, number>;
  readonly #notices: ReadonlyMap<string, number>;

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.registry = registry;
    this.envoy = registry.open(ENVOY_STATS, { stat_prefix: statPrefix });
    this.own = registry.open(OWN_STATS, { stat_prefix: statPrefix });
    this.#opaque = Object.fromEntries(
      FAULTS.map((reason) => [reason, registry.open(OPAQUE_STATS, { stat_prefix: statPrefix, reason }).sessions]),
    ) as Record<Fault, number>;
    const { envoy } = this;
    this.#errors = new Map([
      ['ERROR', envoy.errors_error],
      ['FATAL', envoy.errors_fatal],
      ['PANIC', envoy.errors_panic],
    ]);
    this.#notices = new Map([
      ['NOTICE', envoy.notices_notice],
      ['WARNING', envoy.notices_warning],
      ['DEBUG', envoy.notices_debug],
      ['INFO', envoy.notices_info],
      ['LOG', envoy.notices_log],
    ]);
  }

  opaque(reason: Fault): void {
    this.registry.inc(this.#opaque[reason]);
  }

  frontendMessage(): void {
    this.registry.inc(this.envoy.messages);
    this.registry.inc(this.envoy.messages_frontend);
  }

  backendMessage(): void {
    this.registry.inc(this.envoy.messages);
    this.registry.inc(this.envoy.messages_backend);
  }

  unknownMessage(): void {
    this.registry.inc(this.envoy.messages);
    this.registry.inc(this.envoy.messages_unknown);
  }

  error(severity: string): void {
    this.registry.inc(this.envoy.errors);
    this.registry.inc(this.#errors.get(severity) ?? this.envoy.errors_unknown);
  }

  notice(severity: string): void {
    this.registry.inc(this.envoy.notices);
    this.registry.inc(this.#notices.get(severity) ?? this.envoy.notices_unknown);
  }
}
