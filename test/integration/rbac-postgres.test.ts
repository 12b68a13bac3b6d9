import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import { type FilePlane, startFilePlane } from '../support/file-plane.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';

// Envoy's RBAC on metadata, judged per message, before a real server: what the tables hold afterwards is the truth.

const NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.';
const ANY = { any: true };
const tableRule = (table: string, ...operations: string[]) => ({
  metadata: {
    filter: 'envoy.filters.network.postgres_proxy',
    path: [{ key: `${table}.postgres` }],
    value: {
      list_match: {
        one_of:
          operations.length === 1
            ? { string_match: { exact: operations[0] } }
            : { or_match: { value_matchers: operations.map((exact) => ({ string_match: { exact } })) } },
      },
    },
  },
});
const operationRule = (key: string, value: unknown) => ({
  metadata: { filter: 'sluice.operation', path: [{ key }], value },
});
const policies = (...permissions: unknown[]) => ({ policies: { p: { permissions, principals: [ANY] } } });
const DENY_SECRET = { action: 'DENY', ...policies(tableRule('secret', 'select', 'insert', 'update', 'delete')) };
const ALLOW_ORDERS = policies(tableRule('orders', 'select'), tableRule('audit', 'insert'));

const listeners: Readonly<Record<string, object>> = {
  deny: { rules: DENY_SECRET, enforcement_type: 'CONTINUOUS' },
  allow: { rules: ALLOW_ORDERS, enforcement_type: 'CONTINUOUS' },
  once: { rules: DENY_SECRET },
  shadow: { shadow_rules: DENY_SECRET, enforcement_type: 'CONTINUOUS' },
  address: {
    rules: {
      action: 'DENY',
      policies: {
        'no one here': {
          permissions: [ANY],
          principals: [{ remote_ip: { address_prefix: '127.0.0.0', prefix_len: 8 } }],
        },
      },
    },
    enforcement_type: 'CONTINUOUS',
  },
  delayed: { rules: DENY_SECRET, enforcement_type: 'CONTINUOUS', delay_deny: '2s' },
  trusting: {
    rules: {
      action: 'DENY',
      policies: {
        ...DENY_SECRET.policies,
        'not even this': {
          permissions: [operationRule('unresolved', { string_match: { contains: 'never' } })],
          principals: [ANY],
        },
      },
    },
    enforcement_type: 'CONTINUOUS',
  },
  users: {
    rules: {
      policies: {
        readers: {
          permissions: [operationRule('verbs', { list_match: { one_of: { string_match: { exact: 'select' } } } })],
          principals: [operationRule('user', { string_match: { exact: 'postgres' } })],
        },
      },
    },
    enforcement_type: 'CONTINUOUS',
  },
  both: { rules: DENY_SECRET, enforcement_type: 'CONTINUOUS' },
  reload: { rules: DENY_SECRET, enforcement_type: 'CONTINUOUS' },
};

/** Of our own, before RBAC in the chain of this listener. */
const POLICY: Readonly<Record<string, object>> = {
  both: {
    policies: [{ name: 'no audit', action: 'deny', operations: ['*'], targets: ['audit'], message: 'leave it alone' }],
  },
};

const fileOf = (upstream: { host: string; port: number }, rbac: Readonly<Record<string, object>>) => ({
  static_resources: {
    listeners: Object.entries(rbac).map(([name, fields]) => ({
      name,
      address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'postgres',
              typed_config: { '@type': `${NETWORK}postgres_proxy.v3alpha.PostgresProxy`, stat_prefix: name },
            },
            ...(POLICY[name] === undefined
              ? []
              : [
                  {
                    name: 'policy',
                    typed_config: {
                      '@type': 'type.googleapis.com/sluice.filters.network.policy.v1.Policy',
                      ...POLICY[name],
                    },
                  },
                ]),
            { name: 'rbac', typed_config: { '@type': `${NETWORK}rbac.v3.RBAC`, stat_prefix: name, ...fields } },
            {
              name: 'tcp',
              typed_config: { '@type': `${NETWORK}tcp_proxy.v3.TcpProxy`, stat_prefix: name, cluster: 'db' },
            },
          ],
        },
      ],
    })),
    clusters: [
      {
        name: 'db',
        load_assignment: {
          cluster_name: 'db',
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: upstream.host, port_value: upstream.port } } } },
              ],
            },
          ],
        },
      },
    ],
  },
});

