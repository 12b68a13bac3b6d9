import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqlDigestCache } from '../../src/digest/cache.ts';
import { pgbench, pgbenchInit } from '../support/pgbench.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

interface QueryRow {
  digest: string;
  text: string;
  operation: string;
  calls: number;
  errors: Record<string, number>;
  rows_returned: number;
  rows_affected: number;
}
interface Answer {
  queries: QueryRow[];
  totals: { calls: number };
}
interface Count {
  calls: number;
  rows: number;
  text: string;
}

const MODE = { dialect: 'postgres', standardConformingStrings: true } as const;
const digests = new SqlDigestCache({ parser: null, now: () => performance.now() });
const digestOf = (text: string): string => {
  const bytes = Buffer.from(text);
  const reading = digests.read(MODE, bytes, 0, bytes.length);
  expect(reading.count, text).toBe(1);
  return reading.statements[0]!.digest.id;
};

/** pg_stat_statements does not track these (15; later versions track DEALLOCATE). */
const NOT_TRACKED = new Set(['PREPARE', 'EXECUTE', 'DEALLOCATE']);

/** The kinds of statement whose rows it counts. */
const COUNTED_ROWS = new Set([
  'SELECT',
  'WITH',
  'VALUES',
  'TABLE',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'COPY',
  'FETCH',
]);

