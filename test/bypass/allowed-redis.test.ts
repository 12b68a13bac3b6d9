import { afterAll, beforeAll, expect, test } from 'vitest';
import { redis } from '../../protocol-filters/redis/index.ts';
import { which } from '../../scripts/debian-packages.mjs';
import { seeded } from '../../src/net/simulated.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { needs } from '../support/needs.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { command, RedisWire } from '../support/redis-wire.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { show } from './support/redis-play.ts';

const COUNT = 60_000;
const CONNECTIONS = 4;
const BATCH = 500;
const SEED = Number(process.env['SLUICE_SEED'] ?? 20_261_121);

/** What an application would be given: its keys, two databases, its channels, scripts by name; besides, somebody else's. */
const POLICIES = policySet([
  { name: 'no secrets', action: 'deny', targets: ['secret:*', 'channel=secret.*'] },
  { name: 'no flush', action: 'deny', operations: ['flush', 'admin', 'CONFIG SET', 'debug'] },
  { name: 'reporting', action: 'allow', users: ['reporting'], operations: ['read', 'keyspace'], targets: ['*'] },
  { name: 'app', action: 'allow', operations: ['read', 'write', 'delete'], targets: ['0/app:*', '3/app:*'] },
  { name: 'queues', action: 'allow', operations: ['LPUSH', 'RPUSH', 'LPOP', 'RPOP', 'LMOVE'], targets: ['queue:*'] },
  { name: 'locks', action: 'allow', operations: ['SET', 'DEL', 'GET'], targets: ['lock:*'] },
  { name: 'news', action: 'allow', operations: ['publish', 'subscribe'], targets: ['channel=news.*'] },
  { name: 'scripts', action: 'allow', operations: ['script'], targets: ['*'] },
  { name: 'status', action: 'allow', operations: ['info'], targets: ['*'], when: 'hour >= 0' },
  { name: 'shadow', action: 'deny', mode: 'shadow', operations: ['DEL'], targets: ['app:*'] },
]);

type Words = readonly (string | number | Uint8Array)[];

