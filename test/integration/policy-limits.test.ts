import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { type Wish as PolicyWish, policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';

/** Limits before a real server, as a driver meets them: each enforced, and each in shadow mode. */
let server: RealPostgres;
let plane: GatePlane;
const open: pg.Client[] = [];

beforeAll(async () => {
  server = await startRealPostgres(SERVERS[0]!);
  const upstream = { host: '127.0.0.1', port: server.port };
  plane = await startGatePlane({ protocol: postgres, upstream, policies: policySet([NEVER, ROWS('shadow')]) });
  const direct = await server.connect();
  await direct.query('create table seen as select generate_series(1, 500) as n, repeat($$x$$, 100) as filler');
  await direct.end();
});
afterAll(async () => {
  await Promise.all(open.map((client) => client.end().catch(() => {})));
  await plane?.stop();
  await server?.stop();
});
beforeEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.end().catch(() => {})));
  plane.ended.length = 0;
});

const NEVER: PolicyWish = { name: 'never', action: 'deny', targets: ['nothing_of_this_name'] };
const ROWS = (mode: 'enforce' | 'shadow'): PolicyWish => ({
  name: 'rows',
  mode,
  action: 'limit',
  limit: { rows: 100 },
});

/** With these policies from the first byte on. */
async function clientUnder(policies: readonly PolicyWish[], user = 'postgres'): Promise<pg.Client> {
  await plane.setPolicies(policySet([NEVER, ...policies]));
  return await client(user);
}

async function client(user = 'postgres'): Promise<pg.Client> {
  const one = new pg.Client({ host: '127.0.0.1', port: plane.port, user, database: 'postgres' });
  one.on('error', () => {}); // a connection that is expelled says so here too
  await one.connect();
  open.push(one);
  return one;
}

const codesOf = async (queries: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(queries)).map((settled) =>
    settled.status === 'fulfilled' ? 'ok' : ((settled.reason as pg.DatabaseError).code ?? String(settled.reason)),
  );

const both = ['enforce', 'shadow'] as const;

for (const mode of both)
  test(`rate, ${mode}`, async () => {
    const name = `rate_${mode}`;
    const rate = { count: 3, perMs: 60_000, burst: 3 };
    const one = await clientUnder([{ name, mode, action: 'limit', limit: { rate } }]);
    const before = plane.verdicts(name, 'rate', mode);
    const codes: string[] = [];
    // The extended protocol: what only prepares is not counted.
    for (let i = 0; i < 5; i++) codes.push(...(await codesOf([one.query('select $1::int', [i])])));
    expect(codes).toEqual(mode === 'enforce' ? ['ok', 'ok', 'ok', '53400', '53400'] : new Array(5).fill('ok'));
    expect(plane.verdicts(name, 'rate', mode) - before).toBe(2);
    await plane.settled();
    const marked = plane.ended.filter((x) => (mode === 'enforce' ? x.policy : x.shadowPolicy) === name);
    expect(marked.map((x) => (mode === 'enforce' ? x.verdict : x.shadowVerdict))).toEqual(['denied', 'denied']);
  });

for (const mode of both)
  test(`concurrent, ${mode}`, async () => {
    const name = `busy_${mode}`;
    const first = await clientUnder([{ name, mode, action: 'limit', limit: { concurrent: 1 } }]);
    const second = await client();
    // Under way for as long as somebody else has the lock, and not for some time.
    const holder = await server.connect();
    await holder.query('select pg_advisory_lock(1)');
    const slow = first.query('select pg_advisory_xact_lock($1::int)', [1]);
    await poll('the first is under way', () => plane.counts.begun > plane.counts.ended);
    expect(await codesOf([second.query('select 1')])).toEqual([mode === 'enforce' ? '53400' : 'ok']);
    await holder.end();
    await slow;
    expect(await codesOf([second.query('select 1')])).toEqual(['ok']);
    expect(plane.verdicts(name, 'concurrent', mode)).toBe(1);
  });

for (const mode of both)
  for (const values of [undefined, []] as const)
    test(`rows, ${mode}, ${values === undefined ? 'simple' : 'extended'}`, async () => {
      const one = await clientUnder([ROWS(mode)]);
      const before = plane.verdicts('rows', 'rows', mode);
      await one.query('begin');
      expect(await codesOf([one.query('select n from seen where n <= 100', values && [...values])])).toEqual(['ok']);
      const codes = await codesOf([
        one.query('select n from seen', values && [...values]),
        one.query('select 1 as after'),
      ]);
      expect(plane.verdicts('rows', 'rows', mode) - before).toBe(1);
      if (mode === 'shadow') {
        expect(codes).toEqual(['ok', 'ok']);
        expect(plane.ended.filter((x) => x.shadowVerdict === 'denied').map((x) => x.rowsReturned)).toEqual([500]);
        return;
      }
      expect(codes[0]).toBe('53400');
      const cut = plane.ended.find((x) => x.verdict === 'denied')!;
      expect(cut).toMatchObject({ policy: 'rows', operation: 'SELECT' });
    });

test('bytes', async () => {
  const one = await clientUnder([{ name: 'bytes', action: 'limit', limit: { bytes: 10_000 } }]);
  expect(await codesOf([one.query('select filler from seen limit 50')])).toEqual(['ok']);
  expect(await codesOf([one.query('select filler from seen')])).toEqual(['53400']);
  expect(plane.verdicts('bytes', 'bytes')).toBe(1);
});

test('idle in transaction: the connection ends with what the server would have said, and the transaction is undone', async () => {
  const limit = { idleInTransactionMs: 1000 };
  const one = await clientUnder([{ name: 'idle', action: 'limit', limit }]);
  const heard: string[] = [];
  one.on('error', (error) => heard.push((error as pg.DatabaseError).code ?? error.message));
  await one.query('begin');
  // Longer than the limit, and not idle.
  expect(await codesOf([one.query("insert into seen select 1000, 'x' from pg_sleep(1.3)")])).toEqual(['ok']);
  await poll('it is closed', () => heard.length > 0);
  expect(heard[0]).toBe('25P03');
  expect(plane.verdicts('idle', 'idle')).toBe(1);
  const other = await client();
  expect((await other.query('select count(*)::int as n from seen where n = 1000')).rows).toEqual([{ n: 0 }]);
  // Outside of a transaction it may be as idle as it likes.
  await poll('well past the limit', () => plane.connections().some(({ idleMs }) => idleMs > 1300));
  expect(await codesOf([other.query('select 1')])).toEqual(['ok']);
});

test('idle in transaction, shadow', async () => {
  const one = await clientUnder([
    { name: 'idler', mode: 'shadow', action: 'limit', limit: { idleInTransactionMs: 50 } },
  ]);
  await one.query('begin');
  await poll('it is counted', () => plane.verdicts('idler', 'idle', 'shadow') === 1);
  expect(await codesOf([one.query('commit')])).toEqual(['ok']);
});
