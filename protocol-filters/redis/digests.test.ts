import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SqlDigestCache } from '../../src/digest/cache.ts';
import type { Digest } from '../../src/exchange/digest.ts';
import { heapGrowth } from '../../test/support/heap-growth.ts';
import { commandNamed } from './commands.ts';
import { RedisDigests } from './digests.ts';
import { FoundKeys } from './found-keys.ts';
import { findKeys } from './key-finder.ts';
import { resolveCommand } from './testing/resolve.ts';
import { spansOf } from './testing/spans.ts';

const cacheOf = (digests = 16_384) => new SqlDigestCache({ parser: null, now: () => 0, limits: { digests } });

/** The digest of a command as the session has it made. */
function digestOf(digests: RedisDigests, words: readonly (string | Uint8Array)[]): Digest {
  const whole = spansOf(words);
  const info = resolveCommand(whole);
  if (info === null) {
    const [start, end] = [whole.start[0]!, whole.start[0]! + whole.length[0]!];
    const module = digests.moduleName(whole.buf, start, end);
    if (module !== '') digests.learn(module);
    return digests.unknown(whole.buf, start, end);
  }
  const args = spansOf(words, info.captureArgs, info.captureBytes);
  const found = new FoundKeys();
  findKeys(info, args, found);
  return digests.request(info, args, found);
}

const sha = (text: string): string => createHash('sha1').update(text).digest('hex');
const LIBRARY = '#!lua name=billing\nredis.register_function("f", function() end)';

const CASES: readonly (readonly [words: readonly string[], text: string, operations?: readonly string[]])[] = [
  [['GET', 'user:1'], 'GET user:*', ['read']],
  [['set', 'user:1', 'secret'], 'SET user:*', ['read', 'write']],
  [['del', 'user:1', 'other:2'], 'DEL user:*', ['write', 'delete']],
  [['getdel', 'a'], 'GETDEL a', ['read', 'write', 'delete']],
  [['lpush', 'jobs', 'x'], 'LPUSH jobs', ['write']],
  [['mget', 'a:1', 'b:2'], 'MGET a:*', ['read']],
  [['get', ''], 'GET ""', ['read']],
  [['xread', 'block', '0', 'streams', 'log:7', '$'], 'XREAD log:*', ['read']],
  [['bitop', 'and', 'day:1', 'day:2'], 'BITOP day:*', ['read', 'write']],
  [['object', 'encoding', 'user:1'], 'OBJECT ENCODING user:*', ['read']],
  [['memory', 'usage', 'user:1'], 'MEMORY USAGE user:*', ['read']],
  [['hexpire', 'h:1', '5', 'fields', '1', 'f'], 'HEXPIRE h:*', ['write']],
  [['config', 'set', 'maxmemory', '1'], 'CONFIG SET'],
  [['config', 'no-such', 'secret'], 'CONFIG'],
  [['auth', 'user', 'secret'], 'AUTH'],
  [['ping', 'secret'], 'PING'],
  [['get'], 'GET'],
  [['publish', 'orders:7', 'hello'], 'PUBLISH orders:*', ['publish']],
  [['psubscribe', 'orders.*'], 'PSUBSCRIBE orders.*', ['subscribe']],
  [['unsubscribe'], 'UNSUBSCRIBE'],
  [['eval', 'return 1', '0'], `EVAL ${sha('return 1')}`],
  [['eval_ro', 'return redis.call("get", KEYS[1])', '1', 'k'], `EVAL_RO ${sha('return redis.call("get", KEYS[1])')}`],
  [['script', 'load', 'return 1'], `SCRIPT LOAD ${sha('return 1')}`],
  [['evalsha', sha('return 1').toUpperCase(), '0'], `EVALSHA ${sha('return 1')}`],
  [['evalsha', 'no sha', '0'], 'EVALSHA *'],
  [['evalsha', 'z'.repeat(40), '0'], 'EVALSHA *'],
  [['fcall', 'charge_card', '0'], 'FCALL charge_card'],
  [['fcall', "charge card of '4111111111111111'", '0'], 'FCALL *'],
  [['function', 'load', LIBRARY], 'FUNCTION LOAD billing'],
  [['function', 'load', 'replace', LIBRARY], 'FUNCTION LOAD billing'],
  [['function', 'load', 'return 1'], 'FUNCTION LOAD *'],
  [['function', 'load', '#!lua\nname=secret'], 'FUNCTION LOAD *'],
  [['json.get', 'doc:1'], 'JSON.GET'],
  [['secret', 'x'], 'UNKNOWN'],
  [['.get'], 'UNKNOWN'],
  [['a.b.c'], 'UNKNOWN'],
  [['json.'], 'UNKNOWN'],
  [['json.g t'], 'UNKNOWN'],
];

test.each(CASES.map(([words, text, operations]) => ({ words, text, operations })))('$words is $text', (one) => {
  const { words, text, operations } = one;
  const digest = digestOf(new RedisDigests(cacheOf()), words);
  expect(digest.text).toBe(text);
  const info = resolveCommand(spansOf(words));
  expect(digest.operation).toBe(info?.text ?? text);
  expect(digest.protocol).toBe('redis');
  const name = text.slice(digest.operation.length + 1);
  expect(digest.targets).toEqual(operations === undefined ? [] : [{ schema: '', name, operations }]);
});

