import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runClickhouse } from '../../src/cli/clickhouse.ts';
import { migrate, planMigration } from '../../src/sinks/clickhouse/migrate.ts';
import { SCHEMA_FOLDER, schemaSteps } from '../../src/sinks/clickhouse/schema-steps.ts';
import { statementsOf } from '../../src/sinks/clickhouse/schema-template.ts';
import { kafkaMessages } from '../../src/sinks/kafka/kafka-rows.ts';
import type { Fault } from '../support/clickhouse-http.ts';
import { HOSTILE, parcelOf, plainBatch, variety } from '../support/clickhouse-parcels.ts';
import {
  type ClickhouseStage,
  clickhouseStage,
  countsOf,
  numberOf,
  PASSWORD,
  within,
} from '../support/clickhouse-stage.ts';

let stage: ClickhouseStage;
beforeAll(async () => {
  stage = await clickhouseStage();
});
afterAll(() => stage.close());
const ROWS = 'SELECT count() AS n FROM';
const NEWEST = schemaSteps().length;

describe('schema', () => {
  const options = (database: string) => ({ database, cluster: null, ttlDays: 7 });

  test('an older one is upgraded, two at once do no harm, a lost table comes back, and then there is nothing to do', async () => {
    const stores = [stage.store(), stage.serverStore()];
    const steps = schemaSteps();
    expect(await migrate(stores[0]!, options('select'), 'old', undefined, within(), steps.slice(0, 4))).toMatchObject({
      from: 0,
      to: 4,
    });
    const both = await Promise.all(
      stores.map((store) => migrate(store, options('select'), 'new', undefined, within())),
    );
    for (const { to } of both) expect(to).toBe(steps.length);
    expect(await planMigration(stores[1]!, options('select'))).toEqual({
      from: steps.length,
      to: steps.length,
      work: [],
    });
    await stores[0]!.command('DROP TABLE `select`.rollup_1h');
    expect((await migrate(stores[1]!, options('select'), 'new')).work.map(({ name }) => name)).toEqual([
      '0006_rollup_1h',
    ]);
    await stores[0]!.command('DROP TABLE `select`.exchanges SYNC');
    expect((await migrate(stores[1]!, options('select'), 'new')).work.map(({ name }) => name)).toEqual([
      '0001_exchanges',
      '0007_matched_and_batches',
      '0008_attributes',
      '0009_verdicts',
      '0010_policy_snapshot',
    ]);
    const sink = stage.embedded('select', { ttlDays: 7 });
    expect((await sink.deliver(parcelOf([plainBatch(10, 1)]), within())).kind).toBe('delivered');
    expect(await countsOf(sink, '`select`')).toEqual([10, 10, 10, 10]);
  });

  test('a newer one and one made of other steps are refused, an older one where it may not migrate', async () => {
    const store = stage.store();
    const parcel = parcelOf([plainBatch(1, 1)]);
    const barred = stage.embedded('barred', { migrate: false });
    expect(await barred.deliver(parcel, within())).toEqual({
      kind: 'later',
      why: 'database barred has no schema yet: sluice clickhouse migrate',
    });
    await migrate(store, options('barred'), 'old', undefined, within(), schemaSteps().slice(0, 5));
    expect((await barred.deliver(parcel, within())).why).toBe(
      `the schema of database barred has version 5 of ${NEWEST}: sluice clickhouse migrate`,
    );
    await migrate(store, options('barred'), 'new');
    expect((await barred.deliver(parcel, within())).kind).toBe('delivered');

    const later = NEWEST + 1;
    await store.command(
      `INSERT INTO barred.schema_migrations (version, name, checksum) VALUES (${later}, 'later', 'f')`,
    );
    expect((await stage.embedded('barred').deliver(parcel, within())).why).toMatch(
      new RegExp(`^the schema of database barred has version ${later}, newer than this Sluice's ${NEWEST}`),
    );
    await store.command(
      `ALTER TABLE barred.schema_migrations DELETE WHERE version = ${later} SETTINGS mutations_sync = 2`,
    );
    await store.command(
      "ALTER TABLE barred.schema_migrations UPDATE checksum = 'abc' WHERE version = 2 SETTINGS mutations_sync = 2",
    );
    expect((await stage.embedded('barred').deliver(parcel, within())).why).toMatch(
      /^step 0002_sessions of database barred was applied with another text/,
    );
  });

  test('rows are kept for as long as the configuration says now', async () => {
    const sink = stage.embedded('kept', { ttlDays: 7 });
    await sink.deliver(parcelOf([plainBatch(1, 1)]), within());
    const again = stage.embedded('kept', { ttlDays: 70 });
    await again.deliver(parcelOf([plainBatch(1, 1)]), within());
    const sql =
      "SELECT count() AS n FROM system.tables WHERE database = 'kept' AND engine_full LIKE '%toIntervalDay(70)%'";
    expect(await numberOf(again, sql)).toBe(2);
  });

  test('every statement for a cluster, and the file for Kafka, is one that ClickHouse can read', async () => {
    const cluster = { database: 'shop', cluster: 'all_shards', ttlDays: 7 };
    const texts = [
      readFileSync(path.join(SCHEMA_FOLDER, 'schema_migrations.sql'), 'utf8'),
      ...schemaSteps().map(({ text }) => text),
    ];
    const statements = texts.flatMap((text) => statementsOf(text, cluster));
    statements.push(...statementsOf(readFileSync(path.join(SCHEMA_FOLDER, 'kafka.sql'), 'utf8'), cluster));
    const store = stage.store();
    for (const sql of statements) {
      const [row] = await store.query<{ text: string }>('SELECT formatQuery({sql:String}) AS text', { sql });
      expect(row!.text).toMatch(/^CREATE (TABLE|MATERIALIZED VIEW|DATABASE) IF NOT EXISTS|^ALTER TABLE/);
    }
    const clustered = statements.filter((sql) => !sql.includes('kafka'));
    for (const sql of clustered) expect(sql).toContain('ON CLUSTER `all_shards`');
    expect(clustered.filter((sql) => /ENGINE = Distributed\(`all_shards`, `shop`, \w+_local/.test(sql)).length).toBe(6);
    expect(clustered.filter((sql) => sql.includes("MergeTree('/clickhouse/tables/")).length).toBe(7);
    await expect(store.query('SELECT formatQuery({sql:String})', { sql: 'CREATE TABEL x' })).rejects.toThrow();
  });

  test("what the Kafka sink writes arrives through the Kafka file's views (another engine in Kafka's place)", async () => {
    const store = stage.store();
    await migrate(store, options('kafka_there'), 'test');
    const text = readFileSync(path.join(SCHEMA_FOLDER, 'kafka.sql'), 'utf8')
      .replaceAll('sluice.', 'kafka_there.')
      .replace(/text {14}String\n\)\nENGINE = Kafka[^;]*;/, 'text String, _error String\n) ENGINE = Null;')
      .replaceAll(/kafka_events\b/g, 'kafka_events');
    for (const sql of statementsOf(text, options('kafka_there'))) await store.command(sql);
    const { batch } = variety(20, 300);
    const lines = [...kafkaMessages(batch, 0, 'a1b2', 1e6, () => true)].map(({ value }) => value).join('');
    const sql = `INSERT INTO kafka_there.kafka_events SETTINGS input_format_skip_unknown_fields = 1, date_time_input_format = 'best_effort', async_insert = 0 FORMAT JSONEachRow\n${lines}`;
    await store.command(sql);
    const direct = stage.embedded('kafka_not_there');
    await direct.deliver(parcelOf([batch]), within());
    const tables = {
      exchanges: 'ORDER BY seq',
      sessions: 'ORDER BY event, session_id',
      digests: 'FINAL ORDER BY digest',
    };
    for (const [table, order] of Object.entries(tables)) {
      const [a, b] = await Promise.all(
        ['kafka_there', 'kafka_not_there'].map((db) => store.query<object>(`SELECT * FROM ${db}.${table} ${order}`)),
      );
      expect(b!.length).toBeGreaterThan(HOSTILE.length - 1);
      expect(a).toEqual(b);
    }
  });
});

