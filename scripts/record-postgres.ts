import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { postgres } from '../protocol-filters/postgres/index.ts';
import { runClient, psql as runPsql, type Target } from '../test/support/psql.ts';
import { PASSWORD, startRealPostgres } from '../test/support/real-postgres.ts';
import { tellScriptOf } from '../test/support/story.ts';
import { type Recorded, writeTranscript } from '../test/support/transcript.ts';
import { startRecorder } from './record-recorder.ts';

/**
 * Records real sessions of real clients with Debian's PostgreSQL into protocol-filters/postgres/fixtures: one
 * `.transcript` a session, and beside it `.events`, what our decoder tells of it, to be read by a human before it is
 * committed. The users' passwords are the test servers' own.
 */
const FIXTURES = new URL('../protocol-filters/postgres/fixtures/', import.meta.url);
/** A transcript has to stay readable. */
const MAX_BYTES = 48 * 1024;

interface Scene {
  readonly name: string;
  /** What was done, for the reader. */
  readonly title: string;
  play(at: Target): Promise<void>;
  /** Which of the scene's connections to keep; the last one unless said. */
  readonly session?: number;
}

const psql =
  (script: string, args: readonly string[] = [], more: Partial<Target> = {}) =>
  async (at: Target): Promise<void> => {
    await runPsql({ ...at, ...more }, script, args);
  };

const withClient =
  (use: (client: pg.Client) => Promise<void>, config: pg.ClientConfig = {}) =>
  async (at: Target): Promise<void> => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: at.port,
      user: 'postgres',
      database: 'postgres',
      ...config,
    });
    client.on('error', () => {});
    await client.connect();
    await use(client);
    await client.end();
  };

/** The scene wants the error. */
const fails = async (query: Promise<unknown>): Promise<void> => {
  const error = await query.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error === null) throw new Error('this was to fail');
};

