import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FilePlane, startFilePlane } from '../support/file-plane.ts';
import { type MongoServer, startMongoServer } from '../support/mongo-server/server.ts';
import { driverTo } from '../support/mongo-stage.ts';
import { needs } from '../support/needs.ts';
import { type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';

// One list of what is denied, in Envoy's own words, before three more protocols: the native error, then the close, and
// nothing done. Postgres has its own file.

const NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.';
const REDIS = 'type.googleapis.com/sluice.filters.network.redis.v1.Redis';
const denies = (filter: string, ...path: string[]) => ({
  action: 'DENY',
  policies: {
    'not the secret': {
      permissions: [{ metadata: { filter, path: path.map((key) => ({ key })), value: { present_match: true } } }],
      principals: [{ any: true }],
    },
  },
});

const start = (port: number, decoder: string, rules: object): Promise<FilePlane> =>
  startFilePlane({
    static_resources: {
      listeners: [
        {
          name: 'gate',
          address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
          filter_chains: [
            {
              filters: [
                { name: 'decoder', typed_config: { '@type': decoder, stat_prefix: 'gate' } },
                {
                  name: 'rbac',
                  typed_config: {
                    '@type': `${NETWORK}rbac.v3.RBAC`,
                    stat_prefix: 'gate',
                    enforcement_type: 'CONTINUOUS',
                    rules,
                  },
                },
                {
                  name: 'tcp',
                  typed_config: { '@type': `${NETWORK}tcp_proxy.v3.TcpProxy`, stat_prefix: 'gate', cluster: 'db' },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'db',
          load_assignment: {
            cluster_name: 'db',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  });

const denied = (plane: FilePlane) => plane.exchanges.filter(({ verdict }) => verdict === 2).map(({ policy }) => policy);
const bugs = (plane: FilePlane) => plane.log.filter((line) => line.startsWith('error'));

describe('Redis', () => {
  let server: RealRedis;
  let plane: FilePlane;
  beforeEach(async (context) => {
    needs(context, 'redis');
    if (server !== undefined) return;
    server = await startRealRedis();
    plane = await start(server.port, REDIS, denies('sluice.filters.network.redis', 'keys', 'secret'));
  });
  afterAll(async () => {
    await plane?.stop();
    await server?.stop();
  });

  test('-NOPERM, then the close; nothing is set', async () => {
    const client = new Redis({ port: plane.port('gate'), retryStrategy: () => null, maxRetriesPerRequest: 0 });
    client.on('error', () => {});
    await client.set('open', '1');
    const gone = new Promise((resolve) => client.once('end', resolve));
    await expect(client.set('secret', '1')).rejects.toThrow(/^NOPERM /);
    await gone;
    expect(await server.ask('EXISTS', 'secret')).toBe(0);
    expect(denied(plane)).toEqual(['not the secret']);
    expect(bugs(plane)).toEqual([]);
  });

  test('among keys of one command, and where all keys are touched', async () => {
    for (const command of [['mset', 'a', '1', 'secret', '2'], ['flushall'], ['eval', 'return 1', '0']] as const) {
      const client = new Redis({ port: plane.port('gate'), retryStrategy: () => null, maxRetriesPerRequest: 0 });
      client.on('error', () => {});
      await expect(client.call(command[0], ...command.slice(1))).rejects.toThrow(/NOPERM/);
      client.disconnect();
    }
    expect(await server.ask('EXISTS', 'open', 'secret')).toBe(1);
  });
});

describe('MySQL', () => {
  let server: RealMariadb;
  let plane: FilePlane;
  let direct: mysql.Connection;
  beforeEach(async (context) => {
    needs(context, 'mariadb');
    if (server !== undefined) return;
    server = await startRealMariadb();
    direct = await mysql.createConnection({ socketPath: server.socket, user: 'root' });
    await direct.query('create table shop.secret (a int)');
    await direct.query('create table shop.orders (a int)');
    await direct.query("create user gated@'%' identified by 'x'");
    await direct.query('grant all on shop.* to gated');
    plane = await start(
      server.port,
      `${NETWORK}mysql_proxy.v3.MySQLProxy`,
      denies('envoy.filters.network.mysql_proxy', 'secret.shop'),
    );
  });
  afterAll(async () => {
    await direct?.end();
    await plane?.stop();
    await server?.stop();
  });
  const connect = () =>
    mysql.createConnection({
      port: plane.port('gate'),
      host: '127.0.0.1',
      user: 'gated',
      password: 'x',
      database: 'shop',
      multipleStatements: true,
    });

  test.each([
    ['as it stands', 'insert into secret values (1)'],
    ['behind another', 'insert into orders values (1); insert into secret values (1)'],
    ['in a versioned comment', 'insert into orders values (1) /*! , (2) */; /*!insert into secret values (1)*/'],
    ['prepared', null],
  ])('%s: an ERR, then the close; nothing is inserted', async (_name, sql) => {
    const client = await connect();
    client.on('error', () => {});
    await client.query('select 1');
    const asked = sql === null ? client.execute('insert into secret values (?)', [1]) : client.query(sql);
    await expect(asked).rejects.toMatchObject({ sqlState: '42000' });
    client.destroy();
    const [[{ n }]] = (await direct.query('select count(*) as n from shop.secret')) as unknown as [[{ n: number }]];
    expect(n).toBe(0);
    expect(denied(plane)).toContain('not the secret');
    expect(bugs(plane)).toEqual([]);
  });
});

describe('MongoDB', () => {
  let server: MongoServer;
  let plane: FilePlane;
  beforeAll(async () => {
    server = await startMongoServer();
    plane = await start(
      server.port,
      `${NETWORK}mongo_proxy.v3.MongoProxy`,
      denies('envoy.filters.network.mongo_proxy', 'shop.secret'),
    );
  });
  afterAll(async () => {
    await plane?.stop();
    await server?.stop();
  });

  test('code 13, then the close; nothing is inserted', async () => {
    const client = await driverTo(plane.port('gate'), '&retryWrites=false&retryReads=false');
    const db = client.db('shop');
    await db.collection('open').insertOne({ a: 1 });
    await expect(db.collection('secret').insertOne({ a: 1 })).rejects.toMatchObject({ code: 13 });
    await client.close();
    const direct = await driverTo(server.port);
    expect(await direct.db('shop').collection('secret').countDocuments()).toBe(0);
    expect(await direct.db('shop').collection('open').countDocuments()).toBe(1);
    await direct.close();
    expect(denied(plane)).toEqual(['not the secret']);
    expect(bugs(plane)).toEqual([]);
  });
});
