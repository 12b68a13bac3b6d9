import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { client, server } from './testing/builders.ts';
import { byteByByte, login, pieces, play, type Script, said, told } from './testing/story.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const batch = (...parts: Buffer[]): Buffer => Buffer.concat(parts);

/** Name, script after login, exchanges it must tell. */
const cases: [string, Script, string[]][] = [
  [
    'one statement with rows',
    [
      ['>', client.query('select 1')],
      ['<', batch(server.rowDescription(), server.row(), server.row(), server.complete('SELECT 2'), server.ready())],
    ],
    ['query | select ? | ok | returned 2'],
  ],
  [
    'insert returning counts both ways',
    [
      ['>', client.query('insert into t values (1) returning id')],
      ['<', batch(server.rowDescription(), server.row(), server.complete('INSERT 0 1'), server.ready())],
    ],
    ['query | insert into t values (?+) returning id | ok | returned 1 | affected 1'],
  ],
  [
    'several statements in one message, the second fails',
    [
      ['>', client.query('update t set a = 1; delete from nope; select 3')],
      ['<', batch(server.complete('UPDATE 5'), server.error('42P01'), server.ready())],
    ],
    [
      'query | update t set a = ? | ok | affected 5 | batch',
      'query | delete from nope | error | 42P01 | batch',
      'query | select ? | skipped | batch',
    ],
  ],
  [
    'an empty query is no exchange',
    [
      ['>', client.query(' ; -- nothing')],
      ['<', batch(server.empty(), server.ready())],
    ],
    [],
  ],
  [
    'a transaction, from its begin to its commit',
    [
      ['>', client.query('begin')],
      ['<', batch(server.complete('BEGIN'), server.ready('T'))],
      ['>', client.query('update t set a = 1')],
      ['<', batch(server.complete('UPDATE 1'), server.ready('T'))],
      ['>', client.query('rollback to savepoint s')],
      ['<', batch(server.complete('ROLLBACK'), server.ready('T'))],
      ['>', client.query('commit')],
      ['<', batch(server.complete('COMMIT'), server.ready('I'))],
      ['>', client.query('select 1')],
      ['<', batch(server.rowDescription(), server.complete('SELECT 0'), server.ready('I'))],
    ],
    [
      'query | begin | ok | transaction 1',
      'query | update t set a = ? | ok | affected 1 | inTransaction | transaction 1',
      'query | rollback to savepoint ? | ok | inTransaction | transaction 1',
      'query | commit | ok | inTransaction | transaction 1',
      'query | select ? | ok',
    ],
  ],
  [
    'extended, unnamed',
    [
      ['>', batch(client.extended('select $1'), client.sync())],
      ['<', batch(server.extended('SELECT 1', 1), server.ready())],
    ],
    ['execute | select ? | ok | returned 1'],
  ],
  [
    'a named statement, prepared once, executed twice, its trace stale the second time',
    [
      ['>', batch(client.parse(`select 1 /*traceparent='${TRACE}'*/`, 's'), client.describe('s', 'S'), client.sync())],
      ['<', batch(server.parseComplete(), server.parameterDescription(), server.noData(), server.ready())],
      ['>', batch(client.bind('s'), client.execute(), client.sync())],
      ['<', batch(server.bindComplete(), server.complete('SELECT 0'), server.ready())],
      ['>', batch(client.bind('s'), client.execute(), client.sync())],
      ['<', batch(server.bindComplete(), server.complete('SELECT 0'), server.ready())],
    ],
    ['execute | select ? | ok | prepared', 'execute | select ? | ok | prepared staleTrace'],
  ],
  [
    'pipelined batches; the first one fails at Parse, its own Execute has the error',
    [
      [
        '>',
        batch(
          client.extended('select nope'),
          client.extended('select 2, 2'),
          client.sync(),
          client.extended('select 3'),
          client.sync(),
        ),
      ],
      ['<', batch(server.error('42703'), server.ready(), server.extended('SELECT 1', 1), server.ready())],
    ],
    [
      'execute | select nope | error | 42703',
      'execute | select ?, ? | skipped | pipelined',
      'execute | select ? | ok | returned 1 | pipelined',
    ],
  ],
  [
    'an error at Parse without an Execute is an exchange of its own',
    [
      ['>', batch(client.parse('selec', 's'), client.describe('s', 'S'), client.sync())],
      ['<', batch(server.error('42601'), server.ready())],
    ],
    ['parse | selec | error | 42601'],
  ],
  [
    'an error at Parse is told when the Execute that comes later is known',
    [
      ['>', batch(client.parse('select nope'), client.flush())],
      ['<', server.error('42703')],
      ['>', batch(client.bind(), client.execute(), client.sync())],
      ['<', server.ready()],
    ],
    ['execute | select nope | error | 42703'],
  ],
  [
    'an error at Bind belongs to the Execute of that statement',
    [
      ['>', batch(client.parse('select a', 's'), client.sync())],
      ['<', batch(server.parseComplete(), server.ready())],
      ['>', batch(client.bind('s'), client.execute(), client.sync())],
      ['<', batch(server.error('22P02'), server.ready())],
    ],
    ['execute | select a | error | 22P02 | prepared'],
  ],
  [
    'a name that could not be prepared again keeps its meaning, also for what was pipelined behind',
    [
      ['>', batch(client.parse('select old', 's'), client.sync())],
      ['<', batch(server.parseComplete(), server.ready())],
      ['>', batch(client.parse('select new', 's'), client.sync(), client.bind('s'), client.execute(), client.sync())],
      ['<', batch(server.error('42P05'), server.ready())],
      ['<', batch(server.bindComplete(), server.complete('SELECT 0'), server.ready())],
    ],
    ['parse | select new | error | 42P05', 'execute | select old | ok | prepared'],
  ],
  [
    'a portal in three steps is one story',
    [
      ['>', batch(client.parse('select x'), client.bind('', 'c'), client.execute('c', 2), client.flush())],
      ['<', batch(server.parseComplete(), server.bindComplete(), server.row(), server.row(), server.suspended())],
      ['>', batch(client.execute('c', 2), client.flush())],
      ['<', batch(server.row(), server.row(), server.suspended())],
      ['>', batch(client.execute('c', 2), client.close('c', 'P'), client.sync())],
      ['<', batch(server.row(), server.complete('SELECT 1'), server.closeComplete(), server.ready())],
    ],
    [
      'execute | select x | ok | returned 2 | story 1',
      'execute | select x | ok | returned 2 | continuation | story 1',
      'execute | select x | ok | returned 1 | continuation | story 1',
    ],
  ],
  [
    'SQL and protocol share the names of prepared statements',
    [
      ['>', client.query('PREPARE "S" (int) AS select a from t where b = $1')],
      ['<', batch(server.complete('PREPARE'), server.ready())],
      ['>', client.query('execute "S"(1)')],
      ['<', batch(server.rowDescription(), server.complete('SELECT 0'), server.ready())],
      ['>', batch(client.bind('S'), client.execute(), client.sync())],
      ['<', batch(server.bindComplete(), server.complete('SELECT 0'), server.ready())],
      ['>', client.query('deallocate all')],
      ['<', batch(server.complete('DEALLOCATE ALL'), server.ready())],
      ['>', batch(client.bind('S'), client.execute(), client.sync())],
      ['<', batch(server.error('26000'), server.ready())],
    ],
    [
      'query | prepare "S"(int) as select a from t where b = ? | ok',
      'query | select a from t where b = ? | ok | prepared',
      'execute | select a from t where b = ? | ok | prepared',
      'query | deallocate all | ok',
      'execute | execute of a statement not seen prepared | error | 26000',
    ],
  ],
  [
    'COPY in, simple',
    [
      ['>', client.query('copy t from stdin')],
      ['<', server.copyIn()],
      ['>', batch(client.copyData('1\n'), client.copyData('2\n'), client.copyDone())],
      ['<', batch(server.complete('COPY 2'), server.ready())],
    ],
    ['query | copy t from stdin | ok | affected 2'],
  ],
  [
    'COPY in, extended as libpq does it: a Sync before the data is swallowed',
    [
      ['>', batch(client.extended('copy t from stdin'), client.sync())],
      ['<', batch(server.parseComplete(), server.bindComplete(), server.noData(), server.copyIn())],
      ['>', batch(client.copyData('1\n'), client.copyDone(), client.sync())],
      ['<', batch(server.complete('COPY 1'), server.ready())],
      ['>', client.query('select 1')],
      ['<', batch(server.rowDescription(), server.complete('SELECT 0'), server.ready())],
    ],
    ['execute | copy t from stdin | ok | affected 1', 'query | select ? | ok'],
  ],
  [
    'COPY in that the server ends with an error while data still comes',
    [
      ['>', client.query('copy t from stdin')],
      ['<', server.copyIn()],
      ['>', client.copyData('bad\n')],
      ['<', batch(server.error('22P04'), server.ready())],
      ['>', batch(client.copyData('more\n'), client.copyDone(), client.query('select 1'))],
      ['<', batch(server.rowDescription(), server.complete('SELECT 0'), server.ready())],
    ],
    ['query | copy t from stdin | error | 22P04', 'query | select ? | ok'],
  ],
  [
    'COPY out',
    [
      ['>', client.query('copy t to stdout')],
      [
        '<',
        batch(
          server.copyOut(),
          server.copyData('1\n'),
          server.copyData('2\n'),
          server.copyDone(),
          server.complete('COPY 2'),
          server.ready(),
        ),
      ],
    ],
    ['query | copy t to stdout | ok | returned 2'],
  ],
  [
    'a function call',
    [
      ['>', client.functionCall()],
      ['<', batch(server.functionResult(), server.ready())],
    ],
    ['function_call | function call by oid | ok'],
  ],
  [
    'a commit that fails at Sync is nobody else’s error',
    [
      ['>', batch(client.extended('insert into t values (1)'), client.sync())],
      ['<', batch(server.extended('INSERT 0 1'), server.error('23505'), server.ready())],
    ],
    ['execute | insert into t values (?+) | ok | affected 1', 'sync | no statement | error | 23505'],
  ],
  [
    'notices, notifications and settings come at any time',
    [
      ['<', batch(server.notification(), server.parameter('TimeZone', 'UTC'))],
      ['>', client.query('select 1')],
      [
        '<',
        batch(
          server.notice('WARNING'),
          server.rowDescription(),
          server.notification(),
          server.row(),
          server.parameter('application_name', 'other'),
          server.complete('SELECT 1'),
          server.notice('DEBUG1'),
          server.ready(),
        ),
      ],
    ],
    ['query | select ? | ok | returned 1'],
  ],
  [
    'a cancelled query',
    [
      ['>', client.query('select pg_sleep(9)')],
      ['<', batch(server.rowDescription(), server.error('57014'), server.ready())],
    ],
    ['query | select pg_sleep(?) | cancelled | 57014'],
  ],
  [
    'the server goes away in the middle',
    [
      ['>', batch(client.query('select 1'), client.query('select 2'))],
      ['<', batch(server.rowDescription(), server.row(), server.error('57P01', 'FATAL'))],
    ],
    ['query | select ? | error | 57P01 | returned 1', 'query | select ? | lost | pipelined'],
  ],
  [
    'a shutdown in the middle of an extended query is its error, not a loss',
    [
      ['>', batch(client.extended('select 1'), client.flush())],
      ['<', batch(server.parseComplete(), server.bindComplete(), server.error('57P01', 'FATAL'))],
    ],
    ['execute | select ? | error | 57P01'],
  ],
  [
    'a backup answers with several results, and is one exchange',
    [
      ['>', client.query('BASE_BACKUP')],
      ['<', batch(server.rowDescription(), server.row(), server.complete('SELECT'))],
      ['<', batch(server.rowDescription(), server.row(), server.row(), server.complete('SELECT'))],
      ['<', batch(server.copyOut(), server.copyData('tar'), server.copyDone())],
      ['<', batch(server.rowDescription(), server.row(), server.complete('SELECT'), server.complete('BASE_BACKUP'))],
      ['<', server.ready()],
    ],
    ['query | base_backup | ok | returned 4'],
  ],
  [
    'replication streams without an end',
    [
      ['>', client.query('START_REPLICATION 0/0')],
      ['<', batch(server.copyBoth(), server.copyData('wal'), server.copyData('wal'))],
      ['>', client.copyData('status')],
      ['<', server.copyData('wal')],
    ],
    ['query | start_replication ? / ? | lost | endless'],
  ],
];