const pgbench =
  (mode: string, args: readonly string[], script = '') =>
  async (at: Target): Promise<void> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'sluice-record-'));
    try {
      const file = path.join(folder, 'script.sql');
      await writeFile(file, script);
      const more = script === '' ? [] : ['-f', file];
      const ran = await runClient('pgbench', ['-n', '-M', mode, '-c', '1', '-t', '2', ...more, ...args], at);
      if (ran.code !== 0) throw new Error(`pgbench: ${ran.stderr}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

const PIPELINE = `\\set n random(1, 9)
\\startpipeline
select :n;
update shop set price = price + :n where id = 1;
select count(*) from shop;
\\endpipeline
`;

const SCENES: readonly Scene[] = [
  {
    name: 'psql-simple',
    title: 'psql: simple queries, several statements in one message, errors, a transaction with a savepoint',
    play: psql(`select id, name from shop order by id;
update shop set price = 2 where id = 1\\; delete from shop where id = 99\\; select 1;
select 1\\; select nope\\; select 2;
selec;
begin;
insert into shop values (50, 'hat', 3);
savepoint a;
insert into shop values (50, 'hat', 3);
rollback to savepoint a;
commit;
;
`),
  },
  {
    name: 'psql-ssl-refused',
    title: 'psql with sslmode=prefer: GSS is not asked for, SSLRequest is answered N, then in clear',
    play: psql('select 1;', [], { sslmode: 'prefer' }),
  },
  {
    name: 'psql-copy',
    title: 'psql: COPY in and out, COPY that fails, COPY in a transaction that is rolled back',
    play: psql(`copy shop (id, name) from stdin;
60\tcap
61\tscarf
\\.
copy (select * from shop order by id) to stdout;
copy shop (id, name) from stdin;
x\tbad
\\.
begin;
copy shop (id, name) from stdin;
62\tglove
\\.
rollback;
`),
  },
  {
    name: 'psql-prepare',
    title: 'psql: SQL PREPARE, EXECUTE, DEALLOCATE, DISCARD, and a cursor',
    play: psql(`prepare p (int) as select name from shop where id = $1;
execute p(1);
execute p(2);
deallocate p;
execute p(1);
prepare "P q" as select 2;
execute "P q";
discard all;
begin;
declare c cursor for select id from shop order by id;
fetch 2 from c;
move 1 in c;
fetch all from c;
close c;
commit;
`),
  },
  {
    name: 'psql-lo',
    title: 'psql: a large object, which libpq writes and reads by function calls',
    play: psql(`\\lo_import ${path.resolve('package.json')}
\\lo_unlink :LASTOID
`),
  },
  {
    name: 'psql-md5',
    title: 'psql: login by MD5 password',
    play: psql('select current_user;', [], { user: 'md5', password: PASSWORD }),
  },
  {
    name: 'psql-refused',
    title: 'psql: a login with a wrong password',
    play: psql('select 1;', [], { user: 'cleartext', password: 'wrong' }),
  },
  {
    name: 'pg-extended',
    title: 'pg: parameters, a named statement run three times, errors at Parse and at Bind, in a transaction',
    play: withClient(async (client) => {
      await client.query('select $1::int + 1 as n', [41]);
      for (const id of [1, 2, 3])
        await client.query({ name: 'by-id', text: 'select name from shop where id = $1', values: [id] });
      await fails(client.query('select nope from shop where id = $1', [1]));
      await fails(client.query('select $1::int', ['x']));
      await client.query('begin');
      await client.query('update shop set price = price + $1 where id = $2', [1, 1]);
      await fails(client.query('insert into shop values ($1, $2, $3)', [1, 'again', 1]));
      await client.query('rollback');
      await client.query({
        text: "select 'x' /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/ , $1::text",
        values: ['y'],
      });
    }),
  },
  {
    name: 'pg-scram',
    title: 'pg: login by SCRAM-SHA-256',
    play: withClient(async (client) => void (await client.query('select 1')), { user: 'scram', password: PASSWORD }),
  },
  {
    name: 'pg-cursor',
    title: 'pg-cursor: a portal in three steps, and one that is closed before its end',
    play: withClient(async (client) => {
      const all = client.query(new Cursor('select id from generate_series(1, $1) as id', [7]));
      while ((await all.read(3)).length > 0);
      await all.close();
      const some = client.query(new Cursor('select id from generate_series(1, $1) as id', [7]));
      await some.read(2);
      await some.close();
    }),
  },
  {
    name: 'pg-copy',
    title: 'pg-copy-streams: COPY in and out',
    play: withClient(async (client) => {
      const rows = Array.from({ length: 20 }, (_, i) => `${100 + i}\tthing ${i}\t1\n`);
      await pipeline(Readable.from(rows), client.query(copyStreams.from('copy shop from stdin')));
      const out = client.query(copyStreams.to('copy shop to stdout'));
      out.resume();
      await finished(out);
      await client.query('delete from shop where id >= 100');
    }),
  },
  {
    name: 'pg-notify',
    title: 'pg: LISTEN, a notification, an application_name that is a traceparent, a notice',
    play: withClient(async (client) => {
      await client.query('listen news');
      const heard = new Promise((resolve) => client.once('notification', resolve));
      await client.query("notify news, 'hello'");
      await heard;
      await client.query("set application_name = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'");
      await client.query('select 1');
      await client.query("set application_name = 'shop'");
      await client.query("do $$ begin raise notice 'hm'; end $$");
    }),
  },
  {
    name: 'pg-large',
    title: 'pg: a large result, and a large statement',
    play: withClient(async (client) => {
      await client.query("select n, repeat('x', 8) from generate_series(1, 900) as n");
      await client.query(`select ${Array.from({ length: 900 }, (_, n) => n).join(', ')} from shop where false`);
    }),
  },
  {
    name: 'pg-deferred',
    title: 'pg: a constraint that is checked at commit, in a simple query, at Sync and at COMMIT',
    play: withClient(async (client) => {
      await fails(client.query('insert into part values (1, 99)'));
      await fails(client.query('insert into part values ($1, $2)', [2, 99]));
      await client.query('begin');
      await client.query('insert into part values (3, 99)');
      await fails(client.query('commit'));
    }),
  },
  {
    name: 'pg-cancelled',
    title: 'pg: a query that is cancelled (the CancelRequest is pg-cancel)',
    session: 0,
    play: cancelled,
  },
  { name: 'pg-cancel', title: 'CancelRequest on its own connection', session: 1, play: cancelled },
  { name: 'pgbench-simple', title: 'pgbench -M simple, the TPC-B-like script twice', play: pgbench('simple', []) },
  {
    name: 'pgbench-extended',
    title: 'pgbench -M extended, the TPC-B-like script twice',
    play: pgbench('extended', []),
  },
  {
    name: 'pgbench-prepared',
    title: 'pgbench -M prepared, the TPC-B-like script twice',
    play: pgbench('prepared', []),
  },
  {
    name: 'pgbench-pipeline',
    title: 'pgbench -M extended, three statements in a pipeline, twice',
    play: pgbench('extended', [], PIPELINE),
  },
  {
    name: 'pgbench-pipeline-prepared',
    title: 'pgbench -M prepared, three statements in a pipeline, twice',
    play: pgbench('prepared', [], PIPELINE),
  },
  {
    name: 'walsender',
    title: 'pg_recvlogical: a replication session, from IDENTIFY_SYSTEM to the end of its stream',
    play: async (at) => {
      const slot = ['-S', 'record', '-d', 'postgres'];
      await runClient('pg_recvlogical', [...slot, '--create-slot', '-P', 'test_decoding'], at);
      await runPsql(at, "insert into shop values (70, 'wal', 1);");
      const { stdout } = await runPsql(at, 'select pg_current_wal_lsn();');
      const ran = await runClient('pg_recvlogical', [...slot, '--start', '-f', '-', '--endpos', stdout.trim()], at);
      if (ran.code !== 0) throw new Error(`pg_recvlogical: ${ran.stderr}`);
    },
  },
];

async function cancelled(at: Target): Promise<void> {
  await withClient(async (client) => {
    const running = fails(client.query('select pg_sleep(60)'));
    // Cancelled as a client does it: a second connection, with the key that the server gave the first.
    const other = new pg.Client({ host: '127.0.0.1', port: at.port, user: 'postgres', database: 'postgres' });
    await untilActive(at);
    cancelOf(other, client);
    await running;
  })(at);
}

/** pg's own, undocumented and old: cancel(client, query) on a client that is not connected. */
function cancelOf(other: pg.Client, client: pg.Client): void {
  const canceller = other as unknown as { cancel(target: pg.Client, query: unknown): void };
  canceller.cancel(client, (client as unknown as { activeQuery: unknown; _activeQuery: unknown })._activeQuery);
}

/** Waits, on a connection that is not recorded, until the server runs pg_sleep. */
async function untilActive(at: Target): Promise<void> {
  const direct = { ...at, port: serverPort };
  for (let i = 0; i < 200; i++) {
    const { stdout } = await runPsql(
      direct,
      "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active';",
    );
    if (stdout.trim() === '1') return;
  }
  throw new Error('pg_sleep does not start');
}
let serverPort = 0;

/** Whole messages up to the bound; the transcript says that it was cut. */
function trimmed(lines: readonly Recorded[]): [lines: readonly Recorded[], cut: boolean] {
  let bytes = 0;
  const kept: Recorded[] = [];
  for (const line of lines) {
    if (bytes + line.bytes.length > MAX_BYTES) return [kept, true];
    bytes += line.bytes.length;
    kept.push(line);
  }
  return [kept, false];
}

export async function record(): Promise<void> {
  const server = await startRealPostgres('debian', { settings: { wal_level: 'logical' } });
  serverPort = server.port;
  try {
    const direct: Target = { port: server.port };
    await runPsql(
      direct,
      `create table shop (id int primary key, name text, price int);
insert into shop select n, 'thing ' || n, n from generate_series(1, 5) as n;
create table part (id int primary key, shop int references shop deferrable initially deferred);`,
    );
    await runClient('pgbench', ['-i', '-q'], direct);
    const { stdout } = await runPsql(direct, 'show server_version;');
    for (const scene of SCENES) {
      const recorder = await startRecorder(server.port);
      try {
        await scene.play({ port: recorder.port, application: 'record' });
      } finally {
        await recorder.close();
      }
      const lines = recorder.sessions.at(scene.session ?? -1);
      if (lines === undefined || lines.length === 0) throw new Error(`${scene.name}: nothing was said`);
      const [kept, cut] = trimmed(lines);
      const comments = [scene.title, `PostgreSQL ${stdout.trim()}`, ...(cut ? ['cut to a readable length'] : [])];
      await writeFile(new URL(`${scene.name}.transcript`, FIXTURES), writeTranscript(comments, kept));
      const told = tellScriptOf(
        postgres,
        kept.map(({ who, bytes }) => [who, bytes] as const),
      );
      await writeFile(new URL(`${scene.name}.events`, FIXTURES), told);
      process.stdout.write(`${scene.name}: ${kept.length} turns\n`);
    }
  } finally {
    await server.stop();
  }
}
