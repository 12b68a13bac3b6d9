import { expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { client, packet, server, u8 } from './testing/builders.ts';
import { byteByByte, envoy, login, own, play } from './testing/story.ts';

const batch = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
const IN_TRANS = 0x0003;
const MORE = 0x000a;
const CURSOR = 0x0042;
const LAST_ROW = 0x0082;

test('rows are counted once, also those of a CALL with several results', () => {
  const on = play([
    ...login,
    ['>', client.query('call p()')],
    ['<', batch(server.result(['1', '2'], MORE), server.result(['3'], MORE, 6), server.ok({}, 10))],
    ['>', client.query('select 1')],
    ['<', batch(server.columns(1), server.row(['1'], 3), server.err(1105, 'HY000', 'no', 4))],
  ]);
  expect([own(on, 'rows'), own(on, 'result_sets'), own(on, 'errors')]).toEqual([4, 2, 1]);
});

test("Envoy's queries_parsed and queries_parse_error, one a COM_QUERY, when the parser has spoken", async () => {
  const on = play([
    ...login,
    ['>', client.query('select a from never_seen_before; select b from nor_this')],
    ['<', batch(server.result(['1'], MORE), server.result([], 2, 5))],
    ['>', client.query('selec oh no')],
    ['<', server.err()],
    ['>', client.query('select a from never_seen_before; selec oh no')],
    ['<', server.err()],
    ['>', client.prepare('select c from never_seen_before')],
    ['<', server.prepared(1, 0, 1)],
    ['>', client.query('-- nothing')],
    ['<', server.err(1065)],
  ]);
  await poll('the parser has spoken', () => envoy(on, 'queries_parsed') + envoy(on, 'queries_parse_error') === 3);
  expect([envoy(on, 'queries_parsed'), envoy(on, 'queries_parse_error')]).toEqual([1, 2]);
});

test('what else is counted', () => {
  const on = play(
    [
      ...login,
      ['>', client.query('update t set a = 1; select 1')],
      ['<', batch(server.ok({ warnings: 3, status: MORE }), server.result(['1'], 2, 2))],
      ['>', client.query(' ; ')],
      ['<', server.err(1065)],
      ['>', client.query('alter table t add b int')],
      ['<', batch(server.progress(1), server.progress(2), server.ok({ warnings: 1 }, 3))],
      ['>', client.prepare('select 1')],
      ['<', server.prepared(1, 0, 1)],
      ['>', client.execute(1, 1)],
      ['<', batch(server.columns(1), server.end(CURSOR, 3))],
      ['>', client.fetch(1)],
      ['<', server.end(LAST_ROW, 1)],
      ['>', client.close(1)],
      ['>', client.query('begin')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('rollback')],
      ['<', server.ok()],
      ['>', client.query('begin; select 1; commit')],
      ['<', batch(server.ok({ status: IN_TRANS | 8 }), server.err(1064, '42000', 'no', 2))],
      ['>', client.query('commit')],
      ['<', server.ok()],
      ['>', client.resetConnection()],
      ['<', server.ok()],
      ['>', client.command(0x12)],
      ['<', packet(1, u8(0), Buffer.alloc(20))],
    ],
    {},
    byteByByte,
  );
  const counts = {
    logins_ok: 1,
    multi_statements: 2,
    empty_queries: 1,
    warnings: 4,
    progress_reports: 2,
    statements_prepared: 1,
    statements_closed: 1,
    executes: 1,
    bulk_executes: 0,
    cursors: 1,
    fetches: 1,
    errors: 2,
    skipped: 1,
    transactions: 2,
    transactions_commit: 1,
    transactions_rollback: 1,
    connection_resets: 1,
    replication_sessions: 1,
    lost: 1,
    untimed: 0,
    unmatched_results: 0,
    'command.query.total': 7,
    'command.stmt_execute.total': 1,
    'command.binlog_dump.total': 1,
  };
  for (const [name, want] of Object.entries(counts)) expect({ name, is: own(on, name) }).toEqual({ name, is: want });
});

test('bytes on the wire: the reply from its first packet to its last, the request on index 0, long data and files', () => {
  const query = client.query('select 1; select 2');
  const replies = [server.result(['1'], MORE), server.result(['2', '3'], 2, 5)];
  const on = play([...login, ['>', query], ['<', batch(...replies)]]);
  expect(on.harness.ended.map((x) => [x.requestBytes, x.replyBytes])).toEqual([
    [query.length, replies[0]!.length],
    [0, replies[1]!.length],
  ]);
  const long = play([
    ...login,
    ['>', client.prepare('insert into t values (?)')],
    ['<', server.prepared(1, 1)],
    ['>', batch(client.longData(1, 0, 'abc'), client.executeWith(1, ['']))],
    ['<', server.ok()],
    ['>', client.query("load data local infile 'f' into table t")],
    ['<', server.infile('f')],
    ['>', client.file('1,2\n')],
    ['<', server.ok({}, 4)],
  ]);
  const load = client.query("load data local infile 'f' into table t").length;
  expect(long.harness.ended.map((x) => x.requestBytes)).toEqual([
    client.longData(1, 0, 'abc').length + client.executeWith(1, ['']).length,
    load + client.file('1,2\n').length,
  ]);
  expect(own(long, 'local_infile_bytes')).toBe(4);
  expect(own(long, 'local_infiles')).toBe(1);
  expect(own(long, 'long_data_bytes')).toBe(client.longData(1, 0, 'abc').length);
});
