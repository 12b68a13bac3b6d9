import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { poll } from '../test/support/poll.ts';
import { REDIS_PASSWORD, redisProgram } from '../test/support/real-redis.ts';
import { redisBenchmark, redisCli, runRedisProgram } from '../test/support/redis-cli.ts';
import { command } from '../test/support/redis-wire.ts';
import { clusterScene, type Scene, type Stage, serverWith } from './record-redis-scene.ts';

/** Scenes of Redis' own programs: redis-cli and redis-benchmark. */

/** redis-cli with a script begins with COMMAND DOCS, whose answer is 170 KB; here it is refused. */
const terse = serverWith({ 'rename-command': 'COMMAND ""' });

const cli =
  (script: string, args: readonly string[] = []) =>
  async ({ port }: Stage): Promise<void> => {
    await redisCli(port, script, args);
  };

/** A redis-cli that listens, until it has printed `until`; `meanwhile` runs when the server has it in its list. */
const listens =
  (args: readonly string[], mark: string, until: string, meanwhile: (at: Stage) => Promise<void>) =>
  async (at: Stage): Promise<void> => {
    const child = spawn(redisProgram('redis-cli'), ['-p', String(at.port), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const gone = once(child, 'exit');
    await poll('it listens', async () => String(await at.server.ask('client', 'list')).includes(mark));
    await meanwhile(at);
    await poll('it has heard', () => said.includes(until));
    child.kill('SIGTERM');
    await gone;
  };

export const CLI_SCENES: readonly Scene[] = [
  {
    name: 'cli-ordinary',
    title: 'redis-cli: strings, hashes, lists, hits and misses, an expired key, what fails and why',
    server: terse,
    play: cli(`set user:1 "Ada Lovelace"
get user:1
get user:2
mset user:3 a user:4 b
mget user:3 user:4 user:5
hset cart:1 apples 2 pears 3
hget cart:1 apples
hget cart:1 plums
hgetall cart:1
hgetall cart:2
lpush queue a b c
lrange queue 0 -1
incr visits
incrbyfloat temperature 1.5
exists user:1 user:2
expire user:1 100
ttl user:1
type queue
object encoding queue
get queue
incr user:1
nosuchcommand x y
client nosuchsubcommand
get
config get maxmemory
del user:1 user:2 user:3
dbsize
ping
quit
`),
  },
  {
    name: 'cli-resp3',
    title: 'redis-cli -3: HELLO 3, then a map, a set, doubles, nulls and a verbatim string',
    server: terse,
    play: cli(
      `hset cart:1 apples 2 pears 3
hgetall cart:1
hgetall cart:2
sadd tags red green
smembers tags
zadd board 1.5 ann 2 bob
zscore board ann
zscore board cid
zrange board 0 -1 withscores
zadd board gt ch 3 bob
get missing
set flag 1
lpop missing
latency doctor
config get maxmemory
client tracking off
get tags
`,
      ['-3'],
    ),
  },
  {
    name: 'cli-transaction',
    title:
      'redis-cli: MULTI and EXEC, DISCARD, an EXEC that is aborted, one with an error inside, nested and missing MULTI',
    server: terse,
    play: cli(`multi
set a 1
incr a
get a
exec
multi
set a 2
discard
multi
set a 3
nosuchcommand
get
exec
multi
lpush a 1
incr a
exec
exec
discard
multi
multi
exec
watch a
unwatch
multi
exec
get a
`),
  },
  {
    name: 'cli-monitor',
    title: 'redis-cli MONITOR, while another client works',
    play: listens(['monitor'], 'cmd=monitor', '"second"', async ({ server }) => {
      await redisCli(server.port, 'set first 1\nmulti\nget second\nexec\n');
    }),
  },
  {
    name: 'cli-subscribe',
    title: 'redis-cli SUBSCRIBE to two channels in RESP2, and three messages',
    play: listens(['subscribe', 'news', 'weather'], 'sub=2', 'third', async ({ server }) => {
      for (const [channel, text] of [
        ['news', 'first'],
        ['weather', 'second'],
        ['other', 'none'],
        ['news', 'third'],
      ])
        await server.ask('publish', channel!, text!);
    }),
  },
  {
    name: 'cli-psubscribe-resp3',
    title: 'redis-cli -3 PSUBSCRIBE: everything comes as pushes',
    play: listens(['-3', 'psubscribe', 'n*'], 'psub=1', 'second', async ({ server }) => {
      for (const text of ['first', 'second']) await server.ask('publish', 'news', text);
    }),
  },
  {
    name: 'cli-pipe',
    title: 'redis-cli --pipe: 40 commands in one go, one of them wrong, then the ECHO that ends it',
    play: async ({ port }) => {
      const sets = Array.from({ length: 39 }, (_, n) => command('SET', `bulk:${n}`, `value ${n}`));
      await runRedisProgram('redis-cli', port, ['--pipe'], Buffer.concat([...sets, command('LPUSH', 'bulk:1', 'x')]));
    },
  },
  {
    name: 'cli-acl',
    title: 'redis-cli --user --pass -n: what an ACL user may not do: a command, a key, a channel, a database he is in',
    server: terse,
    play: cli(
      `acl whoami
get app:1
get secret:1
set app:1 x
mget app:1 secret:1
publish news x
select 2
multi
set app:1 x
exec
client setname shop
`,
      ['--user', 'limited', '--pass', REDIS_PASSWORD, '--no-auth-warning', '-n', '3'],
    ),
  },
  {
    name: 'cli-wrong-password',
    title: 'redis-cli: AUTH with a wrong password, then as `default` still',
    server: terse,
    play: cli('ping\n', ['--user', 'limited', '--pass', 'wrong', '--no-auth-warning']),
  },
  {
    name: 'cli-scan',
    title: 'redis-cli --scan over 60 keys',
    prepare: async (server) => {
      for (let n = 0; n < 60; n++) await server.ask('set', `item:${n}`, n);
    },
    play: async ({ port }) => void (await redisCli(port, '', ['--scan', '--pattern', 'item:*'])),
  },
  {
    name: 'cli-bigkeys',
    title: 'redis-cli --bigkeys: pipelined TYPE and STRLEN',
    prepare: async (server) => {
      for (let n = 0; n < 5; n++) await server.ask('set', `item:${n}`, 'x'.repeat(n * 10));
      await server.ask('rpush', 'queue', 'a', 'b');
    },
    play: async ({ port }) => void (await redisCli(port, '', ['--bigkeys', '-i', '0'])),
  },
  clusterScene(0, {
    name: 'cli-cluster-moved',
    title: 'redis-cli -c: MOVED sends it to the other node, which is not recorded',
    session: 0,
    play: async ({ port }) => void (await redisCli(port, '', ['-c', 'mget', '{foo}1', 'foo'])),
  }),
  {
    name: 'benchmark-pipelined',
    title: 'redis-benchmark -t set -P 16: 48 requests of one connection',
    play: async ({ port }) =>
      void (await redisBenchmark(port, { tests: ['set'], requests: 48, pipeline: 16, keyspace: 100 })),
  },
  {
    name: 'benchmark-lrange',
    title: 'redis-benchmark -t lrange_100: its LPUSHes, then four LRANGEs of 100',
    play: async ({ port }) => void (await redisBenchmark(port, { tests: ['lrange_100'], requests: 4 })),
  },
];