describe('over HTTP', () => {
  test('compressed, authenticated, deduplicated; the same rows', async () => {
    const sink = stage.remote('remote');
    const parcel = parcelOf([variety(5).batch]);
    stage.http.seen.length = 0;
    for (let n = 0; n < 2; n++) expect(await sink.deliver(parcel, within())).toEqual({ kind: 'delivered' });
    const inserts = stage.http.seen.filter(
      ({ sql }) => sql.startsWith('INSERT INTO `remote`.') && !sql.includes('migrations'),
    );
    expect(inserts.map(({ sql }) => /`\.(\w+)/.exec(sql)![1])).toEqual([
      'digests',
      'sessions',
      'exchanges',
      'sessions',
      'exchanges',
    ]);
    for (const { gzip, user, sql, settings } of inserts) {
      expect({ gzip, user }).toEqual({ gzip: true, user: 'sluice' });
      expect(sql).toMatch(/^INSERT INTO `remote`\.\w+ \([a-z_, ]+\) FORMAT TabSeparated\s*$/);
      expect(settings).toMatchObject({
        async_insert: '0',
        deduplicate_blocks_in_dependent_materialized_views: '1',
      });
      expect(settings['insert_deduplication_token']).toBe(
        sql.includes('.digests') ? undefined : `${parcel.id}:${/`\.(\w+)/.exec(sql)![1]}`,
      );
    }
    expect((await countsOf(sink, 'remote'))[0]).toBe(400);
    await sink.close();
  });

  const later: [name: string, fault: NonNullable<Fault>, why: string | RegExp][] = [
    [
      '500 of a proxy',
      { kind: 'status', status: 500, body: '<html>oops s3cret-Pass' },
      "HERE: the answer is an error, and not one of ClickHouse's",
    ],
    ['429', { kind: 'status', status: 429, body: '' }, "HERE: the answer is an error, and not one of ClickHouse's"],
    [
      'too many parts',
      { kind: 'exception', code: 252, text: 'Too many parts (TOO_MANY_PARTS)' },
      'HERE: too many parts, merges do not keep up (ClickHouse error 252 TOO_MANY_PARTS)',
    ],
    ['out of memory', { kind: 'exception', code: 241, text: 'x' }, /it is out of memory/],
    ['a read-only table', { kind: 'exception', code: 242, text: 'x' }, /read-only/],
    ['access denied', { kind: 'exception', code: 497, text: 'sluice: Not enough privileges' }, /may not do this/],
    [
      'an unknown code',
      { kind: 'exception', code: 48, text: 'x (NOT_IMPLEMENTED)' },
      'HERE: ClickHouse error 48 NOT_IMPLEMENTED',
    ],
    ['no answer', { kind: 'hang' }, /^HERE: no answer in time/],
    ['half an answer', { kind: 'half' }, /^HERE: connection/],
    ['no answer, but done', { kind: 'deaf' }, /^HERE: connection/],
    ['an answer without end', { kind: 'flood' }, /too long|connection/],
    ['a redirect', { kind: 'redirect', to: 'http://127.0.0.1:1/' }, /not one of ClickHouse's/],
  ];
  test('whatever it answers: later, with one line that is the same each time, and nothing lost or doubled', async () => {
    const sink = stage.remote('faults');
    let sent = 10;
    expect((await sink.deliver(parcelOf([plainBatch(10, 1)]), within())).kind).toBe('delivered');
    for (const [name, fault, why] of later) {
      const parcel = parcelOf([plainBatch(10, ++sent)]);
      stage.http.fault = fault;
      stage.http.faultOn = /^INSERT INTO `faults`\.exchanges/;
      const said: unknown[] = [];
      for (let n = 0; n < 2; n++) said.push(await sink.deliver(parcel, within(fault.kind === 'hang' ? 150 : 60_000)));
      const text =
        typeof why === 'string'
          ? why.replace('HERE', stage.http.url)
          : expect.stringMatching(new RegExp(why.source.replace('HERE', stage.http.url)));
      expect(said, name).toEqual([
        { kind: 'later', why: text },
        { kind: 'later', why: text },
      ]);
      expect(said[0], name).toEqual(said[1]);
      stage.http.fault = null;
      expect((await sink.deliver(parcel, within())).kind, name).toBe('delivered');
    }
    const all = 10 + 10 * later.length;
    expect(await countsOf(sink, 'faults')).toEqual([all, all, all, all]);
    await sink.close();
  });

  test('rows that cannot be read are refused, and only they', async () => {
    const sink = stage.remote('refused');
    stage.http.faultOn = /^INSERT INTO `refused`\.exchanges/;
    stage.http.fault = {
      kind: 'exception',
      code: 27,
      text: "Cannot parse input: expected '\\t' before: 's3cret-Pass' (CANNOT_PARSE_INPUT_ASSERTION_FAILED)",
    };
    expect(await sink.deliver(parcelOf([plainBatch(1, 1)]), within())).toEqual({
      kind: 'refused',
      why: `${stage.http.url}: the rows cannot be read (ClickHouse error 27 CANNOT_PARSE_INPUT_ASSERTION_FAILED)`,
    });
    stage.http.fault = null;
    expect((await sink.deliver(parcelOf([plainBatch(1, 2)]), within())).kind).toBe('delivered');
    await sink.close();
  });

  test('tables and the whole database dropped under way come back by themselves', async () => {
    const sink = stage.remote('dropped');
    const parcels = [1, 2, 3, 4].map((n) => parcelOf([plainBatch(10, n)]));
    expect((await sink.deliver(parcels[0]!, within())).kind).toBe('delivered');
    // The last view of the chain fails: what came before it is in already, and must not be doubled by the next attempt.
    const cases: [sql: string, counts: number[]][] = [
      ['DROP TABLE dropped.rollup_1h', [20, 20, 20, 10]],
      ['DROP TABLE dropped.exchanges', [10, 30, 30, 20]],
      ['DROP DATABASE dropped', [10, 10, 10, 10]],
    ];
    for (const [i, [sql, want]] of cases.entries()) {
      await sink.store.command(sql);
      const lost = await sink.deliver(parcels[i + 1]!, within());
      expect(lost, sql).toMatchObject({ kind: 'later', why: expect.stringMatching(/tables are missing/) });
      expect(await sink.deliver(parcels[i + 1]!, within()), sql).toEqual({ kind: 'delivered' });
      expect(await countsOf(sink, 'dropped'), sql).toEqual(want);
      expect(await numberOf(sink, `${ROWS} dropped.digests FINAL`), sql).toBe(1);
    }
    await sink.close();
  });

  test('wrong credentials, nobody there, another kind of server', async () => {
    const parcel = parcelOf([plainBatch(1, 1)]);
    const wrong = stage.remote('nope', { password: 'Wr0ng-one' });
    const said = [await wrong.deliver(parcel, within()), await wrong.deliver(parcel, within())];
    const credentials = {
      kind: 'later',
      why: `${stage.http.url}: wrong user or password (ClickHouse error 516 AUTHENTICATION_FAILED)`,
    };
    expect(said).toEqual([credentials, credentials]);
    await wrong.close();

    const other = createServer((request, response) =>
      request.resume().on('end', () => response.end('{"status":"ok"}\n')),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const elsewhere = stage.remote('nope', { url });
    expect(await elsewhere.deliver(parcel, within())).toEqual({
      kind: 'later',
      why: `${url} does not answer as a ClickHouse does`,
    });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    const gone = await elsewhere.deliver(parcel, within());
    // The connection that was kept may not know yet that it is over.
    if (gone.why === `${url}: connection reset`) Object.assign(gone, await elsewhere.deliver(parcel, within()));
    expect(gone).toEqual({ kind: 'later', why: `${url}: connection refused` });
    await elsewhere.close();
  });
});

test('every query of the docs page runs, and finds rows', async () => {
  const sink = stage.embedded('sluice');
  await sink.deliver(parcelOf([variety(9).batch]), within());
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/sinks/clickhouse.md'), 'utf8');
  const queries = [...page.matchAll(/```sql\n(.*?)```/gs)]
    .map((match) => match[1]!)
    .filter((sql) => /^(SELECT|WITH)/.test(sql));
  expect(queries.length).toBeGreaterThanOrEqual(4);
  for (const sql of queries) expect((await sink.store.query(sql)).length, sql).toBeGreaterThan(0);
});

test('sluice clickhouse migrate: what it would do, what it did, and nothing the second time', async () => {
  const said = {
    name: 'clickhouse',
    config: null,
    url: stage.http.url,
    path: null,
    database: 'by_hand',
    username: 'sluice',
    cluster: null,
    ttlDays: null,
  } as const;
  const run = async (change: { dryRun: boolean; password?: string; database?: string }) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runClickhouse(
      { ...said, dryRun: change.dryRun, database: change.database ?? said.database },
      {
        stdout: { write: (text) => out.push(text) },
        stderr: { write: (text) => err.push(text) },
        readFile: () => Promise.reject(new Error('no file')),
        filters: [],
        environment: { CLICKHOUSE_PASSWORD: change.password ?? PASSWORD },
      },
    );
    return { code, out: out.join(''), err: err.join('') };
  };
  const dry = await run({ dryRun: true });
  expect(dry.code).toBe(0);
  expect(dry.out).toContain('CREATE TABLE IF NOT EXISTS `by_hand`.exchanges\n');
  expect(dry.out).toContain(
    `-- ${stage.http.url}, database by_hand: would bring the schema from version 0 to ${NEWEST}\n`,
  );
  const names = schemaSteps()
    .map(({ version, name }) => `${String(version).padStart(4, '0')}_${name}\n`)
    .join('');
  expect(await run({ dryRun: false })).toEqual({
    code: 0,
    out: `schema_migrations\n${names}${stage.http.url}, database by_hand: brought the schema from version 0 to ${NEWEST}\n`,
    err: '',
  });
  expect((await run({ dryRun: false })).out).toBe(
    `${stage.http.url}, database by_hand: version ${NEWEST}, nothing to do\n`,
  );
  const denied = await run({ dryRun: false, password: 'Wr0ng-one' });
  expect(denied).toMatchObject({ code: 1, out: '', err: expect.stringContaining('wrong user or password') });
  expect(denied.err).not.toContain('Wr0ng-one');
  expect((await run({ dryRun: true, database: 'a`; DROP' })).code).toBe(2);
});
