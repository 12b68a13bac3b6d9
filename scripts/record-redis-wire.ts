import { poll } from '../test/support/poll.ts';
import {
  REDIS_PASSWORD,
  type RealRedis,
  startRealRedis,
  startRedisReplica,
  startRedisSentinel,
} from '../test/support/real-redis.ts';
import { command, RedisError, RedisWire } from '../test/support/redis-wire.ts';
import { clusterScene, type Scene, type Stage, serverWith } from './record-redis-scene.ts';

/** Scenes of a plain socket, for what no client library writes, and of a replica. */

const wire =
  (use: (wire: RedisWire, at: Stage) => Promise<void>) =>
  async (at: Stage): Promise<void> => {
    const client = await RedisWire.to(at.port);
    await use(client, at);
    await client.end();
  };

/** Writes all at once and reads so many replies. */
async function burst(client: RedisWire, replies: number, ...writes: readonly (string | Uint8Array)[]): Promise<void> {
  client.write(Buffer.concat(writes.map((each) => Buffer.from(each))));
  for (let left = replies; left > 0; left--) await client.next();
}

/** Broken on purpose: the server says why and closes. */
const refused = (name: string, title: string, bytes: string, replies: number): Scene => ({
  name,
  title,
  play: wire(async (client) => {
    await burst(client, replies, bytes);
    await poll('the server has closed', () => client.closed);
  }),
});

const slowScripts = serverWith({ 'busy-reply-threshold': 20 });
const masters: RealRedis[] = [];

/** Two connections: one with the script, one that is refused meanwhile. */
async function scriptKilled(at: Stage): Promise<void> {
  const other = await RedisWire.to(at.server.port);
  const busy = async (): Promise<boolean> => {
    const reply = await other.send('get', 'a');
    return reply instanceof RedisError && reply.prefix === 'BUSY';
  };
  await wire(async (client) => {
    const running = client.send('eval', 'while true do end', 0);
    await poll('the script is slow', busy);
    await wire(async (late) => {
      await late.send('get', 'a');
      await late.send('ping');
      await late.send('multi');
    })(at);
    await other.send('script', 'kill');
    await running;
    await client.send('get', 'a');
  })(at);
  await other.end();
}

