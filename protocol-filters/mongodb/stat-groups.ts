import { statGroup } from '../../src/stats/registry.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;
const gauge = (help: string) => ({ kind: 'gauge', help }) as const;
const histogram = (help: string) => ({ kind: 'histogram', help }) as const;

/**
 * Those of Envoy's mongo_proxy that mean something. `op_*` count messages of their opcode; `op_query_*` and `op_reply_*`
 * say what is special about queries and replies, whichever opcode carries them; `op_query_active` is of all commands.
 */
export const MONGO_STATS = statGroup('mongo.<stat_prefix>.', {
  decoding_error: counter(
    'Connections whose decoding ended because of bytes that cannot be read, and malformed messages.',
  ),
  cx_destroy_local_with_active_rq: counter('Connections that ended from our side or the server’s with commands open.'),
  cx_destroy_remote_with_active_rq: counter('Connections that the client ended with commands open.'),
  cx_drain_close: counter('Connections closed because the server drains.'),
  op_get_more: counter('OP_GET_MORE messages.'),
  op_insert: counter('OP_INSERT messages.'),
  op_kill_cursors: counter('OP_KILL_CURSORS messages.'),
  op_command: counter('OP_COMMAND messages.'),
  op_command_reply: counter('OP_COMMANDREPLY messages.'),
  op_query: counter('OP_QUERY messages: drivers say their first hello in one.'),
  op_query_tailable_cursor: counter('Queries (OP_QUERY, find) that ask for a tailable cursor.'),
  op_query_no_cursor_timeout: counter('Queries (OP_QUERY, find) that ask for a cursor without timeout.'),
  op_query_await_data: counter('Queries (OP_QUERY, find) that ask the server to wait for data.'),
  op_query_exhaust: counter('Queries (OP_QUERY, find) that allow many replies.'),
  op_query_no_max_time: counter('Queries (OP_QUERY on a collection, find) without a time limit.'),
  op_query_scatter_get: counter('Queries (OP_QUERY on a collection, find) whose filter has no _id.'),
  op_query_multi_get: counter('Queries (OP_QUERY on a collection, find) whose _id is a document or an array.'),
  op_query_active: gauge('Commands open now, whichever opcode carries them.'),
  op_reply: counter('OP_REPLY messages.'),
  op_reply_valid_cursor: counter('Replies with the id of a cursor that has more.'),
  op_reply_cursor_not_found: counter('Replies that say that the cursor is not there.'),
  op_reply_query_failure: counter(
    'Replies that say that a query (OP_QUERY on a collection, find, getMore) has failed.',
  ),
});

/** One set a command that was seen. */
export const MONGO_COMMAND_STATS = statGroup('mongo.<stat_prefix>.cmd.<cmd>.', {
  total: counter('Commands, whatever became of them. unknown_command: those without stats of their own.'),
  reply_num_docs: histogram('Documents in the reply.'),
  reply_size: histogram('Bytes of the reply.'),
  reply_time_ms: histogram(
    "Milliseconds from the command's first byte to its reply's last. Without those that wait or have no reply.",
  ),
});

/** One set a collection that was queried (OP_QUERY, find), up to the option `collections`; then `other`. */
export const MONGO_QUERY_STATS = statGroup('mongo.<stat_prefix>.collection.<collection>.query.', {
  total: counter('Queries of the collection.'),
  scatter_get: counter('Queries of the collection whose filter has no _id.'),
  multi_get: counter('Queries of the collection whose _id is a document or an array.'),
  reply_num_docs: histogram('Documents in the first reply.'),
  reply_size: histogram('Bytes of the first reply.'),
  reply_time_ms: histogram("Milliseconds from the query's first byte to its first reply's last."),
});

/** The same by calling function, where the comment of a query is JSON, or a document, with `callingFunction`. */
export const MONGO_CALLSITE_STATS = statGroup(
  'mongo.<stat_prefix>.collection.<collection>.callsite.<callsite>.query.',
  MONGO_QUERY_STATS.stats,
);