test('how sure we are', () => {
  const digests = new RedisDigests(cacheOf());
  const sure = (...words: string[]) => digestOf(digests, words).confidence;
  expect(sure('get', 'a')).toBe('parsed');
  expect(sure('ping')).toBe('parsed');
  expect(sure('eval', 'return 1', '0')).toBe('partial');
  expect(sure('sort', 'a')).toBe('partial'); // BY and GET name keys by data
  expect(sure('nosuch')).toBe('none');
});

test('one object for one pattern, the same id everywhere', () => {
  const digests = new RedisDigests(cacheOf());
  const one = digestOf(digests, ['get', 'user:1']);
  expect(digestOf(digests, ['GET', 'user:2'])).toBe(one);
  expect(digestOf(digests, ['getdel', 'user:2'])).not.toBe(one);
  expect(digestOf(new RedisDigests(cacheOf()), ['gEt', 'user:3']).id).toBe(one.id);
  const script = digestOf(digests, ['eval', 'return 1', '0']);
  expect(digestOf(digests, ['eval', 'return 1', '1', 'k'])).toBe(script);
  expect(digestOf(digests, ['eval', 'return 2', '0'])).not.toBe(script);
});

test('a long script has its whole sha, one that is too long none', () => {
  const digests = new RedisDigests(cacheOf());
  const long = `return "${'x'.repeat(60_000)}"`;
  expect(digestOf(digests, ['eval', long, '0']).text).toBe(`EVAL ${sha(long)}`);
  expect(digestOf(digests, ['eval', `${long}${long}`, '0']).text).toBe('EVAL *');
});

/** Words that are no numbers: `waaa`, `waab` … */
const word = (n: number): string =>
  `w${String.fromCharCode(0x61 + Math.floor(n / 676), 0x61 + (Math.floor(n / 26) % 26), 0x61 + (n % 26))}`;

test('a command has 64 patterns: 48 whole, then their first part, then *', () => {
  const digests = new RedisDigests(cacheOf());
  const texts = new Set<string>();
  const of = (key: string) => digestOf(digests, ['get', key]).text;
  for (let i = 0; i < 48; i++) texts.add(of(`name:${word(i)}`));
  expect(texts.size).toBe(48);
  expect(of(`name:${word(100)}`)).toBe('GET name:*');
  expect(of(`name:${word(101)}`)).toBe('GET name:*');
  expect(of('lonely')).toBe('GET *');
  for (let i = 0; i < 1000; i++) texts.add(of(`${word(i)}:x`));
  expect(texts.size).toBe(65 - 1); // name:* is one of the 64 too
  expect(of(`${word(999)}:x`)).toBe('GET *');
  expect(of(`name:${word(3)}`)).toBe(`GET name:${word(3)}`);
  expect(digestOf(digests, ['set', 'fresh:x', '1']).text).toBe('SET fresh:x');
});

test.each([
  ['evalsha', (n: number) => ['evalsha', sha(String(n)), '0']],
  ['eval', (n: number) => ['eval', `return ${n}`, '0']],
  ['fcall', (n: number) => ['fcall', `f${n}`, '0']],
  ['modules', (n: number) => [`m${n}.get`]],
] as const)('%s: 64 names and *', (_, make) => {
  const digests = new RedisDigests(cacheOf());
  const seen = new Set<string>();
  for (let i = 0; i < 300; i++) seen.add(digestOf(digests, [...make(i)]).text);
  expect(seen.size).toBe(65);
});

test('the name of a command that nobody knows is told once it was learned, in any case', () => {
  const digests = new RedisDigests(cacheOf());
  const name = Buffer.from('Ft.Search');
  const of = () => digests.unknown(name, 0, name.length);
  expect([of().text, digests.isNameless(of())]).toEqual(['UNKNOWN', true]);
  expect(digests.moduleName(name, 0, name.length)).toBe('FT.SEARCH');
  expect(digests.learn('FT.SEARCH').text).toBe('FT.SEARCH');
  expect([of().text, digests.isNameless(of())]).toEqual(['FT.SEARCH', false]);
});

test('the number of names can be chosen', () => {
  const digests = new RedisDigests(cacheOf(), 4);
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add(digestOf(digests, ['get', `name:${word(i)}`]).text);
  expect([...seen]).toEqual(['GET name:waaa', 'GET name:waab', 'GET name:waac', 'GET name:*']);
});

test('a digest that the cache let go is made anew, with the same id', () => {
  const cache = cacheOf(64);
  const digests = new RedisDigests(cache);
  const requests = [
    ['get', 'user:1'],
    ['ping'],
    ['eval', 'return 1', '0'],
    ['evalsha', sha('x'), '0'],
    ['evalsha', 'x', '0'],
    ['ft.search', 'x'],
    ['nosuch'],
  ];
  const before = requests.map((words) => digestOf(digests, words));
  for (let i = 0; i < 1000; i++) cache.named('test', 'X', `X ${i}`);
  expect(before.some((digest) => cache.holds(digest))).toBe(false);
  const after = requests.map((words) => digestOf(digests, words));
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(after.map(({ text }) => text)).toEqual(before.map(({ text }) => text));
  expect(after.every((digest) => cache.holds(digest))).toBe(true);
});

test('known patterns allocate nothing', () => {
  const digests = new RedisDigests(cacheOf());
  const info = commandNamed('get')!;
  const key = Buffer.from('user:123456:profile');
  const args = spansOf(['get', key]);
  const found = new FoundKeys();
  const run = (): void => {
    for (let i = 0; i < 50_000; i++) {
      resolveCommand(args);
      findKeys(info, args, found);
      digests.request(info, args, found);
    }
  };
  // 8 bytes a call would be 400,000.
  expect(heapGrowth(run, 100_000)).toBeLessThan(100_000);
});