/** Commands of an application, those of a transaction in a row. */
class Generator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  next(): Words[] {
    const roll = this.#random();
    if (roll < 0.02) return this.#transaction();
    if (roll < 0.03) return [['select', this.#pick(['0', '3'])]];
    if (roll < 0.04)
      return [this.#pick([['ping'], ['echo', 'x'], ['client', 'getname'], ['command', 'count'], ['Role']])];
    if (roll < 0.05) return this.#waiting();
    return [this.#command()];
  }

  #transaction(): Words[] {
    const inner = Array.from({ length: 1 + this.#number(4) }, () => this.#command());
    return [['MULTI'], ...inner, [this.#random() < 0.9 ? 'exec' : 'DISCARD']];
  }

  /** Waits for what is there already: nobody is to wait in a test. */
  #waiting(): Words[] {
    const key = this.#key('w');
    return [
      ['rpush', key, 1, 2],
      ['BLPOP', key, this.#key('v'), 1],
      ['brpop', key, 1],
    ];
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#number(list.length)]!;
  }

  #key(kind: string): string | Uint8Array {
    const n = this.#number(40);
    return n === 0 ? Buffer.from(`app:${kind}:\xff\r\n\0`, 'latin1') : `app:${kind}:${n}`;
  }

  #value(): string {
    const roll = this.#random();
    return roll < 0.01
      ? 'v'.repeat(20_000)
      : roll < 0.2
        ? `*2\r\n$3\r\nDEL\r\n${this.#number(9)}`
        : String(this.#number(1e6));
  }

  #command(): Words {
    const [s, h, l, z, t, x] = ['s', 'h', 'l', 'z', 't', 'x'].map((kind) => this.#key(kind)) as [
      ...(string | Uint8Array)[],
    ] as [string, string, string, string, string, string];
    const f = `f${this.#number(5)}`;
    const v = this.#value();
    const n = this.#number(100);
    const other = this.#key('s');
    return this.#pick<Words>([
      ['SET', s, v],
      ['set', s, v, 'NX', 'get'],
      ['SETEX', s, 10_000, v],
      ['GET', s],
      ['getdel', s],
      ['GetRange', s, 0, 3],
      ['mget', s, other, this.#key('s')],
      ['mset', s, v, other, n],
      ['msetnx', s, v, other, n],
      ['append', s, 'x'],
      ['strlen', s],
      ['incrby', `app:n:${n}`, n],
      ['decr', `app:n:${n}`],
      ['exists', s, h, l],
      ['type', h],
      ['expire', s, 100_000],
      ['persist', s],
      ['del', s, other],
      ['unlink', h],
      ['rename', `app:n:${n}`, `app:n:${n}`],
      ['copy', s, other, 'REPLACE'],
      ['copy', s, other, 'DB', 3, 'REPLACE'],
      ['object', 'refcount', `app:none:${n}`],
      ['hset', h, f, v, 'g', n],
      ['hget', h, f],
      ['HMGET', h, f, 'g'],
      ['hincrby', h, 'g', 1],
      ['hdel', h, f],
      ['hlen', h],
      ['lpush', l, v, n],
      ['rpop', l],
      ['lrange', l, 0, 5],
      ['llen', l],
      ['lmove', l, this.#key('l'), 'LEFT', 'RIGHT'],
      ['lmpop', 2, l, this.#key('l'), 'left', 'COUNT', 2],
      ['sort', l, 'ALPHA', 'LIMIT', 0, 3],
      ['sort', l, 'BY', 'nosort', 'GET', '#', 'STORE', this.#key('l')],
      ['zadd', z, n, f, n + 1, 'm'],
      ['zrange', z, 0, -1, 'WITHSCORES'],
      ['zrangebyscore', z, '-inf', '+inf', 'LIMIT', 0, 2],
      ['zunion', 2, z, this.#key('z')],
      ['zunionstore', this.#key('z'), 2, z, this.#key('z'), 'WEIGHTS', 1, 2],
      ['zmpop', 1, z, 'MIN'],
      ['zrem', z, f],
      ['sadd', t, n, f],
      ['sismember', t, f],
      ['sinterstore', this.#key('t'), t, this.#key('t')],
      ['sintercard', 2, t, this.#key('t'), 'LIMIT', 3],
      ['smove', t, this.#key('t'), f],
      ['xadd', x, 'MAXLEN', '~', 50, `${n}-*`, 'f', v],
      ['xlen', x],
      ['xread', 'COUNT', 1, 'STREAMS', x, this.#key('x'), '0', '0'],
      ['xrange', x, '-', '+', 'COUNT', 2],
      ['setbit', `app:b:${n}`, n, 1],
      ['bitfield', `app:b:${n}`, 'GET', 'u4', 0, 'INCRBY', 'u4', 0, 1],
      ['bitop', 'OR', 'app:b:out', `app:b:${n}`, 'app:b:1'],
      ['pfadd', `app:p:${n}`, v],
      ['pfcount', `app:p:${n}`, 'app:p:1'],
      ['geoadd', 'app:g:1', 13.3, 38.1, f],
      ['georadius', 'app:g:1', 15, 37, 200, 'km', 'STORE', 'app:g:out'],
      ['eval', "return redis.call('GET', KEYS[1])", 1, s],
      ['publish', `news.${n}`, v],
      ['lpush', `queue:${n}`, 1],
      ['LPOP', `queue:${n}`],
      ['set', `lock:${n}`, 1, 'NX', 'PX', 100_000_000],
      ['del', `lock:${n}`],
      ['watch', s],
      ['unwatch'],
      // What the server refuses it refuses as if nobody stood there.
      ['incr', h],
      ['lpush', s, v],
      ['getrange', s, 'x', 1],
    ]);
  }
}

let [front, direct]: [RealRedis | null, RealRedis | null] = [null, null];
let plane: GatePlane;

beforeAll(async () => {
  if (which('redis-server') === null) return;
  [front, direct] = await Promise.all([startRealRedis(), startRealRedis()]);
  const upstream = { host: '127.0.0.1', port: front.port };
  plane = await startGatePlane({ protocol: redis, policies: POLICIES, upstream, keeps: false });
});
afterAll(async () => {
  await plane?.stop();
  await Promise.all([front?.stop(), direct?.stop()]);
});

test(`${COUNT} allowed commands, seed ${SEED}: not one denial, and the replies of a server without a gate`, async (ctx) => {
  needs(ctx, 'redis');
  const generator = new Generator(SEED);
  const pairs = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Promise.all([RedisWire.to(plane.port), RedisWire.to(direct!.port)])),
  );
  let sent = 0;
  for (let batch = 0; sent < COUNT; batch++) {
    const commands: Words[] = [];
    while (commands.length < BATCH) commands.push(...generator.next());
    sent += commands.length;
    // One connection after the other: what one writes another reads.
    const [gated, plain] = await Promise.all(pairs[batch % CONNECTIONS]!.map((wire) => ask(wire, commands)));
    for (let i = 0; i < commands.length; i++)
      if (gated![i] !== plain![i]) expect([commands[i], gated![i]]).toEqual([commands[i], plain![i]]);
  }
  await plane.settled();
  expect({ denied: plane.counts.denied, ended: plane.counts.ended, allowed: plane.counts.allowed }).toEqual({
    denied: 0,
    ended: sent,
    allowed: sent,
  });
  expect(sent).toBeGreaterThanOrEqual(COUNT);
  for (const wire of pairs.flat()) await wire.end();
});

async function ask(wire: RedisWire, commands: readonly Words[]): Promise<string[]> {
  wire.write(Buffer.concat(commands.map((words) => command(...words))));
  const replies: string[] = [];
  for (let i = 0; i < commands.length; i++) {
    const reply = await wire.next();
    if (reply === undefined) throw new Error(`closed at ${commands[i]!.join(' ')}`);
    replies.push(show(reply));
  }
  return replies;
}
