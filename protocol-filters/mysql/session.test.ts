import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { client, packet, server, u8, u16, u32 } from './testing/builders.ts';
import { byteByByte, login, pieces, play, type Script, said, told } from './testing/story.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const batch = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
const IN_TRANS = 0x0003;
const MORE = 0x000a;
const CURSOR = 0x0042;
const LAST_ROW = 0x0082;

/** Name, script after login, exchanges it must tell. */
const cases: [string, Script, string[]][] = [
  [
    'one statement with rows',
    [
      ['>', client.query('select 1')],
      ['<', server.result(['1', '2'])],
    ],
    ['query | select ? | ok | returned 2'],
  ],
  [
    'no rows',
    [
      ['>', client.query('select 1')],
      ['<', server.result([])],
    ],
    ['query | select ? | ok'],
  ],
  [
    'affected rows and warnings',
    [
      ['>', client.query('update t set a = 1')],
      ['<', server.ok({ affectedRows: 300, warnings: 2 })],
    ],
    ['query | update t set a = ? | ok | affected 300'],
  ],
  [
    'an error',
    [
      ['>', client.query('select nope')],
      ['<', server.err(1054, '42S22')],
    ],
    ['query | select nope | error | 1054'],
  ],
  [
    'an error behind rows',
    [
      ['>', client.query('select a from t')],
      ['<', batch(server.columns(1), server.row(['1'], 3), server.err(1317, '70100', 'no', 4))],
    ],
    ['query | select a from t | cancelled | 1317 | returned 1'],
  ],
  [
    'an error in the place of rows, and of definitions',
    [
      ['>', client.query('select a from t')],
      ['<', batch(server.columns(1), server.err(1105, 'HY000', 'no', 3))],
      ['>', client.query('select b from t')],
      ['<', batch(server.columnCount(2), server.column('a', 2), server.err(1105, 'HY000', 'no', 3))],
      ['>', client.ping()],
      ['<', server.ok()],
    ],
    ['query | select a from t | error | 1105', 'query | select b from t | error | 1105', 'ping | ping | ok'],
  ],
  [
    'several statements in one text',
    [
      ['>', client.query('update t set a = 1; select 2; select 3')],
      [
        '<',
        batch(
          server.ok({ affectedRows: 5, status: MORE }),
          server.result(['2'], MORE, 2),
          server.result(['3', '4'], 2, 6),
        ),
      ],
    ],
    [
      'query | update t set a = ? | ok | affected 5 | batch',
      'query | select ? | ok | returned 1 | batch',
      'query | select ? | ok | returned 2 | batch',
    ],
  ],
  [
    'several statements, the second fails: the rest is never run',
    [
      ['>', client.query('update t set a = 1; delete from nope; select 3')],
      ['<', batch(server.ok({ affectedRows: 5, status: MORE }), server.err(1146, '42S02', 'no', 2))],
      ['>', client.ping()],
      ['<', server.ok()],
    ],
    [
      'query | update t set a = ? | ok | affected 5 | batch',
      'query | delete from nope | error | 1146 | batch',
      'query | select ? | skipped | batch',
      'ping | ping | ok',
    ],
  ],
  [
    'a CALL has any number of results, and an OK',
    [
      ['>', client.query('call p()')],
      ['<', batch(server.result(['1'], MORE), server.result(['2', '3'], MORE, 5), server.ok({ affectedRows: 7 }, 10))],
    ],
    ['query | call p() | ok | returned 3 | affected 7'],
  ],
  [
    'a CALL among others is over with its OK',
    [
      ['>', client.query('call p(); select 2')],
      ['<', batch(server.result(['1'], MORE), server.ok({ status: MORE }, 5), server.result(['2', '3'], 2, 6))],
    ],
    ['query | call p() | ok | returned 1 | batch', 'query | select ? | ok | returned 2 | batch'],
  ],
  [
    'a CALL by way of EXECUTE in the text that prepares it',
    [
      ['>', client.query("prepare p from 'call q()'; execute P; select 2")],
      [
        '<',
        batch(
          server.ok({ status: MORE }),
          server.result(['1'], MORE, 2),
          server.ok({ status: MORE }, 6),
          server.result(['2', '3'], 2, 7),
        ),
      ],
    ],
    [
      'query | prepare p from ? | ok | batch',
      'query | execute P | ok | returned 1 | batch',
      'query | select ? | ok | returned 2 | batch',
    ],
  ],
  [
    'a CALL by way of EXECUTE among others',
    [
      ['>', client.query("prepare p from 'call q()'")],
      ['<', server.ok()],
      ['>', client.query('execute p; select 2')],
      ['<', batch(server.result(['1'], MORE), server.ok({ status: MORE }, 5), server.result(['2', '3'], 2, 6))],
    ],
    [
      'query | prepare p from ? | ok',
      'query | execute p | ok | returned 1 | batch',
      'query | select ? | ok | returned 2 | batch',
    ],
  ],
  [
    'more results than statements: each is an exchange of its own, and the next command has its own reply',
    [
      ['>', client.query('select 1')],
      ['<', batch(server.result(['1'], MORE), server.result(['2', '3'], MORE, 5), server.ok({ affectedRows: 1 }, 10))],
      ['>', client.ping()],
      ['<', server.ok()],
    ],
    [
      'query | select ? | ok | returned 1',
      'query | no statement | ok | returned 2 | batch',
      'query | no statement | ok | affected 1 | batch',
      'ping | ping | ok',
    ],
  ],
  [
    'fewer results than statements',
    [
      ['>', client.query('select 1; select 2; select 3')],
      ['<', server.result(['1'])],
      ['>', client.ping()],
      ['<', server.ok()],
    ],
    [
      'query | select ? | ok | returned 1 | batch',
      'query | select ? | skipped | batch',
      'query | select ? | skipped | batch',
      'ping | ping | ok',
    ],
  ],
  [
    'nothing but a comment',
    [
      ['>', client.query(' /* x */ ')],
      ['<', server.err(1065, '42000')],
    ],
    ['query | no statement | error | 1065'],
  ],
  [
    'a transaction, from its begin to its commit',
    [
      ['>', client.query('begin')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('update t set a = 1')],
      ['<', server.ok({ status: IN_TRANS, affectedRows: 1 })],
      ['>', client.query('commit')],
      ['<', server.ok()],
      ['>', client.query('select 1')],
      ['<', server.result([])],
    ],
    [
      'query | begin | ok | transaction 1',
      'query | update t set a = ? | ok | affected 1 | inTransaction | transaction 1',
      'query | commit | ok | inTransaction | transaction 1',
      'query | select ? | ok',
    ],
  ],
  [
    'a deadlock rolls the transaction back; commit and chain begins the next; begin commits',
    [
      ['>', client.query('begin')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('update t set a = 1')],
      ['<', server.err(1213, '40001')],
      ['>', client.query('begin')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('commit and chain')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('start transaction')],
      ['<', server.ok({ status: IN_TRANS })],
      ['>', client.query('rollback')],
      ['<', server.ok()],
    ],
    [
      'query | begin | ok | transaction 1',
      'query | update t set a = ? | error | 1213 | inTransaction | transaction 1',
      'query | begin | ok | transaction 2',
      'query | commit and chain | ok | inTransaction | transaction 2',
      'query | start transaction | ok | inTransaction | transaction 3',
      'query | rollback | ok | inTransaction | transaction 4',
    ],
  ],
  [
    'pipelined commands',
    [
      ['>', batch(client.query('select 1'), client.ping(), client.query('selec'), client.query('select 2, 2'))],
      ['<', batch(server.result(['1']), server.ok(), server.err(), server.result(['1', '2']))],
    ],
    [
      'query | select ? | ok | returned 1',
      'ping | ping | ok | pipelined',
      'query | selec | error | 1064 | pipelined',
      'query | select ?, ? | ok | returned 2 | pipelined',
    ],
  ],
  [
    'a prepared statement, run twice, its trace stale the second time, closed and run again',
    [
      ['>', client.prepare(`select a from t where b = ? /*traceparent='${TRACE}'*/`)],
      ['<', server.prepared(1, 1, 1)],
      ['>', client.executeWith(1, ['x'])],
      ['<', server.result(['1'])],
      ['>', client.executeWith(1, ['y'])],
      ['<', server.result([])],
      ['>', batch(client.close(1), client.execute(1))],
      ['<', server.err(1243, 'HY000')],
    ],
    [
      'execute | select a from t where b = ? | ok | returned 1 | prepared',
      'execute | select a from t where b = ? | ok | prepared staleTrace',
      'execute | execute of a statement not seen prepared | error | 1243 | prepared',
    ],
  ],
  [
    'a prepare that fails is an exchange',
    [
      ['>', client.prepare('selec')],
      ['<', server.err()],
    ],
    ['prepare | selec | error | 1064'],
  ],
  [
    'an execution of an id that was guessed is known when the reply is there',
    [
      ['>', batch(client.prepare('select 7'), client.execute(1), client.execute(2))],
      ['<', batch(server.prepared(1, 0, 1), server.result(['7']), server.err(1243, 'HY000'))],
    ],
    [
      'execute | select ? | ok | returned 1 | prepared pipelined',
      'execute | execute of a statement not seen prepared | error | 1243 | prepared pipelined',
    ],
  ],
  [
    'a cursor: the execution opens it, fetches go on with its story',
    [
      ['>', client.prepare('select a from t')],
      ['<', server.prepared(4, 0, 1)],
      ['>', client.execute(4, 1)],
      ['<', batch(server.columns(1), server.end(CURSOR, 3))],
      ['>', client.fetch(4, 2)],
      ['<', batch(server.binaryRow(['1'], 1), server.binaryRow(['2'], 2), server.end(CURSOR, 3))],
      ['>', client.fetch(4, 2)],
      ['<', server.end(LAST_ROW, 1)],
      ['>', client.fetch(4, 2)],
      ['<', server.err(1421, 'HY000')],
      ['>', client.reset(4)],
      ['<', server.ok()],
    ],
    [
      'execute | select a from t | ok | prepared | story 1',
      'fetch | select a from t | ok | returned 2 | prepared continuation | story 1',
      'fetch | select a from t | ok | prepared continuation | story 1',
      'fetch | select a from t | error | 1421 | prepared continuation | story 1',
      'stmt_reset | stmt reset | ok',
    ],
  ],
  [
    'long data counts to the next execution of its statement',
    [
      ['>', client.prepare('insert into t values (?)')],
      ['<', server.prepared(1, 1)],
      ['>', batch(client.longData(1, 0, 'abc'), client.longData(1, 0, 'def'), client.longData(9, 0, 'x'))],
      ['>', client.executeWith(1, [''])],
      ['<', server.ok({ affectedRows: 1 })],
    ],
    ['execute | insert into t values (?+) | ok | affected 1 | prepared'],
  ],
  [
    'LOCAL INFILE: a file, an empty one, one that the server refuses',
    [
      ['>', client.query("load data local infile 'f' into table t")],
      ['<', server.infile('f')],
      ['>', client.file('1,2\n')],
      ['<', server.ok({ affectedRows: 1 }, 4)],
      ['>', client.query("load data local infile 'g' into table t")],
      ['<', server.infile('g')],
      ['>', client.file('')],
      ['<', server.err(1146, '42S02', 'no', 3)],
      ['>', client.ping()],
      ['<', server.ok()],
    ],
    [
      'query | load data local infile ? into table t | ok | affected 1',
      'query | load data local infile ? into table t | error | 1146',
      'ping | ping | ok',
    ],
  ],
  [
    'progress reports are no errors and no end',
    [
      ['>', client.query('alter table t add b int')],
      ['<', batch(server.progress(1), server.progress(2), server.ok({ affectedRows: 9 }, 3))],
    ],
    ['query | alter table t add b int | ok | affected 9'],
  ],
  [
    'commands without a text',
    [
      ['>', client.setOption(0)],
      ['<', server.eof()],
      ['>', client.command(9)],
      ['<', packet(1, Buffer.from('Uptime: 1'))],
      ['>', client.fieldList('t')],
      ['<', batch(server.column('a', 1), server.column('b', 2), server.end(2, 3))],
      ['>', client.command(0x0a)],
      ['<', server.result(['1'])],
      ['>', client.command(0x0d)],
      ['<', server.eof()],
      ['>', client.resetConnection()],
      ['<', server.ok()],
      ['>', client.command(0x60)],
      ['<', server.err(1047, '08S01')],
      ['>', client.quit()],
    ],
    [
      'set_option | set option | ok',
      'statistics | statistics | ok',
      'field_list | field list | ok',
      'process_info | process info | ok | returned 1',
      'debug | debug | ok',
      'reset_connection | reset connection | ok',
      'unknown | unknown | error | 1047',
    ],
  ],
  [
    'a binary log goes on without end',
    [
      ['>', client.command(0x15, u32(7))],
      ['<', server.ok()],
      ['>', client.command(0x12, u32(4), u16(0), u32(7), Buffer.from('log.1'))],
      ['<', batch(packet(1, u8(0), Buffer.alloc(40)), packet(2, u8(0), Buffer.alloc(30)))],
      ['>', packet(0, u8(0xef), Buffer.alloc(12))],
      ['<', packet(3, u8(0), Buffer.alloc(30))],
    ],
    ['register_slave | register slave | ok', 'binlog_dump | binlog dump | lost | endless'],
  ],
  [
    'a binary log that ends',
    [
      ['>', client.command(0x12, u32(4), u16(1), u32(7), Buffer.from('log.1'))],
      ['<', batch(packet(1, u8(0), Buffer.alloc(40)), packet(2, u8(0), Buffer.alloc(30)), server.eof(2, 3))],
      ['>', client.ping()],
      ['<', server.ok()],
      ['>', client.command(0x1e)],
      ['<', batch(packet(1, u8(0), Buffer.alloc(40)), server.err(1236, 'HY000', 'no', 2))],
      ['>', client.query('select 1')],
      ['<', server.result(['1'])],
    ],
    [
      'binlog_dump | binlog dump | ok | endless',
      'ping | ping | ok',
      'binlog_dump_gtid | binlog dump gtid | error | 1236 | endless',
      'query | select ? | ok | returned 1',
    ],
  ],
];

describe('a session tells', () => {
  for (const [name, script, want] of cases) {
    const full = [...login, ...script];
    const check = (cut: Parameters<typeof play>[2]): void => {
      const on = play(full, {}, cut);
      expect(told(on)).toEqual(want);
      expect(on.harness.opaqueReasons).toEqual([]);
      expect(on.harness.sent(Side.upstream).equals(said(full, '>'))).toBe(true);
      expect(on.harness.sent(Side.downstream).equals(said(full, '<'))).toBe(true);
    };
    test(`${name}: whole`, () => check(undefined));
    test(`${name}: byte by byte`, () => check(byteByByte));
    test(`${name}: cut anywhere`, () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }), (sizes) =>
          check(pieces(sizes)),
        ),
        { numRuns: 25 },
      );
    });
  }
});