const walsender: Script = [
  ['>', client.startup({ user: 'ann', replication: 'true' })],
  ['<', server.welcome()],
];
const loginFor = (name: string): Script => (/^(a backup|replication)/.test(name) ? walsender : login);

describe('exchanges', () => {
  for (const [name, script, want] of cases)
    test(name, () => {
      const on = play([...loginFor(name), ...script]);
      expect(on.harness.opaqueReasons).toEqual([]);
      expect(told(on)).toEqual(want);
    });
});

describe('the gate tells what the tap tells', () => {
  for (const [name, script, want] of cases)
    test(name, () => {
      const on = play([...loginFor(name), ...script], { judge: () => null, enforces: true });
      expect(on.harness.closed).toBe('');
      // What the gate holds back is not pipelined any more.
      const plainly = (line: string): string => line.replace(/ ?\| pipelined$| \| pipelined(?= )|pipelined /, '');
      // That a session may be more than a plain one is a verdict, and told.
      const stories = told(on).filter((line) => !line.startsWith('startup |'));
      expect(stories.map(plainly)).toEqual(want.map(plainly));
    });
});

describe('any cut tells the same story and changes no byte', () => {
  for (const [name, script] of cases) {
    const full = [...loginFor(name), ...script];
    for (const gear of ['tap', 'gate'] as const) {
      const options = gear === 'gate' ? { judge: () => null, enforces: true } : {};
      const plain = play(full, options).harness;
      test(`${name}, byte by byte, ${gear}`, () => {
        const on = play(full, options, byteByByte);
        expect(on.harness.ended).toEqual(plain.ended);
        expect(on.harness.sent(1).equals(said(full, '>'))).toBe(true);
        expect(on.harness.sent(0).equals(said(full, '<'))).toBe(true);
      });
      test(`${name}, cut anywhere, ${gear}`, () => {
        fc.assert(
          fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }), (sizes) => {
            const on = play(full, options, pieces(sizes));
            expect(on.harness.ended).toEqual(plain.ended);
            expect(on.harness.sent(1).equals(said(full, '>'))).toBe(true);
            expect(on.harness.sent(0).equals(said(full, '<'))).toBe(true);
          }),
          { numRuns: 40 },
        );
      });
    }
  }
});