let server: RealPostgres;
let plane: FilePlane;
let direct: pg.Client;
let file: ReturnType<typeof fileOf>;

beforeAll(async () => {
  server = await startRealPostgres('debian');
  direct = await server.connect();
  await direct.query('create table secret (a int); create table orders (a int); create table audit (a int)');
  file = fileOf({ host: '127.0.0.1', port: Number(new URL(server.url()).port) }, listeners);
  plane = await startFilePlane(file);
});
afterAll(async () => {
  await direct?.end();
  await plane?.stop();
  await server?.stop();
});

const client = async (listener: string): Promise<pg.Client> => {
  const one = new pg.Client({ host: '127.0.0.1', port: plane.port(listener), user: 'postgres', database: 'postgres' });
  one.on('error', () => {}); // the close behind a denial
  await one.connect();
  return one;
};
const ended = (one: pg.Client): Promise<void> => new Promise((resolve) => one.once('end', () => resolve()));
const denial = (policy: string) => ({ code: '42501', detail: expect.stringContaining(`"${policy}"`) as string });
const secrets = async (): Promise<number> =>
  Number((await direct.query<{ n: string }>('select count(*) as n from secret')).rows[0]!.n);
const exchangesOf = (listener: string) =>
  plane.exchanges
    .filter((x) => x.listener === listener && x.verdict !== 0)
    .map((x) => [x.operation, OUTCOME_NAMES[x.outcome], VERDICT_NAMES[x.verdict], x.policy]);

describe('a list of what is denied', () => {
  test('a denied statement never leaves; the client gets 42501, then the close', async () => {
    const one = await client('deny');
    expect((await one.query('select 1 as a')).rows).toEqual([{ a: 1 }]);
    await one.query('insert into orders values (1)');
    const gone = ended(one);
    await expect(one.query('insert into secret values (1)')).rejects.toMatchObject(denial('p'));
    await gone;
    expect(await secrets()).toBe(0);
    await poll('its end is told', () => exchangesOf('deny').length >= 3);
    expect(exchangesOf('deny')).toContainEqual(['INSERT', 'denied', 'denied', 'p']);
    expect(plane.stats.value('deny.rbac.denied')).toBe(1);
    const last = plane.connections.findLast(({ listener }) => listener === 'deny');
    expect(last).toMatchObject({
      reason: 'rbac_deny_close',
      details: 'rbac_access_denied_matched_policy[p]',
    });
  });

  const WAYS: readonly (readonly [string, string | pg.QueryConfig])[] = [
    ['in another case', 'Select * From SECRET'],
    ['behind another statement', 'insert into orders values (2); insert into secret values (1)'],
    ['before another statement', 'insert into secret values (1); select 1'],
    ['in a subquery', 'select (select count(*) from secret)'],
    ['in a CTE', 'with x as (insert into secret values (1) returning a) select * from x'],
    ['behind a comment', '/* secret */ insert /**/ into secret values (1)'],
    ['prepared', { text: 'insert into secret values ($1)', values: [1] }],
    ['prepared under a name', { name: 's', text: 'insert into secret values ($1)', values: [1] }],
    ['with its schema', 'insert into public.secret values (1)'],
    ['quoted', 'insert into "secret" values (1)'],
    ['in text that nobody can read for certain', `do $$ begin execute 'insert into secret values (1)'; end $$`],
    ['in what does not parse', 'insert into secret values (1) nonsense'],
  ];
  for (const [name, query] of WAYS)
    test(`${name}: denied`, async () => {
      const one = await client('deny');
      await expect(one.query(query)).rejects.toMatchObject({ code: '42501' });
      expect(await secrets()).toBe(0);
    });

  test('what nobody can read passes where a rule has looked at that', async () => {
    const one = await client('trusting');
    await one.query(`do $$ begin perform 1; end $$`);
    await one.end();
  });

  test('asked once, before the first query: it denies nothing (Envoy), and check says so', async () => {
    const one = await client('once');
    await one.query('select * from secret');
    await one.end();
  });

  test('in shadow: counted and told, not applied', async () => {
    const one = await client('shadow');
    await one.query('select * from secret');
    await one.query('select 1');
    await one.end();
    expect(plane.stats.value('shadow.rbac.shadow_denied')).toBe(1);
    await poll('its end is told', () => plane.exchanges.some((x) => x.listener === 'shadow' && x.shadowVerdict === 2));
    expect(plane.exchanges.filter((x) => x.listener === 'shadow' && x.shadowVerdict === 2)).toMatchObject([
      { operation: 'SELECT', outcome: 0, verdict: 0, shadowPolicy: 'p' },
    ]);
  });
});

