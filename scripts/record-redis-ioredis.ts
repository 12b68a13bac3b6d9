import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { poll } from '../test/support/poll.ts';
import { REDIS_PASSWORD, type RealCluster, startRedisSentinel } from '../test/support/real-redis.ts';
import { clusterScene, fails, type Scene, type Stage, serverWith } from './record-redis-scene.ts';

/** Scenes of ioredis, in RESP2 unless said. No ready checks: INFO tells of the machine. */

type Options = Pick<
  RedisOptions,
  'username' | 'password' | 'db' | 'connectionName' | 'protocol' | 'retryStrategy' | 'maxRetriesPerRequest'
>;

const withClient =
  (use: (client: Redis, at: Stage) => Promise<void>, options: Options = {}) =>
  async (at: Stage): Promise<void> => {
    const client = new Redis({
      port: at.port,
      host: '127.0.0.1',
      enableReadyCheck: false,
      lazyConnect: true,
      protocol: 2,
      ...options,
    });
    client.on('error', () => {});
    await client.connect();
    await use(client, at);
    client.disconnect();
    if (client.status !== 'end') await once(client, 'end');
  };

/** A cluster client whose way to the first node leads through the recorder; the second goes around it. */
async function clustered({ port }: Stage, cluster: RealCluster): Promise<void> {
  const [first, second] = cluster.nodes;
  const client = new Cluster([{ host: '127.0.0.1', port }], {
    natMap: { [`127.0.0.1:${first.port}`]: { host: '127.0.0.1', port } },
    redisOptions: { protocol: 2, enableReadyCheck: false },
    enableReadyCheck: false,
  });
  await client.set('bar', 1);
  await client.get('bar');
  const slot = await cluster.slotOf('hello');
  await cluster.migrate(slot);
  await client.get('hello');
  const id = String(await second.ask('cluster', 'myid'));
  for (const node of [second, first]) await node.ask('cluster', 'setslot', slot, 'node', id);
  await client.get('hello');
  client.disconnect();
  await poll('it is gone', async () => !String(await first.ask('client', 'list')).includes('cmd=get'));
}

const SCRIPT = "return redis.call('incrby', KEYS[1], ARGV[1])";