/** What Envoy does not count. */
export const MONGO_OWN_STATS = statGroup('sluice.mongodb.<stat_prefix>.', {
  sessions: counter('Connections.'),
  op_msg: counter('OP_MSG messages, in both directions, compressed ones included.'),
  op_compressed: counter('OP_COMPRESSED messages, in both directions.'),
  op_update: counter('OP_UPDATE messages.'),
  op_delete: counter('OP_DELETE messages.'),
  commands: counter('Commands, whatever became of them.'),
  unknown_commands: counter('Commands that the table does not have.'),
  errors: counter('Commands that ended with an error, write errors and write concern errors included.'),
  write_errors: counter('Write errors, one an operation that failed.'),
  write_concern_errors: counter('Replies with a write concern error: written, and not as safely as was asked for.'),
  transient_transaction_errors: counter(
    'Errors labelled TransientTransactionError: the transaction may be tried again.',
  ),
  retryable_write_errors: counter('Errors labelled RetryableWriteError: the write may be tried again.'),
  no_reply: counter(
    'Commands without a reply: unacknowledged writes (moreToCome), and the legacy opcodes that have none.',
  ),
  pipelined: counter('Commands begun while another was unanswered.'),
  ids_reused: counter('Commands whose id another one had that was unanswered.'),
  unexpected_replies: counter('Replies that no command waits for: to what said that it wants none, or to nobody.'),
  untimed: counter('Commands begun while too many were open: counted without times.'),
  lost: counter('Commands that were open when their connection ended.'),
  exhaust: counter('Commands answered by many replies (exhaust).'),
  exhaust_replies: counter('Replies that others follow unasked (moreToCome).'),
  await_data: counter('getMore on cursors that wait for data: tailable ones, change streams.'),
  hellos: counter('hello and isMaster.'),
  hellos_awaited: counter('hello that the server was asked to hold back until something changes.'),
  hellos_rewritten: counter('Replies to hello that were rewritten (rewrite_hello).'),
  monitor_sessions: counter('Connections that say nothing but hello: the monitors of drivers.'),
  bypass_hint: counter('Replies to hello that lead clients to servers past this proxy: hosts, me, primary.'),
  documents_returned: counter('Documents in replies.'),
  documents_matched: counter('Documents that updates matched.'),
  documents_modified: counter('Documents that updates modified.'),
  documents_inserted: counter('Documents inserted.'),
  documents_deleted: counter('Documents deleted.'),
  documents_upserted: counter('Documents inserted by updates that matched none.'),
  bulk_write_inserts: counter('Insert operations of bulkWrite commands.'),
  bulk_write_updates: counter('Update operations of bulkWrite commands.'),
  bulk_write_deletes: counter('Delete operations of bulkWrite commands.'),
  cursors_opened: counter('Cursors that had more than their first batch.'),
  cursors_exhausted: counter('Cursors read to their end.'),
  cursors_killed: counter('Cursors that killCursors killed, as the server counted them.'),
  cursors_not_found: counter('Cursors asked for that the server no longer had.'),
  cursors_unknown: counter('getMore and killCursors of cursors that this worker has not seen being opened.'),
  cursors_foreign: counter('getMore and killCursors of cursors that another user, or another namespace, has opened.'),
  cursors_forgotten: counter('Cursors forgotten while open: above the option cursors, or idle for 10 minutes.'),
  cursors_open: gauge('Cursors open now, as far as this worker has seen.'),
  cursor_lifetime: histogram('Seconds from the opening of a cursor to its end.'),
  transactions: counter('Transactions begun.'),
  transactions_committed: counter('Transactions that were committed.'),
  transactions_aborted: counter('abortTransaction that the server did, or had nothing left to do for.'),
  transaction_commit_errors: counter('commitTransaction that failed.'),
  retryable_writes: counter('Writes that the driver may try again (txnNumber outside a transaction).'),
  checksums: counter('Messages with a checksum.'),
  checksums_wrong: counter('Messages whose checksum was wrong.'),
  trailing_bytes: counter('Bytes behind the last field of a legacy message.'),
  denied: counter('Commands that a policy denied, or that could not be judged where one is enforced.'),
  stand_ins: counter('Messages sent in the place of denied commands, whose answers are replaced by the denial.'),
  replies_cut: counter('Replies with more documents or bytes than a policy allows: replaced by an error.'),
});

/** What became of commands, one set a command that was seen. */
export const MONGO_COMMAND_OUTCOMES = statGroup('sluice.mongodb.<stat_prefix>.command.<command>.', {
  success: counter('Commands that the server answered without an error.'),
  error: counter('Commands that ended with an error.'),
});

/** By codeName, or by number where there is no name; the first 64, then `other`. */
export const MONGO_ERROR_STATS = statGroup('sluice.mongodb.<stat_prefix>.error.<code>.', {
  total: counter('Commands that ended with an error, by its codeName.'),
});

/** By mechanism: those of MongoDB, and `other`. */
export const MONGO_LOGIN_STATS = statGroup('sluice.mongodb.<stat_prefix>.auth.<mechanism>.', {
  logins: counter('Logins that the server accepted.'),
  login_failures: counter('Logins that the server refused.'),
});

/** By compressor: noop, snappy, zlib, zstd. */
export const MONGO_COMPRESSION_STATS = statGroup('sluice.mongodb.<stat_prefix>.compression.<compressor>.', {
  sessions: counter('Connections whose hello agreed on it before others.'),
  messages: counter('Compressed messages, in both directions.'),
  compressed_bytes: counter('Bytes of compressed messages on the wire.'),
  uncompressed_bytes: counter('Bytes that they hold.'),
});

/** By why. */
export const MONGO_UNREAD_STATS = statGroup('sluice.mongodb.<stat_prefix>.unread.<reason>.', {
  messages: counter('Messages whose content could not be read, or not surely. What comes behind them can.'),
});

/** Sessions that became unreadable, by reason. */
export const MONGO_OPAQUE_STATS = statGroup('sluice.mongodb.<stat_prefix>.opaque.<reason>.', {
  sessions: counter('Sessions whose decoding ended, by reason. Their bytes go on unread.'),
});

export const MONGO_STAT_GROUPS = [
  MONGO_STATS,
  MONGO_COMMAND_STATS,
  MONGO_QUERY_STATS,
  MONGO_CALLSITE_STATS,
  MONGO_OWN_STATS,
  MONGO_COMMAND_OUTCOMES,
  MONGO_ERROR_STATS,
  MONGO_LOGIN_STATS,
  MONGO_COMPRESSION_STATS,
  MONGO_UNREAD_STATS,
  MONGO_OPAQUE_STATS,
] as const;