describe('a list of what is allowed', () => {
  test('the login, transactions and settings pass; what is named passes; nothing else does', async () => {
    const one = await client('allow');
    await one.query('begin');
    await one.query("set local application_name = 'x'");
    await one.query('insert into audit values (1)');
    await one.query('select * from orders');
    await one.query('commit');
    await expect(one.query('insert into orders values (3)')).rejects.toMatchObject(denial('sluice.not_allowed'));
    const two = await client('allow');
    await expect(two.query('select 1; insert into orders values (3)')).rejects.toMatchObject({ code: '42501' });
    const three = await client('allow');
    await expect(three.query('select * from orders; select * from secret')).rejects.toMatchObject({ code: '42501' });
  });

  test('by user and verb', async () => {
    const one = await client('users');
    await one.query('select * from orders');
    await expect(one.query('delete from orders')).rejects.toMatchObject(denial('sluice.not_allowed'));
  });
});

test('who is denied whatever will be asked does not get in', async () => {
  await expect(client('address')).rejects.toMatchObject(denial('no one here'));
});

test('beside our own policies: what either denies is denied, each in its way', async () => {
  const one = await client('both');
  const gone = ended(one);
  await expect(one.query('insert into audit values (9)')).rejects.toMatchObject({
    code: '42501',
    message: 'leave it alone',
  });
  expect((await one.query('select 1 as a')).rows).toEqual([{ a: 1 }]); // ours leaves the connection as it is
  await expect(one.query('insert into secret values (9)')).rejects.toMatchObject(denial('p'));
  await gone;
  await poll('both are told', () => exchangesOf('both').filter(([, outcome]) => outcome === 'denied').length === 2);
  expect(exchangesOf('both').map(([, , verdict, policy]) => `${verdict} ${policy}`)).toEqual(
    expect.arrayContaining(['denied no audit', 'denied p']),
  );
});

test('delay_deny: the error comes at once and in its place, the close later', async () => {
  const one = await client('delayed');
  const gone = ended(one);
  const before = performance.now();
  await expect(one.query('insert into secret values (1)')).rejects.toMatchObject(denial('p'));
  const toldAt = performance.now();
  await gone;
  expect(performance.now() - toldAt).toBeGreaterThan(1000); // at once, and not with the close
  expect(performance.now() - before).toBeGreaterThan(1990);
  expect(await secrets()).toBe(0);
});

test('a reload reaches live connections, and what they have prepared', async () => {
  const one = await client('reload');
  const ask = () => one.query({ name: 'orders', text: 'select count(*) from orders' });
  await ask();
  const fields = { ...listeners['reload'], rules: { action: 'DENY', ...policies(tableRule('orders', 'select')) } };
  await plane.apply(
    fileOf({ host: '127.0.0.1', port: Number(new URL(server.url()).port) }, { ...listeners, reload: fields }),
  );
  await expect(ask()).rejects.toMatchObject(denial('p'));
  await plane.apply(file);
  const two = await client('reload');
  await two.query('select count(*) from orders');
  await two.end();
});

test('no bug was met on the way', () => {
  expect(plane.log.filter((line) => line.startsWith('error'))).toEqual([]);
});