export const IOREDIS_SCENES: readonly Scene[] = [
  {
    name: 'ioredis-pipeline',
    title: 'ioredis: a pipeline of reads and writes, with a WRONGTYPE and an unknown command in it',
    play: withClient(async (client) => {
      await client.set('user:1', 'Ada');
      const pipeline = client.pipeline();
      pipeline.get('user:1').get('user:2').lpush('user:1', 'x').incr('visits').call('nosuch', 'x');
      pipeline.hset('cart:1', { apples: 2, pears: 3 }).hmget('cart:1', 'apples', 'plums').zadd('board', 1, 'ann');
      pipeline.zrangebyscore('board', '-inf', '+inf', 'WITHSCORES').getdel('user:1').get('user:1');
      await pipeline.exec();
    }),
  },
  {
    name: 'ioredis-resp3',
    title: 'ioredis in RESP3, its default: HELLO 3 first, SETINFO is refused, a pipeline, pushes of SUBSCRIBE',
    play: withClient(
      async (client, { server }) => {
        const heard = new Promise((resolve) => client.once('message', resolve));
        await client
          .pipeline()
          .hset('cart:1', { apples: 2 })
          .hgetall('cart:1')
          .zadd('board', 1, 'ann')
          .zscore('board', 'ann')
          .exec();
        await client.subscribe('news');
        await server.ask('publish', 'news', 'hello');
        await heard;
        await client.get('a');
        await client.unsubscribe('news');
      },
      { protocol: 3, connectionName: 'shop', db: 1 },
    ),
  },
  {
    name: 'ioredis-multi',
    title: 'ioredis: transactions: whole, with an error at queue time (EXECABORT), with one inside EXEC, DISCARD',
    play: withClient(async (client) => {
      await client.multi().set('a', 1).incr('a').get('a').exec();
      await fails(client.multi().set('a', 1).call('nosuch', 'x').exec());
      await client.multi().set('a', 'text').incr('a').get('a').exec();
      await client.multi({ pipeline: false });
      await client.set('a', 2);
      await client.discard();
      await client.get('a');
    }),
  },
  {
    name: 'ioredis-watch',
    title: 'ioredis: WATCH, a change by another client, EXEC that is answered with null; then one that goes through',
    play: withClient(async (client, { server }) => {
      await client.watch('stock');
      await client.get('stock');
      await server.ask('set', 'stock', 5);
      await client.multi().decr('stock').exec();
      await client.watch('stock');
      await client.multi().decr('stock').exec();
    }),
  },
  {
    name: 'ioredis-scripts',
    title:
      'ioredis: a script by EVAL, then by EVALSHA; NOSCRIPT when the server has forgotten it, EVAL again; scripts that fail',
    play: withClient(async (client) => {
      client.defineCommand('bump', { numberOfKeys: 1, lua: SCRIPT });
      const scripted = client as Redis & { bump(key: string, by: number): Promise<number> };
      await scripted.bump('visits', 2);
      await scripted.bump('visits', 3);
      await client.script('FLUSH');
      await scripted.bump('visits', 4);
      const sha = (await client.script('LOAD', "return redis.error_reply('MINE no luck')")) as string;
      await client.script('EXISTS', sha, 'ffffffffffffffffffffffffffffffffffffffff');
      await fails(client.evalsha(sha, 0));
      await fails(client.eval("return redis.call('lpush', KEYS[1], 'x')", 1, 'visits'));
      await fails(client.eval('return nosuch()', 0));
      await fails(client.eval('this is no Lua', 0));
      await client.call('eval_ro', "return {1, 2, {3, 'four'}}", 0);
      await client.script('FLUSH');
    }),
  },
  {
    name: 'ioredis-pubsub',
    title: 'ioredis: SUBSCRIBE and PSUBSCRIBE in RESP2, messages of both, UNSUBSCRIBE, then a GET',
    play: withClient(async (client, { server }) => {
      let heard = 0;
      client.on('message', () => heard++).on('pmessage', () => heard++);
      await client.subscribe('news', 'weather');
      await client.psubscribe('n*');
      await server.ask('publish', 'news', 'hello');
      await poll('both have come', () => heard === 2);
      await client.unsubscribe('news');
      await client.punsubscribe('n*');
      await client.unsubscribe('weather');
      await client.get('news');
    }),
  },
  {
    name: 'ioredis-blocking',
    title: 'ioredis: BLPOP that times out and one that gets a value, BLMOVE, XREAD BLOCK, WAIT; then a GET',
    play: withClient(async (client, { server }) => {
      const waiting = () =>
        poll('it waits', async () => /^[1-9]/.test((await server.info('clients')).get('blocked_clients') ?? ''));
      await client.blpop('queue', 0.05);
      const popped = client.blpop('queue', 'other', 30);
      await waiting();
      await server.ask('rpush', 'other', 'job');
      await popped;
      await server.ask('rpush', 'queue', 'ready');
      await client.blpop('queue', 30);
      await client.blmove('queue', 'done', 'LEFT', 'RIGHT', 0.05);
      const read = client.xread('BLOCK', 30_000, 'STREAMS', 'events', '$');
      await waiting();
      await server.ask('xadd', 'events', '1-1', 'kind', 'sale');
      await read;
      await client.xread('STREAMS', 'events', '0');
      await client.wait(0, 10);
      await client.wait(1, 20);
      await client.get('done:1');
    }),
  },
  {
    name: 'ioredis-unblocked',
    title: 'ioredis: a BLPOP that CLIENT UNBLOCK ERROR ends, a pipeline behind one that it ends by timeout',
    play: withClient(async (client, { server }) => {
      const id = await client.client('ID');
      const waiting = () => poll('it waits', async () => (await server.info('clients')).get('blocked_clients') === '1');
      const first = fails(client.blpop('queue', 30));
      await waiting();
      await server.ask('client', 'unblock', id, 'error');
      await first;
      const second = client.pipeline().blpop('queue', 30).get('a').set('a', 1).exec();
      await waiting();
      await server.ask('client', 'unblock', id, 'timeout');
      await second;
    }),
  },
  {
    name: 'ioredis-killed',
    title: 'ioredis: killed by CLIENT KILL while BLPOP waits and a GET stands behind it',
    session: 0,
    play: withClient(
      async (client, { server }) => {
        const both = client.pipeline().get('a').blpop('queue', 30).get('b').exec();
        await poll('it waits', async () => (await server.info('clients')).get('blocked_clients') === '1');
        await server.ask('client', 'kill', 'type', 'normal', 'skipme', 'yes');
        await both;
      },
      { retryStrategy: () => null, maxRetriesPerRequest: 0 },
    ),
  },
  {
    name: 'ioredis-scan',
    title: 'ioredis: scanStream, hscanStream; a consumer group; SORT with STORE; a geo search that stores',
    prepare: async (server) => {
      for (let n = 0; n < 30; n++) await server.ask('set', `item:${n}`, n);
      for (let n = 0; n < 3; n++) await server.ask('hset', 'cart', `thing ${n}`, n);
    },
    play: withClient(async (client) => {
      for await (const _ of client.scanStream({ match: 'item:1*', count: 10 }));
      for await (const _ of client.hscanStream('cart'));
      await client.xadd('events', '1-1', 'kind', 'sale', 'sum', '12');
      await client.xgroup('CREATE', 'events', 'readers', '0');
      await fails(client.xgroup('CREATE', 'events', 'readers', '0'));
      await client.xreadgroup('GROUP', 'readers', 'one', 'COUNT', 5, 'STREAMS', 'events', '>');
      await client.xack('events', 'readers', '1-1');
      await client.xautoclaim('events', 'readers', 'two', 0, '0');
      await client.rpush('numbers', 3, 1, 2);
      await client.sort('numbers', 'BY', 'weight_*', 'GET', 'item:*', 'STORE', 'sorted');
      await client.geoadd('places', 13.36, 38.11, 'Palermo', 15.08, 37.5, 'Catania');
      await client.geosearchstore('near', 'places', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 200, 'km');
      await client.zunionstore('both', 2, 'near', 'places', 'WEIGHTS', 1, 2);
      await client.bitop('AND', 'bits', 'item:1', 'item:2');
      await client.set('lock', 'me', 'PX', 1000, 'NX');
      await client.set('lock', 'you', 'PX', 1000, 'NX');
      await client.copy('item:1', 'item:copy', 'DB', 2, 'REPLACE');
      await client.object('FREQ', 'item:1').catch(() => null);
    }),
  },
  {
    name: 'ioredis-login',
    title: 'ioredis: user and password, database 3, a connection name; NOPERM; AUTH as default is refused nothing',
    play: withClient(
      async (client) => {
        await client.get('app:1');
        await fails(client.set('app:1', 1));
        await client.select(5);
        await fails(client.select(99));
        await client.auth('default', 'anything');
        await client.set('app:1', 1);
      },
      { username: 'limited', password: REDIS_PASSWORD, db: 3, connectionName: 'shop' },
    ),
  },
  {
    name: 'ioredis-requirepass',
    title: 'ioredis: a server with requirepass: NOAUTH, WRONGPASS, then the right one',
    server: serverWith({ requirepass: REDIS_PASSWORD }),
    play: withClient(async (client) => {
      await fails(client.get('a'));
      await fails(client.auth('wrong'));
      await fails(
        client
          .pipeline()
          .get('a')
          .auth('wrong')
          .exec()
          .then((all) => Promise.reject(all?.[0]?.[0])),
      );
      await client.auth(REDIS_PASSWORD);
      await client.get('a');
    }),
  },
  {
    name: 'ioredis-large',
    title: 'ioredis: a value of 18,000 bytes there and back, a list of 300 read at once',
    play: withClient(async (client) => {
      await client.set('big', 'x'.repeat(18_000));
      await client.getBuffer('big');
      await client.rpush('list', ...Array.from({ length: 300 }, (_, n) => `item ${n}`));
      await client.lrange('list', 0, -1);
      await client.del('big', 'list');
    }),
  },
  {
    name: 'ioredis-oom',
    title: 'ioredis: a full server (maxmemory): writes are refused with OOM, reads are not, EXEC is refused whole',
    prepare: async (server) => void (await server.ask('config', 'set', 'maxmemory', '1')),
    play: withClient(async (client) => {
      await fails(client.set('a', 1));
      await client.get('a');
      await fails(client.multi().get('a').set('a', 1).exec());
      await fails(client.eval("return redis.call('set', KEYS[1], 1)", 1, 'a'));
    }),
  },
  clusterScene(0, {
    name: 'ioredis-cluster',
    title: 'ioredis Cluster: keys of this node, ASK for a key whose slot is moving, MOVED when it has moved',
    session: '$3\r\nbar',
    play: clustered,
  }),
  clusterScene(0, {
    name: 'ioredis-cluster-slots',
    title: 'ioredis Cluster: the connection that asks for CLUSTER SLOTS, before and after a slot has moved',
    session: 'SLOTS',
    play: clustered,
  }),
  {
    name: 'ioredis-sentinel',
    title: 'ioredis asks a sentinel for the address of the master, and for other sentinels',
    session: 0,
    server: async () => {
      master = await serverWith({})();
      return startRedisSentinel(master.port);
    },
    stop: async () => {},
    play: async ({ port, server }) => {
      const client = new Redis({ sentinels: [{ host: '127.0.0.1', port }], name: 'main', enableReadyCheck: false });
      await client.ping();
      client.disconnect();
      await server.stop();
      await master?.stop();
    },
  },
];
let master: Awaited<ReturnType<ReturnType<typeof serverWith>>> | null = null;