export const WIRE_SCENES: readonly Scene[] = [
  {
    name: 'wire-inline',
    title:
      'a socket: inline commands: quotes and \\x, a bare LF, blanks, empty lines and empty arrays that get no reply',
    play: wire(async (client) => {
      await burst(client, 1, 'PING\r\n');
      await burst(client, 1, 'set a "hello \\x41\\n world"\r\n');
      await burst(client, 2, '  get   a  \n"g\\x65t" \'a\'\r\n');
      await burst(client, 1, '\r\n\r\n*0\r\n*-1\r\nGET b\r\n');
      await burst(client, 3, 'nosuch x\r\n', command('get', 'a'), 'ECHO last\r\n');
    }),
  },
  refused(
    'wire-unbalanced-quotes',
    'a socket: an inline command whose quotes do not close: an error, and the server closes',
    'PING\r\nset a "hello\r\n',
    2,
  ),
  refused('wire-bad-array-length', 'a socket: an array whose length is no number', '*1\r\n$4\r\nPING\r\n*x\r\n', 2),
  refused('wire-bad-bulk-length', 'a socket: a bulk string of -3 bytes', '*2\r\n$3\r\nGET\r\n$-3\r\n', 1),
  refused('wire-expected-dollar', 'a socket: an argument that is no bulk string', '*2\r\n$3\r\nGET\r\n:1\r\n', 1),
  refused(
    'wire-http',
    'a socket: HTTP, which the server takes for an attack and drops without a word',
    'POST / HTTP/1.1\r\nHost: x\r\n\r\n',
    0,
  ),
  {
    name: 'wire-reply-modes',
    title: 'a socket: CLIENT REPLY SKIP, OFF and ON among commands of one write; an error that is not told either',
    play: wire(async (client) => {
      await burst(client, 1, command('set', 'a', 1));
      await burst(client, 1, command('client', 'reply', 'skip'), command('incr', 'a'), command('get', 'a'));
      await burst(
        client,
        2,
        command('client', 'reply', 'off'),
        command('incr', 'a'),
        command('lpush', 'a', 'x'),
        command('client', 'reply', 'skip'),
        command('get', 'a'),
        command('client', 'reply', 'on'),
        command('get', 'a'),
      );
      await burst(client, 2, command('client', 'reply', 'nonsense'), command('get', 'a'));
    }),
  },
  {
    name: 'wire-hello-reset',
    title:
      'a socket: HELLO of every kind: 3, 2, 4 (NOPROTO), with SETNAME and AUTH, a wrong one; RESET within MULTI and SUBSCRIBE',
    play: wire(async (client) => {
      await client.send('hello');
      await client.send('hello', 3, 'setname', 'shop');
      await client.send('hgetall', 'cart');
      await client.send('hello', 4);
      await client.send('hello', 3, 'auth', 'limited', 'wrong');
      await client.send('select', 7);
      await client.send('hello', 2, 'auth', 'limited', REDIS_PASSWORD, 'setname', 'till');
      await client.send('get', 'app:1');
      await client.send('reset');
      await client.send('get', 'app:1');
      await client.send('multi');
      await client.send('set', 'app:1', 1);
      await client.send('reset');
      await client.send('exec');
      await client.send('subscribe', 'news');
      await client.send('get', 'app:1'); // not allowed here
      await client.send('reset');
      await client.send('get', 'app:1');
      await client.send('client', 'setname', 'kiosk');
      await client.send('client', 'getname');
      await client.send('client', 'setname', 'no blanks please');
    }),
  },
  {
    name: 'wire-multi-session',
    title:
      'a socket: what changes the session within MULTI: SELECT, SETNAME, AUTH, HELLO; BLPOP, which does not wait there; a failing SELECT',
    play: wire(async (client) => {
      await client.send('multi');
      await client.send('select', 3);
      await client.send('client', 'setname', 'till');
      await client.send('blpop', 'queue', 30);
      await client.send('set', 'app:1', 'x');
      await client.send('exec');
      await client.send('multi');
      await client.send('select', 99);
      await client.send('auth', 'limited', 'wrong');
      await client.send('hello', 3, 'auth', 'limited', REDIS_PASSWORD);
      await client.send('hgetall', 'app:2');
      await client.send('exec');
      await client.send('hgetall', 'app:2');
    }),
  },
  {
    name: 'wire-multi-subscribe',
    title: 'a socket: SUBSCRIBE to two channels within MULTI: EXEC counts two replies and sends three',
    play: wire(async (client) => {
      await client.send('multi');
      await client.send('subscribe', 'a', 'b');
      await client.send('set', 'k', 1);
      client.write(command('exec'));
      await client.next();
      await client.next();
      await client.send('ping');
      await client.send('unsubscribe', 'a', 'b');
    }),
  },
  {
    name: 'wire-debug-types',
    title: 'a socket in RESP3: attributes before a reply and a push before one, then a plain GET',
    play: wire(async (client) => {
      await client.send('hello', 3);
      await client.send('debug', 'protocol', 'attrib');
      await client.send('debug', 'protocol', 'push');
      await client.send('get', 'a');
    }),
  },
  {
    name: 'wire-subscribe-mixed',
    title:
      'a socket in RESP2: SUBSCRIBE of three and a message in one write, duplicates, PING with text, UNSUBSCRIBE of none and of one twice',
    play: wire(async (client, { server }) => {
      await burst(client, 4, command('subscribe', 'a', 'b', 'a'), command('ping', 'still there'));
      await server.ask('publish', 'a', 'x');
      await client.next();
      await burst(client, 3, command('unsubscribe', 'a', 'a'), command('unsubscribe'));
      await burst(client, 2, command('unsubscribe'), command('punsubscribe'));
      await burst(client, 1, command('get', 'k'));
    }),
  },
  {
    name: 'wire-cut-small',
    title: 'a socket: commands in pieces of three bytes; a bulk string that holds CR LF and looks like RESP',
    play: wire(async (client) => {
      const bytes = Buffer.concat([
        command('set', 'tricky', '+OK\r\n$3\r\nfoo\r\n*1\r\n'),
        command('get', 'tricky'),
        command('mset', 'a', '', 'b', '\r\n'),
        command('mget', 'a', 'b', 'c'),
      ]);
      for (let at = 0; at < bytes.length; at += 3) {
        client.write(bytes.subarray(at, at + 3));
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (let left = 4; left > 0; left--) await client.next();
    }),
  },
  {
    name: 'wire-monitor-quit',
    title:
      'a socket: MONITOR, commands of its own while it is on (GET is refused, PING is answered and told), RESET that ends it, QUIT with a command behind it',
    play: wire(async (client) => {
      await client.send('monitor');
      await burst(client, 1, command('get', 'a')); // refused: a monitor may not touch keys
      await burst(client, 2, command('ping')); // its reply, and the line that tells of it
      await burst(client, 1, command('reset'));
      await client.send('get', 'a');
      await burst(client, 1, command('quit'), command('get', 'a'));
    }),
  },
  {
    name: 'wire-killed-script',
    title: 'a socket: a script that runs too long, ended by SCRIPT KILL',
    session: 0,
    server: slowScripts,
    play: scriptKilled,
  },
  {
    name: 'wire-busy',
    title: 'a socket: BUSY, while the script of another client runs too long',
    session: 1,
    server: slowScripts,
    play: scriptKilled,
  },
  {
    name: 'wire-sentinel',
    title:
      'a socket at a sentinel: where masters, replicas and sentinels are; an unknown master; a command it does not have',
    server: async () => {
      const master = await startRealRedis();
      masters.push(master);
      return startRedisSentinel(master.port);
    },
    stop: async () => {},
    play: async (at) => {
      await wire(async (client) => {
        await client.send('ping');
        await client.send('sentinel', 'get-master-addr-by-name', 'main');
        await client.send('sentinel', 'get-master-addr-by-name', 'nosuch');
        await client.send('sentinel', 'masters');
        await client.send('sentinel', 'replicas', 'main');
        await client.send('sentinel', 'replicas', 'nosuch');
        await client.send('subscribe', '+switch-master');
        await client.send('unsubscribe', '+switch-master');
        await client.send('get', 'a');
      })(at);
      await Promise.all([at.server, ...masters.splice(0)].map((server) => server.stop()));
    },
  },
  clusterScene(1, {
    name: 'wire-cluster-asking',
    title:
      'a socket at a node that imports a slot: MOVED, ASKING and GET, MULTI across slots (CROSSSLOT), CLUSTER SHARDS and SLOTS',
    play: async (at, cluster) => {
      const slot = await cluster.slotOf('bar');
      await cluster.migrate(slot);
      await wire(async (client) => {
        await client.send('get', 'bar');
        await client.send('asking');
        await client.send('get', 'bar');
        await client.send('get', 'bar');
        await client.send('mget', 'foo', 'hello');
        await client.send('multi');
        await client.send('get', 'bar');
        await client.send('exec');
        await client.send('cluster', 'slots');
        await client.send('cluster', 'shards');
        await client.send('cluster', 'nodes');
        await client.send('cluster', 'keyslot', 'foo');
        await client.send('readonly');
        await client.send('select', 1);
      })(at);
    },
  }),
  {
    name: 'replica',
    title: 'a replica: handshake by REPLCONF, PSYNC, a snapshot that ends with its mark, then the stream of writes',
    session: -1,
    play: async ({ port, server }) => {
      await server.ask('set', 'before', 'the snapshot');
      const replica = await startRedisReplica(port);
      await poll('it is in sync', async () => (await replica.info('replication')).get('master_link_status') === 'up');
      for (let n = 0; n < 5; n++) await server.ask('set', `after:${n}`, n);
      await server.ask('wait', 1, 5000);
      await poll('it has the writes', async () => (await replica.ask('get', 'after:4')) === '4');
      await replica.stop();
    },
  },
  {
    name: 'replica-read-only',
    title: 'a socket at a replica whose master is gone: READONLY for writes, MASTERDOWN where stale data is not served',
    server: async () => {
      const replica = await startRedisReplica(1);
      await replica.ask('set', 'a', 1).catch(() => null);
      return replica;
    },
    play: wire(async (client, { server }) => {
      await client.send('set', 'a', 1);
      await client.send('get', 'a');
      await client.send('eval', "return redis.call('set', KEYS[1], 1)", 1, 'a');
      await server.ask('config', 'set', 'replica-serve-stale-data', 'no');
      await client.send('get', 'a');
      await client.send('role');
    }),
  },
];
