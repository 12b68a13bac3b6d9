import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS } from './commands.ts';
import { FoundKeys } from './found-keys.ts';
import { findKeys } from './key-finder.ts';
import { agrees, tellKeys as tell } from './testing/key-oracle.ts';
import { resolveCommand } from './testing/resolve.ts';
import { spansOf } from './testing/spans.ts';

interface Golden {
  readonly server: string;
  readonly flags: readonly string[];
  readonly lists: Readonly<Record<string, readonly string[]>>;
}
const golden = JSON.parse(readFileSync(new URL('fixtures/command-keys.json', import.meta.url), 'utf8')) as Golden;

/** The server's answer in our words; `-` none, `!` refused. */
const serverTells = (answer: string, list: readonly string[]): string =>
  answer === '-' || answer === '!'
    ? answer
    : answer
        .split(' ')
        .map((key) => `${list[Number.parseInt(key, 10)]} ${golden.flags[key.charCodeAt(key.length - 1) - 0x61]}`)
        .join(', ');

test.each(Object.entries(golden.lists))('%s: the keys that the server finds', (name, lists) => {
  const wrong = lists.flatMap((line) => {
    const [text, answer] = line.split('|') as [string, string];
    const list = text.split(' ').map((word) => (word === '""' ? '' : word));
    const [server, ours] = [serverTells(answer, list), tell(list)];
    return agrees(name, list, server, ours) ? [] : [{ text, server, ours }];
  });
  expect(wrong).toEqual([]);
});

test('RD-07: the golden lists are enough', () => {
  expect(golden.server).toBe('Redis 7.0.15');
  for (const { name, keySpecs, origin } of COMMANDS)
    if (keySpecs.length > 0 && origin === 'server') expect(golden.lists[name]?.length, name).toBeGreaterThanOrEqual(50);
});

const CASES: readonly (readonly [name: string, list: readonly string[], want: string, held?: number])[] = [
  ['names fold as ASCII does', ['gEt', 'k'], 'k RO access'],
  ['no other folding: long s', ['\u017fet', 'k', 'v'], 'unknown'],
  ['no other folding: the Kelvin sign', ['\u212aEYS', '*'], 'unknown'],
  ['unknown', ['json.get', 'k'], 'unknown'],
  ['a subcommand', ['ObJect', 'ENCODING', 'k'], 'k RO'],
  ['a container without its subcommand', ['object'], '?'],
  ['a container with an unknown subcommand', ['config', 'nosuch', 'x'], '?'],
  ['keyless', ['flushall'], ''],
  ['channels are no keys', ['spublish', 'news', 'hello'], ''],
  ['too few arguments', ['get'], '?'],
  ['too many arguments: the key is still said', ['get', 'a', 'b'], 'a RO access, ?'],
  ['a number of keys is digits: sign', ['zunion', '+1', 'a'], '?'],
  ['a number of keys is digits: leading zero', ['zunion', '01', 'a'], '?'],
  ['a number of keys is digits: blank', ['zunion', ' 1', 'a'], '?'],
  ['a number of keys is digits: rest', ['eval', 'return 1', '1x', 'a'], '?'],
  ['a number of keys is digits: minus', ['eval', 'return 1', '-1', 'a'], '?'],
  ['a number of keys is digits: 2^32 + 1', ['eval', 'return 1', '4294967297', 'a'], '?'],
  ['more keys than arguments', ['eval', 'return 1', '2', 'a'], '?'],
  ['a script without keys', ['eval', 'return 1', '0', 'a'], ''],
  ['SORT obeys its last STORE', ['sort', 'k', 'store', 'a', 'STORE', 'b'], 'k RO access, b OW update'],
  ['SORT reads keys that data names', ['sort', 'k', 'by', 'w_*', 'get', 'store'], 'k RO access, open'],
  ['SORT by nothing, getting itself', ['sort', 'k', 'by', 'nosort', 'get', '#'], 'k RO access'],
  ['SORT_RO too', ['sort_ro', 'k', 'get', 'o_*'], 'k RO access, open'],
  [
    'MIGRATE passes by a password that says KEYS',
    ['migrate', 'h', '1', 'k', '0', '9', 'auth', 'keys'],
    'k RW access delete',
  ],
  [
    'GEORADIUS with two STOREs',
    ['georadius', 'k', '1', '2', '3', 'm', 'store', 'a', 'store', 'b'],
    'k RO access, a OW update, ?',
  ],
  ['XREADGROUP with a group of that name', ['xreadgroup', 'group', 'streams', 'c', 'streams', 'a', '>'], 'a RO access'],
  ['MSETEX, from documentation', ['msetex', '2', 'a', '1', 'b', '2', 'EX', '9'], 'a OW update, b OW update'],
  ['keys of which only the first is held', ['mget', 'a', 'b', 'c'], 'a RO access, b RO access, c RO access', 2],
  ['a keyword behind what is held', ['xread', 'count', '1', 'streams', 'a', '0'], '?', 3],
  ['an option of SET behind what is held', ['set', 'k', 'v', 'get'], 'k RW access update', 2],
  ['an option of SORT behind what is held', ['sort', 'k', 'store', 'a'], 'k RO access, ?', 2],
  ['a number behind what is held', ['eval', 'return 1', '1', 'a'], '?', 2],
];

test.each(CASES.map(([name, list, want, held]) => ({ name, list, want, held })))('$name', ({ list, want, held }) => {
  expect(tell(list, held)).toBe(want);
});

test('captureArgs are enough to find and name what all arguments give', () => {
  const short: string[] = [];
  for (const lists of Object.values(golden.lists))
    for (const line of lists) {
      const list = line.slice(0, line.indexOf('|')).split(' ');
      const info = resolveCommand(spansOf(list))!;
      const found = new FoundKeys();
      expect(findKeys(info, spansOf(list), found)).toBe(found.complete);
      expect(found.first).toBe(found.count === 0 ? 0 : found.indexAt(0));
      if (found.first >= info.captureArgs || tell(list) !== tell(list, info.captureArgs)) short.push(line);
    }
  expect(short).toEqual([]);
});

test('more arguments than are ever held', () => {
  const many = Array.from({ length: 300 }, (_, i) => `k${i}`);
  expect(tell(['del', ...many]).split(', ')).toHaveLength(300);
  expect(tell(['zunionstore', 'd', '300', ...many]).split(', ')).toHaveLength(301);
  expect(tell(['xread', 'streams', ...many]).split(', ')).toHaveLength(150);
  expect(tell(['sort', 'k', ...many.flatMap((k) => ['get', `${k}_*`])])).toBe('k RO access, open, ?');
});