describe.each(SERVERS)('counts are exact: %s', (name) => {
  let server: RealPostgres;
  let sluice: RunningSluice;
  let admin: pg.Client;
  let databases = 0;

  beforeAll(async () => {
    server = await startRealPostgres(name);
    sluice = await runSluice({ upstreams: [`postgres://127.0.0.1:${server.port}`], concurrency: 2 });
    admin = await server.connect();
  });
  afterAll(async () => {
    await admin?.end();
    await sluice?.stop();
    await server?.stop();
  });

  /** A database of its own for each case, so that no case sees another's numbers. */
  async function freshDatabase(): Promise<string> {
    const database = `exact_${++databases}`;
    await admin.query(`create database ${database}`);
    return database;
  }

  /** What the server itself counted, by our digest of its text. */
  async function serverCounts(database: string): Promise<Map<string, Count>> {
    const { rows } = await admin.query(
      `select query, sum(calls)::float8 as calls, sum(rows)::float8 as rows from pg_stat_statements s
       join pg_database d on d.oid = s.dbid where d.datname = $1 and toplevel and query not ilike 'deallocate%' group by query`,
      [database],
    );
    const counts = new Map<string, Count>();
    for (const { query, calls, rows: rowCount } of rows as { query: string; calls: number; rows: number }[]) {
      const digest = digestOf(query);
      const count = counts.get(digest) ?? { calls: 0, rows: 0, text: query };
      count.calls += calls;
      count.rows += rowCount;
      counts.set(digest, count);
    }
    return counts;
  }

  const failures = (row: QueryRow) => Object.values(row.errors).reduce((sum, n) => sum + n, 0);

  const successes = (row: QueryRow) => row.calls - failures(row);

  /**
   * Waits until Sluice has what the server counted, then compares digest by digest. `corrections` are digests whose true
   * number the server's extension does not keep; each caller says why.
   */
  async function expectEqualCounts(database: string, corrections: Record<string, Partial<Count>> = {}): Promise<void> {
    const expected = await serverCounts(database);
    for (const [text, correction] of Object.entries(corrections)) {
      const digest = digestOf(text);
      expected.set(digest, { ...(expected.get(digest) ?? { calls: 0, rows: 0, text }), ...correction });
    }
    const seen = new Map<string, Count>();
    const ask = async () => {
      const answer = await sluice.getJson<Answer>(`/api/queries?limit=1000&database=${database}`);
      seen.clear();
      for (const row of answer.queries) {
        if (NOT_TRACKED.has(row.operation)) continue;
        const count = seen.get(row.digest) ?? { calls: 0, rows: 0, text: row.text };
        count.calls += successes(row);
        if (COUNTED_ROWS.has(row.operation)) {
          count.rows += row.operation === 'SELECT' || row.rows_affected === 0 ? row.rows_returned : row.rows_affected;
        }
        seen.set(row.digest, count);
      }
      return [...expected].every(([digest, { calls }]) => (seen.get(digest)?.calls ?? 0) >= calls);
    };
    await poll('Sluice has seen every call', ask).catch(() => {}); // the comparison says what is missing
    const list = (counts: Map<string, Count>) =>
      [...counts]
        .filter(([, { calls }]) => calls > 0)
        .map(
          ([digest, { calls, rows }]) =>
            `${digest} calls=${calls} rows=${rows} ${seen.get(digest)?.text ?? counts.get(digest)?.text}`,
        )
        .sort();
    expect(list(seen)).toEqual(list(expected));
  }

  const cases = (['simple', 'extended', 'prepared'] as const).flatMap((mode) =>
    [1, 64].map((clients) => ({ mode, clients })),
  );

  test.each(cases)('pgbench $mode, $clients connections', async ({ mode, clients }) => {
    const database = await freshDatabase();
    await pgbenchInit({ port: server.port, database });
    await admin.query('select pg_stat_statements_reset()');
    const target = { port: sluice.port, database };
    const transactions = clients === 1 ? 500 : 40;
    for (const builtin of ['select-only', 'tpcb-like'] as const) {
      const ran = await pgbench(target, { mode, clients, transactions, builtin });
      expect(ran, ran.stderr).toMatchObject({ code: 0, failed: 0, transactions: transactions * clients });
    }
    // pg_stat_statements forgets the id of a prepared utility statement after its first run, and counts it once a connection.
    const each = { calls: transactions * clients };
    await expectEqualCounts(database, mode === 'prepared' ? { BEGIN: each, END: each } : {});
  });

  test.each([1, 64])('a mixed pipelined script, %i connections', async (clients) => {
    const database = await freshDatabase();
    const direct = await server.connect({ database });
    await direct.query(
      'create table t (id int primary key, v text); insert into t select i, i::text from generate_series(1, 100) i',
    );
    await direct.end();
    await admin.query('select pg_stat_statements_reset()');
    const script = [
      '\\set id random(1, 100)',
      '\\startpipeline',
      'select v from t where id = :id;',
      "update t set v = 'x' where id = :id;",
      'select * from t where id in (:id, 7, 9) order by id;',
      '\\endpipeline',
      'begin;',
      "insert into t values (1000 + :client_id, 'new') on conflict do nothing;",
      'rollback;',
      'select count(*), max(v) from t;',
    ].join('\n');
    const ran = await pgbench({ port: sluice.port, database }, { mode: 'prepared', clients, transactions: 20, script });
    expect(ran, ran.stderr).toMatchObject({ code: 0, failed: 0, transactions: 20 * clients });
    const each = { calls: 20 * clients }; // as above
    await expectEqualCounts(database, { begin: each, rollback: each });
  });

  test('cursors, COPY, several statements in one message, utility statements', async () => {
    const database = await freshDatabase();
    await admin.query('select pg_stat_statements_reset()');
    const client = new pg.Client({ host: '127.0.0.1', port: sluice.port, user: 'postgres', database });
    await client.connect();
    await client.query('create table c (id int, v text)');
    await pipeline(
      Readable.from(Array.from({ length: 1000 }, (_, i) => `${i}\tvalue ${i}\n`)),
      client.query(copyFrom('copy c from stdin')),
    );
    let bytes = 0;
    const count = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        done();
      },
    });
    await pipeline(client.query(copyTo('copy c to stdout')), count);
    expect(bytes).toBeGreaterThan(10_000);
    await client.query("select 1; update c set v = 'a' where id < 10; select * from c where id < 5");
    await client.query('begin');
    await client.query('declare cur cursor for select * from c');
    await client.query('fetch 10 from cur');
    await client.query('fetch 20 from cur');
    await client.query('commit');
    const cursor = client.query(new Cursor('select * from c where id >= $1', [0]));
    for (let left = 4; left > 0; left--) await cursor.read(100);
    await cursor.close();
    await client.query('prepare p as select v from c where id = $1');
    await client.query('deallocate p');
    await client.query("insert into c values (1, 'x'), (2, 'y'), (3, 'z') returning id");
    await client.query('delete from c where id = any($1)', [[1, 2, 3]]);
    await client.end();
    await expectEqualCounts(database, {
      // Of a portal read in four pieces the older extension keeps the last piece's rows only.
      'select * from c where id >= $1': { rows: 400 },
      // The newer one books the FETCHes on their DECLARE as well.
      'declare cur cursor for select * from c': { calls: 1, rows: 0 },
    });
  });

  test('errors by digest equal what the client saw and the server logged', async () => {
    const database = await freshDatabase();
    const before = await server.loggedErrors();
    const client = new pg.Client({ host: '127.0.0.1', port: sluice.port, user: 'postgres', database });
    await client.connect();
    await client.query('create table e (id int primary key)');
    await client.query('insert into e values (1)');
    const seen = new Map<string, Record<string, number>>();
    const fail = async (text: string, values?: unknown[]) => {
      const error = await client.query(text, values).then(
        () => null,
        (reason: pg.DatabaseError) => reason,
      );
      expect(error, text).not.toBeNull();
      const digest = digestOf(text);
      const codes = seen.get(digest) ?? {};
      codes[error!.code!] = (codes[error!.code!] ?? 0) + 1;
      seen.set(digest, codes);
    };
    for (let i = 0; i < 5; i++) {
      await fail('insert into e values (1)');
      await fail('insert into e values ($1)', [1]);
      await fail('select 1 / $1::int', [0]);
      await fail('select 1 / $1::int', ['not a number']);
      await fail('selec nothing');
      await fail('select * from missing where id = 3');
      await fail('select * from missing where id = $1', [3]);
    }
    await client.end();
    const answer = await poll('every error has arrived', async () => {
      const now = await sluice.getJson<Answer>(`/api/queries?limit=1000&database=${database}`);
      return now.queries.reduce((sum, row) => sum + failures(row), 0) >= 35 && now;
    });
    const counted = new Map<string, Record<string, number>>();
    for (const row of answer.queries) if (failures(row) > 0) counted.set(row.digest, row.errors);
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(seen));
    const after = await server.loggedErrors();
    const total: Record<string, number> = {};
    for (const codes of seen.values())
      for (const [code, n] of Object.entries(codes)) total[code] = (total[code] ?? 0) + n;
    for (const [code, n] of Object.entries(total)) expect((after[code] ?? 0) - (before[code] ?? 0), code).toBe(n);
  });
});
