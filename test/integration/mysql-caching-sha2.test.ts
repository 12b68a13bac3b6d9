import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mariadb from 'mariadb';
import { authPlugins } from 'mysql2';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Recorder, startRecorder } from '../../scripts/record-recorder.ts';
import { awaitLines, type LogLine, readLog } from '../support/access-log-file.ts';
import { freePort } from '../support/free-port.ts';
import {
  AUTH_PLUGINS,
  type AuthPlugin,
  type Built,
  buildGoMysql,
  GO_MYSQL_PASSWORD as PASSWORD,
  startGoMysql,
} from '../support/go-mysql.ts';
import { connectArgs, runClient } from '../support/mysql-clients.ts';
import { dialogueOf, secretsOf, tracesOf } from '../support/mysql-dialogue.ts';
import { digestsOf, sluiceBook, statsOf, Tally } from '../support/mysql-ledger.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

/** A statement and what the server answers; `open`: a transaction is open when it is sent. */
interface Step {
  readonly text: string;
  /** Prepared, with these. */
  readonly values?: readonly unknown[];
  readonly rows?: number;
  readonly affected?: number;
  readonly error?: number;
  readonly open?: boolean;
}

const STEPS: readonly Step[] = [
  { text: 'select seq, name from seq_3', rows: 3 },
  { text: 'select 41 + 1', rows: 1 },
  { text: "insert into goods values (7, 'a thing')", affected: 1 },
  { text: 'begin' },
  { text: 'update goods set price = ? where id = ?', values: [9, 7], affected: 3, open: true },
  { text: 'commit', open: true },
  { text: 'select name from seq_1000 where seq > ?', values: [0], rows: 1000 },
  { text: 'select name from seq_1000 where seq > ?', values: [1], rows: 1000 },
  { text: 'select * from missing', error: 1146 },
  { text: 'select * from missing where id = ?', values: [1], error: 1146 },
  { text: 'selec 1', error: 1064 },
];

interface Db {
  query(text: string): Promise<unknown>;
  execute(text: string, values: readonly unknown[]): Promise<unknown>;
  end(): Promise<void>;
}

interface Target {
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database?: string;
}

/** Begins with mysql_native_password wherever it would have to send more than a hash. */
async function mysql2Login(target: Target, more: mysql.ConnectionOptions = {}): Promise<Db> {
  const db = await mysql.createConnection({ host: '127.0.0.1', password: PASSWORD, ...target, ...more });
  return {
    query: async (text) => (await db.query(text))[0],
    execute: async (text, values) => (await db.execute(text, [...values] as number[]))[0],
    end: () => db.end(),
  };
}

/** Begins with the plugin that the server's greeting names, where it can. */
async function mariadbLogin(target: Target): Promise<Db> {
  const options = { host: '127.0.0.1', password: PASSWORD, allowPublicKeyRetrieval: true, ...target };
  const db = await mariadb.createConnection(options);
  return {
    query: (text) => db.query(text),
    execute: (text, values) => db.execute(text, [...values]),
    end: () => db.end(),
  };
}

const CLIENTS = { mysql2: mysql2Login, mariadb: mariadbLogin };
/** What it sends by itself after the login. */
const HELLO = { mysql2: [], mariadb: [{ text: 'set names utf8mb4' }] } satisfies Record<string, readonly Step[]>;
/** One for each test that needs a user whose password the server has not seen yet. */
const USERS = ['mysql2', 'mariadb', 'cli', 'refused', 'tls'];

const WRONG = 'this is a wrong one';
const CACHING = 'caching_sha2_password';
const NATIVE = 'mysql_native_password';
const SHA256 = 'sha256_password';

/** Runs the statements; the counts of rows are the clients' own. */
async function work(db: Db): Promise<void> {
  for (const { text, values, rows, affected, error } of STEPS) {
    const done = values === undefined ? db.query(text) : db.execute(text, values);
    if (error !== undefined) await expect(done, text).rejects.toMatchObject({ errno: error });
    else if (rows !== undefined) expect(await done, text).toHaveLength(rows);
    else expect(await done, text).toMatchObject({ affectedRows: affected ?? 0 });
  }
}

