import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Command } from '../../protocol-filters/mysql/commands.ts';
import { CachingSha2Server } from '../../protocol-filters/mysql/testing/caching-sha2-server.ts';
import { awaitLines, type LogLine } from '../support/access-log-file.ts';
import { commandsSince, statsOf } from '../support/mysql-ledger.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
const FROZEN = '0af7651916cd43dd8448eb211c80319c';
const frozen = `00-${FROZEN}-b7ad6b7169203331-01`;

/**
 * What MySQL 8 does and MariaDB does not. The server is a scripted stand-in, written from the protocol's documentation:
 * it shows that a real client, our decoder and our reading of it agree, and no more.
 */
describe('a scripted stand-in for MySQL 8', () => {
  let server: CachingSha2Server;
  let sluice: RunningSluice;
  let folder: string;
  let log: string;
  /** Of the running test alone, so that its lines are known by it. */
  let database: string;
  let databases = 0;

  beforeAll(async () => {
    server = await CachingSha2Server.start({ ann: 'sesame', bob: 'hunter2', nobody: '' });
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-mysql-'));
    log = path.join(folder, 'access.log');
    sluice = await runSluice({
      upstreams: [`mysql://127.0.0.1:${server.port}`],
      concurrency: 1,
      args: ['--access-log', log],
    });
  });
  beforeEach(() => {
    database = `scripted_${++databases}`;
  });
  afterAll(async () => {
    await sluice?.stop('SIGTERM', 3000);
    await server?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const connect = (user = 'ann', password = 'sesame', more: mysql.ConnectionOptions = {}): Promise<mysql.Connection> =>
    mysql.createConnection({ host: '127.0.0.1', port: sluice.port, user, password, database, ...more });

  const ofDatabase = (event: string) => (line: LogLine) => line['event'] === event && line['database'] === database;

  test('caching_sha2_password: full by RSA, fast, none, refused; each session is read from its first query on', async () => {
    server.forgetCache();
    const before = { ...server.logins };
    for (const [user, password] of [
      ['ann', 'sesame'],
      ['ann', 'sesame'],
      ['nobody', ''],
    ] as const) {
      const db = await connect(user, password);
      expect((await db.query("select 'hello'"))[0]).toEqual([{ value: 'hello' }]);
      await db.end();
    }
    await expect(connect('ann', 'wrong')).rejects.toMatchObject({ errno: 1045 });
    server.forgetCache();
    await expect(connect('ann', 'wrong')).rejects.toMatchObject({ errno: 1045 });
    const { logins } = server;
    expect({
      full: logins.full - before.full,
      fast: logins.fast - before.fast,
      empty: logins.empty - before.empty,
      refused: logins.refused - before.refused,
    }).toEqual({ full: 1, fast: 1, empty: 1, refused: 2 });
    const lines = await awaitLines(log, ofDatabase('exchange'), 3);
    expect(lines.map(({ user, text, rows_sent, outcome }) => [user, text, rows_sent, outcome])).toEqual([
      ['ann', 'select ?', 1, 'ok'],
      ['ann', 'select ?', 1, 'ok'],
      ['nobody', 'select ?', 1, 'ok'],
    ]);
    await poll('the logins are counted', async () => {
      const stats = await statsOf(sluice);
      const ended = (name: RegExp) => [...stats].filter(([full]) => name.test(full)).map(([, n]) => n);
      expect(ended(/^mysql\..*\.login_failures$/)).toEqual([2]);
      expect(ended(/^mysql\..*\.decoder_errors$/)).toEqual([0]);
      expect(ended(/^sluice\.mysql\..*\.logins_ok$/)).toEqual([3]);
      return true;
    });
  });

  test('no password and no scramble stands in what Sluice tells', async () => {
    await (await connect('bob', 'hunter2')).end();
    await awaitLines(log, ofDatabase('connection'), 1);
    const told = await Promise.all([
      sluice.getText('/stats'),
      sluice.getText('/api/queries?limit=1000'),
      sluice.getText('/api/connections'),
    ]);
    expect(`${told.join('')}${JSON.stringify(await awaitLines(log, () => true, 1))}${sluice.stderr()}`).not.toMatch(
      /hunter2|sesame/,
    );
  });

  test.each([
    ['plain', false],
    ['compressed', true],
  ])(
    '%s: text, several statements, prepared statements, errors, a transaction, counts as the server has them',
    async (_, compress) => {
      const [before, commandsBefore] = [await statsOf(sluice), new Map(server.commands)];
      const db = await connect('ann', 'sesame', { compress, multipleStatements: true });
      await db.query('select x limit 1000');
      await db.query('select 1; update goods set a = 1; select 2');
      await expect(db.query('select 1; select * from missing; select 3')).rejects.toMatchObject({ errno: 1146 });
      for (let i = 0; i < 5; i++) await db.execute('select ?', [i]);
      await expect(db.execute('select ? from missing', [1])).rejects.toMatchObject({ errno: 1146 });
      await db.beginTransaction();
      await db.execute('insert into goods values (?)', ['x']);
      await db.commit();
      await db.ping();
      await db.end();
      const lines = await awaitLines(log, ofDatabase('exchange'), 16);
      const told = lines.map(({ kind, text, outcome, status, rows_sent, rows_affected }) =>
        [kind, text, outcome, status, rows_sent, rows_affected].join(' | '),
      );
      expect(told).toEqual([
        'query | select x limit ? | ok |  | 1000 | 0',
        'query | select ? | ok |  | 1 | 0',
        'query | update goods set a = ? | ok |  | 0 | 1',
        'query | select ? | ok |  | 1 | 0',
        'query | select ? | ok |  | 1 | 0',
        'query | select * from missing | error | 1146 | 0 | 0',
        'query | select ? | skipped |  | 0 | 0',
        ...Array.from({ length: 5 }, () => 'execute | select ? | ok |  | 1 | 0'),
        'prepare | select ? from missing | error | 1146 | 0 | 0',
        'query | start transaction | ok |  | 0 | 0',
        'execute | insert into goods values (?+) | ok |  | 0 | 1',
        'query | commit | ok |  | 0 | 0',
        'ping | ping | ok |  | 0 | 0',
      ]);
      await poll('the same commands', async () => {
        const ours = commandsSince(before, await statsOf(sluice));
        const theirs = (byte: number) => (server.commands.get(byte) ?? 0) - (commandsBefore.get(byte) ?? 0);
        expect(ours).toEqual({
          query: theirs(Command.query),
          stmt_prepare: theirs(Command.stmtPrepare),
          stmt_execute: theirs(Command.stmtExecute),
          ping: theirs(Command.ping),
          quit: 1,
        });
        return true;
      });
    },
  );

  test('query attributes are not the text: a traceparent among them is the trace, fresh at every execution', async () => {
    const db = await connect('ann', 'sesame');
    const attributes = { traceparent, note: "'; drop table goods" };
    await db.query({ sql: 'select 1', attributes });
    await db.query('select 2');
    const text = `select ? /*traceparent='${frozen}'*/`;
    await db.execute({ sql: text, values: [1] });
    await db.execute({ sql: text, values: [2], attributes });
    await db.execute({ sql: text, values: [3] });
    await db.end();
    const lines = await awaitLines(log, ofDatabase('exchange'), 5);
    expect(lines.map(({ text: of, trace_id, flags }) => [of, trace_id, flags])).toEqual([
      ['select ?', TRACE, []],
      ['select ?', '', []],
      ['select ?', FROZEN, ['prepared']],
      ['select ?', TRACE, ['prepared']],
      ['select ?', FROZEN, ['prepared', 'stale_trace']],
    ]);
    expect(server.texts.slice(-3)).toEqual(['select 1', 'select 2', text]);
  });

  test('COM_CHANGE_USER, full and fast, moves the user', async () => {
    server.forgetCache();
    const db = await connect('ann', 'sesame');
    await db.changeUser({ user: 'bob', password: 'hunter2', database });
    await db.query('select 1');
    await db.changeUser({ user: 'ann', password: 'sesame', database });
    await db.query('select 2');
    await db.end();
    const lines = await awaitLines(log, ofDatabase('exchange'), 4);
    expect(lines.filter(({ kind }) => kind === 'query').map(({ user }) => user)).toEqual(['bob', 'ann']);
  });
});
