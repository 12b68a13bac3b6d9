import type { RealRedis } from './real-redis.ts';
import { command } from './redis-wire.ts';

/** A seeded source of numbers from 0 to below `bound`. */
export type Dice = (bound: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

type Words = readonly (string | number)[];

/** Before any odd talk: FAILING counts on a hash being one, in every database that PLAIN selects. */
export async function prepareOddTalk(server: RealRedis): Promise<void> {
  for (const database of [3, 2, 1, 0]) {
    await server.ask('select', database);
    await server.ask('hset', 'odd:hash', 'f', 'v');
  }
}

/** Commands that succeed whatever came before, on keys of their own kind. */
const PLAIN: readonly ((roll: Dice) => Words)[] = [
  (roll) => ['set', `odd:str:${roll(9)}`, roll(1000)],
  (roll) => ['get', `odd:str:${roll(20)}`],
  (roll) => ['incr', `odd:int:${roll(5)}`],
  (roll) => ['mget', `odd:str:${roll(9)}`, 'odd:none', `odd:str:${roll(9)}`],
  (roll) => ['hset', 'odd:hash', `f${roll(30)}`, 'v', 'g', '+OK\r\n'],
  () => ['hgetall', 'odd:hash'],
  (roll) => ['sadd', 'odd:set', roll(50)],
  () => ['smembers', 'odd:set'],
  (roll) => ['zadd', 'odd:zset', roll(90), `m${roll(30)}`],
  () => ['zrange', 'odd:zset', 0, -1, 'withscores'],
  (roll) => ['rpush', 'odd:list', 'x'.repeat(roll(200))],
  () => ['lrange', 'odd:list', -5, -1],
  (roll) => ['publish', `odd:ch:${roll(3)}`, '*1\r\n$4\r\nPING\r\n'],
  () => ['client', 'getname'],
  (roll) => ['client', 'setname', `name${roll(5)}`],
  (roll) => ['select', roll(4)],
  () => ['config', 'get', 'maxmemory'],
  () => ['type', 'odd:hash'],
  () => ['wait', 0, 1],
  () => ['blpop', 'odd:list', 'odd:none', 0.01],
  () => ['eval', "return {1, {2, 'three'}}", 1, 'odd:str:1'],
  () => ['object', 'help'],
];

/** Commands that are refused, or fail. */
const FAILING: readonly ((roll: Dice) => Words)[] = [
  () => ['lpush', 'odd:hash', 'x'],
  () => ['get'],
  () => ['set', 'odd:str:1', 'x', 'nonsense'],
  () => ['select', 99],
  () => ['evalsha', 'f'.repeat(40), 0],
  () => ['eval', "return redis.error_reply('ODD one')", 0],
  () => ['hello', 7],
  () => ['exec'],
  () => ['discard'],
];

/**
 * What a client might say that knows no bounds: one pipeline of some `length` steps in which nothing waits for a reply, with
 * transactions, subscriptions in either RESP version, silence by CLIENT REPLY, RESET, inline commands and empty ones. It
 * ends as a connection in its first state that echoes `token`. Silent commands never fail: their errors are unknowable.
 * SUBSCRIBE never stands within MULTI, where even the server's count of replies is wrong.
 */
export function oddTalk(roll: Dice, length: number, token: string): Buffer {
  const out: Buffer[] = [];
  const say = (...words: Words): void => {
    if (roll(12) === 0 && words.every((word) => /^[\w:]+$/.test(String(word))))
      out.push(Buffer.from(`${words.join(' ')}\r\n`));
    else out.push(command(...words));
  };
  const some = <T>(from: readonly T[]): T => from[roll(from.length)]!;
  for (let step = 0; step < length; step++) {
    const kind = roll(40);
    if (kind < 22) say(...some(PLAIN)(roll));
    else if (kind < 25) say(...some(FAILING)(roll));
    else if (kind < 28) {
      say('multi');
      for (let left = roll(6); left > 0; left--) say(...(roll(5) === 0 ? some(FAILING) : some(PLAIN))(roll));
      say(some(['exec', 'exec', 'discard', 'reset']));
    } else if (kind === 28) {
      say('watch', 'odd:str:1');
      say('set', 'odd:str:1', 'changed');
      say('multi');
      say('incr', 'odd:int:1');
      say('exec');
    } else if (kind < 32) {
      const channels = Array.from({ length: 1 + roll(3) }, () => `odd:ch:${roll(4)}`);
      say(some(['subscribe', 'psubscribe', 'ssubscribe']), ...channels);
      if (roll(2) === 0) say('ping', 'here');
      say('publish', channels[0]!, 'to myself');
      if (roll(2) === 0) say(some(['unsubscribe', 'punsubscribe', 'sunsubscribe']), ...channels.slice(0, roll(3)));
      if (roll(2) === 0) say('reset');
      else for (const word of ['unsubscribe', 'punsubscribe', 'sunsubscribe']) say(word);
    } else if (kind === 32) {
      say('client', 'reply', 'off');
      for (let left = roll(5); left > 0; left--) say(...some(PLAIN)(roll));
      say('client', 'reply', 'on');
    } else if (kind === 33) {
      say('client', 'reply', 'skip');
      say(...some(PLAIN)(roll));
    } else if (kind < 36) say('hello', 2 + roll(2), ...(roll(2) === 0 ? ['setname', 'odd'] : []));
    else if (kind === 36) out.push(Buffer.from(some(['\r\n', '*0\r\n', '*-1\r\n', '\n'])));
    else if (kind === 37) say('reset');
    else if (kind === 38) say('client', 'tracking', some(['on', 'off']));
    else say('ping');
  }
  say('reset');
  out.push(command('echo', token));
  return Buffer.concat(out);
}