const tallyOf = (steps: readonly Step[]): Tally => {
  const tally = new Tally();
  for (const { text, error, ...counts } of steps) tally.add(text, { ...counts, ...(error ? { error } : {}) });
  return tally;
};

/** A step as the access log has it. */
const stepLine = ({ text, values, rows = 0, affected = 0, error, open = false }: Step): string => {
  const isPrepare = values !== undefined && error !== undefined;
  // What cannot be prepared is told as that: its execution is never sent.
  const kind = values === undefined ? 'query' : isPrepare ? 'prepare' : 'execute';
  const flags = [...(kind === 'execute' ? ['prepared'] : []), ...(open ? ['in_tx'] : [])].sort();
  return [kind, digestsOf(text)[0]!.text, error ?? '', rows, affected, ...flags].join(' | ');
};
const toldLine = ({ kind, text, status, rows_sent, rows_affected, flags }: LogLine): string =>
  [kind, text, status, rows_sent, rows_affected, ...[...(flags as string[])].sort()].join(' | ');

/**
 * What MySQL has and MariaDB does not, with real clients and a real server: go-mysql's, another author's than ours.
 * What the clients say is written down on their side of Sluice.
 */
describe('caching_sha2_password and sha256_password: go-mysql', () => {
  let built: Built;
  let sluice: RunningSluice;
  let folder: string;
  let log: string;
  const recorders = {} as Record<AuthPlugin, Recorder>;
  const ports = {} as Record<AuthPlugin, number>;
  const stops: (() => Promise<unknown>)[] = [];
  /** Of the running test alone, so that its lines and rows are known by it. */
  let database: string;
  let databases = 0;

  beforeAll(async () => {
    built = await buildGoMysql();
    if ('missing' in built) return; // each test says so
    const server = await startGoMysql(built.program, USERS);
    stops.push(server.stop);
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-mysql-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    log = path.join(folder, 'access.log');
    const args = ['--access-log', log];
    for (const plugin of AUTH_PLUGINS) {
      ports[plugin] = await freePort();
      args.push('--listen', `127.0.0.1:${ports[plugin]}`);
    }
    const upstreams = AUTH_PLUGINS.map((plugin) => `mysql://127.0.0.1:${server.ports[plugin]}`);
    sluice = await runSluice({ upstreams, concurrency: 1, args });
    stops.push(() => sluice.stop('SIGTERM', 3000));
    for (const plugin of AUTH_PLUGINS) {
      recorders[plugin] = await startRecorder(ports[plugin]);
      stops.push(() => recorders[plugin].close());
    }
  });
  beforeEach((ctx) => {
    if ('missing' in built) ctx.skip(built.missing);
    database = `case_${++databases}`;
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  const target = (plugin: AuthPlugin, user: string, more: Partial<Target> = {}): Target => ({
    port: recorders[plugin].port,
    user,
    database,
    ...more,
  });
  const talk = (plugin: AuthPlugin): string[] => dialogueOf(recorders[plugin].sessions.at(-1)!);
  const sessions = () => AUTH_PLUGINS.flatMap((plugin) => recorders[plugin].sessions);
  const linesOf = (event: string, count: number, of = database): Promise<LogLine[]> =>
    awaitLines(log, (line) => line['event'] === event && line['database'] === of, count);

  /** Sluice has seen just this of the one session with that database. */
  async function expectSeen(of: string, steps: readonly Step[], user: string): Promise<void> {
    const [session] = await linesOf('connection', 1, of);
    expect(session).toMatchObject({ user, opaque: '', tls: false, server_version: '8.0.12', exchanges: steps.length });
    expect((await linesOf('exchange', steps.length, of)).map(toldLine)).toEqual(steps.map(stepLine));
    const want = tallyOf(steps);
    expect((await sluiceBook(sluice, of, want.calls)).tally.lines()).toEqual(want.lines());
  }

  const greeted = (plugin: AuthPlugin, ...rest: string[]): string[] => [`greeting ${plugin}`, ...rest];
  const RSA = ['1 byte', 'key', '256 bytes'];
  const SWITCHED = [`login ${NATIVE}`, `switch ${CACHING}`, '32 bytes'];
  const cases: [client: keyof typeof CLIENTS, plugin: AuthPlugin, how: string, said: string[]][] = [
    // The order matters: the server remembers a password from the first login on.
    ['mysql2', CACHING, 'full', [`login ${CACHING}`, 'full', ...RSA, 'ok']],
    ['mysql2', CACHING, 'fast', [`login ${CACHING}`, 'fast', 'ok']],
    ['mariadb', CACHING, 'switched to, full', [...SWITCHED, 'full', ...RSA, 'ok']],
    ['mariadb', CACHING, 'switched to, fast', [...SWITCHED, 'fast', 'ok']],
    ['mysql2', SHA256, 'switched to', [`login ${NATIVE}`, `switch ${SHA256}`, ...RSA, 'ok']],
    ['mariadb', SHA256, 'switched to', [`login ${NATIVE}`, `switch ${SHA256}`, ...RSA, 'ok']],
    ['mysql2', NATIVE, 'at once', [`login ${NATIVE}`, 'ok']],
    ['mariadb', NATIVE, 'at once', [`login ${NATIVE}`, 'ok']],
  ];
  /** With a database of its own for each. */
  const numbered = cases.map((one, at) => [...one, `login_${at}`] as const);

  test.each(numbered)('%s, %s, %s: what is said', async (client, plugin, _, said, own) => {
    const db = await CLIENTS[client](target(plugin, client, { database: own }));
    await work(db);
    await db.end();
    expect(talk(plugin)).toEqual(greeted(plugin, ...said));
  });

  // Apart from the above, so that they wait together for the access log to be written.
  test.each(numbered)('%s, %s, %s: every statement is seen', async (client, _plugin, _how, _said, own) => {
    await expectSeen(own, [...HELLO[client], ...STEPS], client);
  });

  test('the command line, its own implementation of the plugin: full, then fast', async (ctx) => {
    needs(ctx, 'mariadb');
    const cli = { ...target(CACHING, 'cli'), password: PASSWORD };
    const args = [...connectArgs(cli), `--database=${database}`, '--batch', '--skip-column-names'];
    for (const how of [['full', ...RSA], ['fast']]) {
      const ran = await runClient('mariadb', args, { input: 'select 41 + 1;\n' });
      expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: '42\n' });
      expect(talk(CACHING)).toEqual(greeted(CACHING, `login ${CACHING}`, ...how, 'ok'));
    }
    expect((await linesOf('connection', 2)).map(({ opaque }) => opaque)).toEqual(['', '']);
    expect((await linesOf('exchange', 2)).map(toldLine)).toContain('query | select ? + ? |  | 1 | 0');
  });

  describe('a wrong password', () => {
    test.each<[keyof typeof CLIENTS, AuthPlugin, string, string[]]>([
      ['mysql2', CACHING, 'mysql2', [`login ${CACHING}`]],
      ['mariadb', CACHING, 'mariadb', SWITCHED],
      // Not in the cache: only the full authentication finds out.
      ['mysql2', CACHING, 'refused', [`login ${CACHING}`, 'full', ...RSA]],
      ['mariadb', CACHING, 'refused', [...SWITCHED, 'full', ...RSA]],
      ['mysql2', SHA256, 'mysql2', [`login ${NATIVE}`, `switch ${SHA256}`, ...RSA]],
      ['mariadb', NATIVE, 'mariadb', [`login ${NATIVE}`]],
    ])('%s, %s, user %s: refused', async (client, plugin, user, said) => {
      const refused = CLIENTS[client](target(plugin, user, { password: WRONG }));
      await expect(refused).rejects.toMatchObject({ errno: 1045 });
      expect(talk(plugin)).toEqual(greeted(plugin, ...said, 'error 1045'));
    });
  });

  test('over TLS the password goes in clear, and past Sluice', async () => {
    const db = await mysql2Login(target(CACHING, 'tls'), {
      ssl: { rejectUnauthorized: false },
      authPlugins: { [CACHING]: authPlugins.caching_sha2_password({}) },
    });
    expect(await db.query('select 41 + 1')).toEqual([{ n: 42 }]);
    await db.end();
    expect(talk(CACHING)).toEqual(greeted(CACHING, 'asks for TLS'));
  });

  test('neither passwords nor scrambles nor answers stand in anything that Sluice tells', async () => {
    const stream = new AbortController();
    const exchanges = await fetch(`${sluice.adminUrl}/api/exchanges`, { signal: stream.signal });
    const open: Db[] = [];
    for (const plugin of AUTH_PLUGINS) {
      for (const client of ['mysql2', 'mariadb'] as const) {
        const db = await CLIENTS[client](target(plugin, client));
        await db.query('select 41 + 1');
        open.push(db);
      }
    }
    // While they are open, and after.
    const routes = ['/stats', '/metrics', '/api/queries?limit=10000', '/api/connections'];
    const told = await Promise.all(routes.map((route) => sluice.getText(route)));
    await linesOf('exchange', 9);
    await Promise.all(open.map((db) => db.end()));
    await linesOf('connection', 6);
    told.push(...(await Promise.all(routes.map((route) => sluice.getText(route)))));
    let streamed = '';
    for await (const chunk of exchanges.body!) {
      streamed += Buffer.from(chunk).toString('latin1');
      if (streamed.includes(database)) break;
    }
    stream.abort();
    told.push(streamed);
    told.push(await readFile(log, 'latin1'), sluice.stdout(), sluice.stderr());

    const secrets = sessions().flatMap(secretsOf);
    expect(secrets.length).toBeGreaterThan(60);
    const output = Buffer.from(told.join('\n'), 'latin1');
    expect(output.length).toBeGreaterThan(10_000);
    expect(tracesOf([Buffer.from(PASSWORD), Buffer.from(WRONG), ...secrets], output)).toEqual([]);
    // The search finds what is there.
    expect(tracesOf(secrets, Buffer.concat([output, Buffer.from(secrets[7]!.toString('hex'))]))).toEqual([secrets[7]]);
  });

  test('every login is counted, by how it went', async () => {
    const talks = sessions().map(dialogueOf);
    const having = (word: string): number => talks.filter((said) => said.some((one) => one.startsWith(word))).length;
    const want = {
      'mysql.sessions': talks.length,
      'mysql.login_attempts': talks.length,
      'mysql.login_failures': having('error 1045'),
      'mysql.auth_switch_request': having('switch '),
      'mysql.upgraded_to_ssl': 1,
      'mysql.protocol_errors': 0,
      'mysql.decoder_errors': 0,
      'sluice.mysql.logins_ok': having('ok'),
      'sluice.mysql.lost': 0,
    };
    expect(want).toMatchObject({ 'mysql.login_failures': 6, 'mysql.upgraded_to_ssl': having('asks for TLS') });
    let counted: Record<string, number> = {};
    await poll('all is counted', async () => {
      const stats = [...(await statsOf(sluice))];
      counted = Object.fromEntries(
        Object.keys(want).map((name) => {
          const parts = /^(.*\.?mysql)\.(\w+)$/.exec(name)!;
          const full = new RegExp(`^${parts[1]}\\.mysql(_\\d)?\\.${parts[2]}$`);
          return [name, stats.filter(([stat]) => full.test(stat)).reduce((sum, [, n]) => sum + n, 0)];
        }),
      );
      return counted['mysql.login_attempts'] === talks.length;
    }).catch(() => {});
    expect(counted).toEqual(want);
    // TLS, and no other session, was lost from sight.
    const hidden = readLog(log).filter(({ event, opaque }) => event === 'connection' && opaque !== '');
    expect(hidden.map(({ opaque }) => opaque)).toEqual(['encrypted']);
  });
});
