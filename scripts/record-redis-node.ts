import { createClient } from 'redis';
import { poll } from '../test/support/poll.ts';
import { REDIS_PASSWORD } from '../test/support/real-redis.ts';
import { fails, type Scene, type Stage } from './record-redis-scene.ts';

/** Scenes of node-redis, the npm package `redis`: RESP3 throughout. */

const connected = async (at: Stage, url: string) => {
  const client = createClient({ url: url.replace('PORT', String(at.port)), RESP: 3 });
  client.on('error', () => {});
  await client.connect();
  return client;
};
type Client = Awaited<ReturnType<typeof connected>>;

const withClient =
  (use: (client: Client, at: Stage) => Promise<void>, url = 'redis://127.0.0.1:PORT') =>
  async (at: Stage): Promise<void> => {
    const client = await connected(at, url);
    await use(client, at);
    await client.close();
  };

const LIBRARY = `#!lua name=shop
redis.register_function('restock', function(keys, args) return redis.call('incrby', keys[1], args[1]) end)
redis.register_function{function_name='look', callback=function(keys) return redis.call('get', keys[1]) end, flags={'no-writes'}}
`;

export const NODE_REDIS_SCENES: readonly Scene[] = [
  {
    name: 'node-redis-ordinary',
    title:
      'redis: HELLO 3 and CLIENT SETINFO (which 7.0 does not know), commands of one tick in one write, map, set, double, null',
    play: withClient(async (client) => {
      await Promise.all([
        client.set('user:1', 'Ada'),
        client.get('user:1'),
        client.get('user:2'),
        client.hSet('cart:1', { apples: '2', pears: '3' }),
        client.hGetAll('cart:1'),
        client.sAdd('tags', ['red', 'green']),
        client.sMembers('tags'),
        client.sIsMember('tags', 'blue'),
        client.zAdd('board', [
          { score: 1.5, value: 'ann' },
          { score: 2, value: 'bob' },
        ]),
        client.zScore('board', 'ann'),
        client.zRangeWithScores('board', 0, -1),
        client.mGet(['user:1', 'user:2']),
      ]);
      await fails(client.lPush('user:1', 'x'));
      await client.configGet('maxmemory');
      await client.multi().set('a', '1').incr('a').hGetAll('cart:1').exec();
      await fails(client.multi().addCommand(['nosuch']).exec());
    }),
  },
  {
    name: 'node-redis-login',
    title: 'redis: user and password within HELLO, a client name, database 4',
    play: async (at) => {
      const client = createClient({
        url: `redis://limited:${REDIS_PASSWORD}@127.0.0.1:${at.port}/4`,
        RESP: 3,
        name: 'shop',
      });
      client.on('error', () => {});
      await client.connect();
      await client.get('app:1');
      await fails(client.set('app:1', '1'));
      await client.close();
    },
  },
  {
    name: 'node-redis-refused',
    title: 'redis: a wrong password within HELLO',
    session: 0,
    play: async (at) => {
      const client = createClient({
        url: `redis://limited:wrong@127.0.0.1:${at.port}`,
        RESP: 3,
        socket: { reconnectStrategy: false },
      });
      client.on('error', () => {});
      await fails(client.connect());
    },
  },
  {
    name: 'node-redis-types',
    title: 'redis: every RESP3 type that a server sends, by DEBUG PROTOCOL; attributes and pushes among them',
    play: withClient(async (client) => {
      for (const type of [
        'string',
        'integer',
        'double',
        'null',
        'array',
        'set',
        'map',
        'bignum',
        'true',
        'false',
        'verbatim',
      ])
        await client.sendCommand(['DEBUG', 'PROTOCOL', type]);
    }),
  },
  {
    name: 'node-redis-tracking',
    title: 'redis: CLIENT TRACKING: another client changes what was read: a push of invalidation; then BCAST; FLUSHALL',
    play: withClient(async (client, { server }) => {
      await client.sendCommand(['CLIENT', 'TRACKING', 'ON']);
      await server.ask('set', 'user:1', 'Ada');
      await client.get('user:1');
      await server.ask('set', 'user:1', 'Bob');
      await client.get('user:1');
      await client.set('user:1', 'Carl'); // its own change is told as well
      await client.get('user:1');
      await client.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
      await client.sendCommand(['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'item:']);
      for (let n = 0; n < 3; n++) await server.ask('set', `item:${n}`, n);
      await client.get('item:1');
      await server.ask('flushall');
      await client.get('item:1');
    }),
  },
  {
    name: 'node-redis-functions',
    title: 'redis: FUNCTION LOAD, FCALL, FCALL_RO, one that fails, one that is not there, FUNCTION LIST and DELETE',
    play: withClient(async (client) => {
      await client.functionLoad(LIBRARY, { REPLACE: true });
      await client.fCall('restock', { keys: ['stock'], arguments: ['5'] });
      await client.fCallRo('look', { keys: ['stock'], arguments: [] });
      await fails(client.fCall('restock', { keys: ['stock'], arguments: ['many'] }));
      await fails(client.fCall('nosuch', { keys: [], arguments: [] }));
      await client.functionList();
      await client.functionDelete('shop');
    }),
  },
  {
    name: 'node-redis-pubsub',
    title: 'redis: SUBSCRIBE in RESP3: pushes between the replies of ordinary commands; SSUBSCRIBE; UNSUBSCRIBE',
    play: withClient(async (client, { server }) => {
      let heard = 0;
      const hear = () => void heard++;
      await client.subscribe('news', hear);
      await client.pSubscribe('n*', hear);
      await client.sSubscribe('shard', hear);
      await client.get('a');
      await server.ask('publish', 'news', 'hello');
      await server.ask('spublish', 'shard', 'hello');
      await poll('all have come', () => heard === 3);
      await client.publish('news', 'from myself');
      await poll('it has come', () => heard === 5);
      await client.set('a', '1');
      await client.unsubscribe('news');
      await client.pUnsubscribe('n*');
      await client.sUnsubscribe('shard');
      await client.get('a');
    }),
  },
];
