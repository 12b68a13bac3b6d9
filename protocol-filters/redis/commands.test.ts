import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ADDED_COMMANDS } from './command-additions.ts';
import { rowsOf, rowsText } from './command-row.ts';
import { REDIS_COMMANDS } from './command-table.generated.ts';
import { COMMANDS, CommandFlag, commandNamed, KeyAccess, lookUpCommand, lookUpSubcommand } from './commands.ts';
import { resolveCommand } from './testing/resolve.ts';
import { spansOf } from './testing/spans.ts';

const ROWS = rowsOf(REDIS_COMMANDS);

const anyCase = (name: string, upper: (i: number) => boolean): Buffer =>
  Buffer.from(`<${[...name].map((c, i) => (upper(i) ? c.toUpperCase() : c)).join('')}>`);

test.each([
  ['lower case', () => false],
  ['upper case', () => true],
  ['mixed case', (i: number) => i % 2 === 0],
])('finds every command and subcommand by its name in %s', (_, upper) => {
  for (const info of COMMANDS) {
    const own = info.name.split('|').at(-1)!;
    const buf = anyCase(own, upper);
    const found =
      info.parent === null
        ? lookUpCommand(buf, 1, buf.length - 1)
        : lookUpSubcommand(info.parent, buf, 1, buf.length - 1);
    expect(found, info.name).toBe(info);
    expect(COMMANDS[info.slot]).toBe(info);
  }
});

test('has what the server has, and what was added since', () => {
  const subs = ROWS.flatMap(({ sub }) => sub ?? []);
  expect(ROWS.length).toBe(240);
  expect(COMMANDS.filter(({ origin }) => origin === 'server').length).toBe(240 + subs.length);
  for (const name of ['hexpire', 'client|setinfo', 'waitaof', 'sentinel|masters', 'sentinel|get-master-addr-by-name'])
    expect(commandNamed(name)?.origin, name).toBe('documentation');
});

test('names and stat names are unique', () => {
  expect(new Set(COMMANDS.map(({ name }) => name)).size).toBe(COMMANDS.length);
  expect(new Set(COMMANDS.map(({ statName }) => statName)).size).toBe(COMMANDS.length);
  for (const { statName } of COMMANDS) expect(statName).toMatch(/^[a-z0-9_]+$/);
});

test('every flag that the server knows has a bit', () => {
  const rows = ROWS.flatMap((row) => [row, ...(row.sub ?? [])]);
  const words = (texts: string[]) => new Set(texts.flatMap((text) => text.split(' ')).filter((word) => word !== ''));
  for (const word of words(rows.map(({ flags }) => flags))) expect(CommandFlag).toHaveProperty(word);
  for (const word of words(rows.flatMap(({ keys }) => (keys ?? []).map(({ flags }) => flags))))
    expect(KeyAccess).toHaveProperty(word);
});

const UNKNOWN: readonly string[] = [
  '',
  'ge',
  'gett',
  'get ',
  ' get',
  'g\u0000t',
  'get\r',
  '\u017fet',
  '\u212aeys',
  'config|set',
];

test.each(UNKNOWN)('%j is no command', (name) => {
  const buf = Buffer.from(name);
  expect(lookUpCommand(buf, 0, buf.length)).toBeNull();
});

test('bytes that differ from letters in one bit are no letters', () => {
  // 0x40 to 0x5f folded without care meet 0x60 to 0x7f
  for (const name of ['sort_ro', 'object', 'no-evict'].map((text) => Buffer.from(text)))
    for (let i = 0; i < name.length; i++) {
      const other = Buffer.from(name);
      other[i]! ^= 0x20;
      const byte = name[i]!;
      const isLetter = byte >= 0x61 && byte <= 0x7a;
      expect(lookUpCommand(other, 0, other.length) !== null).toBe(isLetter && name.toString() !== 'no-evict');
    }
});

test('noise finds what a Map finds', () => {
  const names = new Map(COMMANDS.filter(({ parent }) => parent === null).map((info) => [info.name, info]));
  const noise = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom(...names.keys()));
  fc.assert(
    fc.property(noise, fc.boolean(), (text, upper) => {
      const buf = Buffer.from(upper ? text.toUpperCase() : text);
      const folded = buf.toString('latin1').replace(/[A-Z]/g, (c) => c.toLowerCase());
      expect(lookUpCommand(buf, 0, buf.length)).toBe(names.get(folded) ?? null);
    }),
  );
});

test.each([
  [['GET', 'k'], 'get'],
  [['config', 'SET', 'a', 'b'], 'config|set'],
  [['config', 'nosuch'], 'config'],
  [['config'], 'config'],
  [['set', 'get'], 'set'],
  [['nosuch', 'get'], undefined],
])('%j is %s', (words, name) => {
  expect(resolveCommand(spansOf(words))?.name).toBe(name);
});

test('a name of which only a part is held is unknown', () => {
  expect(resolveCommand(spansOf(['getx', 'k'], 2, 3))).toBeNull();
  expect(resolveCommand(spansOf(['acl', 'setuserx'], 2, 7))?.name).toBe('acl');
});

test('rows read back from their text are the same', () => {
  expect(`\n${rowsText(ROWS)}`).toBe(REDIS_COMMANDS);
  expect(rowsOf(rowsText(ADDED_COMMANDS))).toEqual(ADDED_COMMANDS);
  expect(ROWS.find(({ name }) => name === 'xread')).toEqual({
    name: 'xread',
    since: '5.0.0',
    arity: -4,
    flags: 'readonly blocking movablekeys',
    acl: 'read stream slow blocking',
    keys: [{ flags: 'RO access', at: ['STREAMS', 1], keys: { range: [-1, 1, 2] } }],
  });
});
