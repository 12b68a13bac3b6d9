import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteByByte, type Cut, pieces, whole } from '../../test/support/story.ts';
import type { PushKind } from './push-kind.ts';
import { Replies } from './replies.ts';
import { type ReplySink, Watch } from './reply-sink.ts';
import {
  array,
  attribute,
  bulk,
  bulkError,
  error,
  integer,
  join,
  map,
  nil,
  nil3,
  nilArray,
  ok,
  pubsub,
  push,
  raw,
  set,
  verbatim,
} from './testing/builders.ts';
import type { Told } from './told.ts';

/** Watches everything, or nothing, and writes down what it is told. */
class Clerk implements ReplySink {
  readonly told: string[] = [];
  readonly #watch: Watch;
  constructor(watch: Watch) {
    this.#watch = watch;
  }
  onReplyBegins(type: number): Watch {
    return this.#watch === Watch.stop ? (type === 0x2b ? Watch.stop : Watch.whole) : this.#watch;
  }
  onElement(element: Told, index: number, bytes: number): void {
    this.told.push(`  ${index}: ${line(element)} in ${bytes}`);
  }
  onReply(reply: Told, bytes: number): void {
    this.told.push(`${line(reply)} in ${bytes}`);
  }
  onNestedPush(kind: PushKind, bytes: number): void {
    this.told.push(`  pushed ${kind} in ${bytes}`);
  }
}

const line = (told: Told): string => {
  const parts = [String.fromCharCode(told.type)];
  if (told.isNull) parts.push('null');
  if (told.isAggregate) parts.push(`of ${told.count}`);
  if (told.nulls > 0) parts.push(`${told.nulls} null`);
  if (told.value !== 0) parts.push(String(told.value));
  if (told.end > told.start) parts.push(`"${told.text}"`);
  return parts.join(' ');
};

function read(bytes: Uint8Array, watch: Watch = Watch.whole, cut: Cut = whole): string[] {
  const clerk = new Clerk(watch);
  const replies = new Replies(clerk);
  let at = 0;
  for (const piece of cut(bytes, 0)) {
    const lent = Buffer.concat([raw('\xee\xee'), piece, raw('\xee\xee')]);
    replies.push(lent, 2, 2 + piece.length, at, 1);
    lent.fill(0xee);
    at += piece.length;
  }
  if (replies.fault !== null) clerk.told.push(`fault ${replies.fault}`);
  else if (replies.inside) clerk.told.push('…');
  return clerk.told;
}

const nested = (depth: number): Buffer => raw(`${'*1\r\n'.repeat(depth)}:1\r\n`);
const WHOLE: readonly (readonly [name: string, bytes: Uint8Array, want: readonly string[]])[] = [
  ['a status', ok, ['+ "OK" in 5']],
  ['an error', error('ERR no'), ['- "ERR no" in 9']],
  ['an integer', raw(':-12\r\n:+3\r\n:0\r\n'), [': -12 in 6', ': 3 in 5', ': in 4']],
  ['a string', bulk('abc'), ['$ in 9']],
  ['an empty one', bulk(''), ['$ in 6']],
  ['the null of RESP2', nil, ['$ null in 5']],
  ['the null array', nilArray, ['* null of 0 in 5']],
  ['the null of RESP3', nil3, ['_ null in 3']],
  ['an array', array(bulk('a'), integer(1), nil, nil3), ['* of 4 2 null in 23']],
  ['an empty one', array(), ['* of 0 in 4']],
  ['a map', map(bulk('a'), integer(1)), ['% of 1 in 15']],
  ['a set', set(bulk('a'), bulk('b')), ['~ of 2 in 18']],
  ['a double', raw(',1.5\r\n,-inf\r\n,nan\r\n,1e-9\r\n'), [', in 6', ', in 7', ', in 6', ', in 7']],
  ['a boolean', raw('#t\r\n#f\r\n'), ['# 1 in 4', '# in 4']],
  ['a big number', raw('(123456789012345678901234567890\r\n'), ['( in 33']],
  ['a bulk error', bulkError('SYNTAX it is wrong'), ['! "SYNTAX it is wrong" in 25']],
  ['a verbatim string', verbatim('txt:abc'), ['= in 13']],
  ['a push', push(bulk('message'), bulk('c'), bulk('x')), ['> of 3 in 31']],
  ['a streamed string', raw('$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n'), ['$ in 25']],
  ['a streamed array', join(raw('*?\r\n'), integer(1), nil3, raw('.\r\n')), ['* of 2 1 null in 14']],
  ['an empty streamed set', raw('~?\r\n.\r\n'), ['~ of 0 in 7']],
  ['a streamed map', join(raw('%?\r\n'), bulk('a'), integer(1), raw('.\r\n')), ['% of 1 in 18']],
  ['arrays in arrays', array(array(bulk('a'), array()), nil), ['* of 2 1 null in 24']],
  ['an attribute', join(attribute(bulk('ttl'), integer(1)), ok), ['+ "OK" in 22']],
  ['two attributes', join(attribute(bulk('a'), nil3), attribute(), integer(7)), [': 7 in 22']],
  ['an attribute of an element', array(integer(1), join(attribute(bulk('a'), nil3), integer(2))), ['* of 2 in 26']],
  [
    'a push within',
    join(raw('*2\r\n'), pubsub(3, 'message', 'c', 'x'), integer(1), nil3),
    ['  pushed 1 in 31', '* of 2 1 null in 11'],
  ],
  [
    'a push within a string array',
    join(raw('*1\r\n'), push(bulk('invalidate'), nil3), bulk('a')),
    ['  pushed 2 in 24', '* of 1 in 11'],
  ],
  ['RD-17 32 aggregates deep', nested(32), ['* of 1 in 132']],
  ['RD-17 33 deep', nested(33), ['fault oversized']],
  ['RD-17 a line with LF', raw('+a\nb\r\n'), ['fault ambiguous']],
  ['RD-17 a line with CR', raw('-ERR a\rb\r\n'), ['fault ambiguous']],
  ['RD-17 a line with NUL', raw('-ERR a\0b\r\n'), ['- "ERR a\0b" in 10']],
  ['RD-17 no number', raw(':1x\r\n'), ['fault ambiguous']],
  ['RD-17 no double', raw(',1;5\r\n'), ['fault ambiguous']],
  ['RD-17 no boolean', raw('#x\r\n'), ['fault ambiguous']],
  ['RD-17 a null with something', raw('_x\r\n'), ['fault ambiguous']],
  ['RD-17 a length with a leading zero', raw('$03\r\nabc\r\n'), ['fault ambiguous']],
  ['RD-17 -0', raw('$-0\r\n'), ['fault ambiguous']],
  ['RD-17 an odd streamed map', join(raw('%?\r\n'), integer(1), raw('.\r\n')), ['fault ambiguous']],
  ['RD-17 the end of nothing', raw('.\r\n'), ['fault unknown_type']],
  ['RD-17 the end of an array with a length', raw('*2\r\n:1\r\n.\r\n'), ['fault unknown_type']],
  ['RD-17 a chunk of nothing', raw(';1\r\na\r\n'), ['fault unknown_type']],
  ['RD-17 no chunk in a streamed string', join(raw('$?\r\n'), ok), ['fault unknown_type']],
  ['RD-17 a push in a push', raw('*1\r\n>2\r\n+a\r\n>1\r\n+a\r\n'), ['fault unknown_type']],
  ['a negative length', raw('$-2\r\n'), ['fault undersized']],
  ['a map of less than nothing', raw('%-1\r\n'), ['fault undersized']],
  ['RD-05 a string of 512 MB', raw('$536870912\r\nab'), ['…']],
  ['RD-05 a longer one', raw('$536870913\r\nab'), ['fault oversized']],
  ...['$-2', '*-2', '%-1', '~-1', '>-1', '|-1', '=-1', '!-1', '*?-1'].map(
    (head) =>
      [`X-02 ${head}`, raw(`${head}\r\n`), [head.includes('?') ? 'fault ambiguous' : 'fault undersized']] as const,
  ),
  ...['*2147483648', '%2147483648', '*4294967295', '$4294967296', '~9223372036854775808'].map(
    (head) => [`X-02 ${head}`, raw(`${head}\r\n`), ['fault oversized']] as const,
  ),
  ['X-02 *2147483647', raw('*2147483647\r\n:1\r\n'), ['…']],
  ['a length of many digits', raw('$99999999999\r\n'), ['fault oversized']],
  ['as many elements as there may be', raw('*2147483647\r\n:1\r\n'), ['…']],
  ['more', raw('*2147483648\r\n:1\r\n'), ['fault oversized']],
  ['no type of RESP', raw('GET\r\n'), ['fault unknown_type']],
  ['RD-02 a body that ends otherwise', raw('$1\r\nax\n'), ['fault ambiguous']],
  ['RD-02 a body that ends otherwise, in an array', raw('*3\r\n$1\r\nax\n$1\r\na\r\n'), ['fault ambiguous']],
  ['a number in an array with a leading zero', raw('*3\r\n$01\r\na\r\n$1\r\na\r\n'), ['fault ambiguous']],
  ['nothing is read behind a fault', join(raw('?\r\n'), ok), ['fault unknown_type']],
];

const WATCHED: readonly (readonly [name: string, bytes: Uint8Array, want: readonly string[]])[] = [
  [
    'strings and numbers',
    array(bulk('abc'), integer(5), ok),
    ['  0: $ "abc" in 9', '  1: : 5 in 4', '  2: + "OK" in 5', '* of 3 in 22'],
  ],
  [
    'nulls and errors',
    array(nil, nilArray, error('ERR x')),
    ['  0: $ null in 5', '  1: * null of 0 in 5', '  2: - "ERR x" in 8', '* of 3 2 null in 22'],
  ],
  ['arrays', array(array(integer(1), nil), array()), ['  0: * of 2 1 null in 13', '  1: * of 0 in 4', '* of 2 in 21']],
  ['a map in an array', array(map(bulk('a'), nil3)), ['  0: % of 1 1 null in 14', '* of 1 in 18']],
  ['a long text', array(bulk('x'.repeat(300))), [`  0: $ "${'x'.repeat(128)}" in 308`, '* of 1 in 312']],
  [
    'an attribute of an element',
    array(join(attribute(bulk('a'), nil3), integer(2))),
    ['  0: : 2 in 18', '* of 1 in 22'],
  ],
  [
    'a push between elements, of RESP3 and of no account',
    join(raw('*2\r\n'), integer(1), pubsub(3, 'message', 'c', 'x'), integer(2)),
    ['  0: : 1 in 4', '  pushed 1 in 31', '  1: : 2 in 4', '* of 2 in 12'],
  ],
  ['a streamed array', join(raw('*?\r\n'), bulk('a'), raw('.\r\n')), ['  0: $ "a" in 7', '* of 1 in 14']],
];

describe('replies', () => {
  for (const [name, bytes, want] of WHOLE)
    test(name, () => {
      expect(read(bytes)).toEqual(want);
      expect(read(bytes, Watch.whole, byteByByte)).toEqual(want);
    });
  for (const [name, bytes, want] of WATCHED)
    test(`watched: ${name}`, () => {
      expect(read(bytes, Watch.elements)).toEqual(want);
      expect(read(bytes, Watch.elements, byteByByte)).toEqual(want);
    });

  const value: fc.Arbitrary<Buffer> = fc.letrec<{ value: Buffer }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(
        ok,
        nil,
        nil3,
        nilArray,
        error('ERR'),
        integer(3),
        integer(-3),
        bulk('abc'),
        bulk(''),
        bulkError('E x'),
      ),
      fc.array(tie('value'), { maxLength: 5 }).map((all) => array(...all)),
      fc.array(tie('value'), { maxLength: 4 }).map((all) => set(...all)),
      fc.array(tie('value'), { maxLength: 4 }).map((all) => join(raw('*?\r\n'), ...all, raw('.\r\n'))),
      tie('value').map((each) => join(attribute(bulk('k'), each), each)),
      tie('value').map((each) => map(bulk('k'), each)),
    ),
  })).value;

  test.each([Watch.whole, Watch.elements])(
    'anything that is RESP reads as one reply, however it is cut (%i)',
    (watch) => {
      fc.assert(
        fc.property(value, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (bytes, sizes) => {
          const plain = read(bytes, watch);
          expect(plain.at(-1)).toMatch(new RegExp(` in ${bytes.length}$`));
          expect(plain.filter((each) => !each.startsWith(' ')).length).toBe(1);
          expect(read(bytes, watch, pieces(sizes))).toEqual(plain);
        }),
        { numRuns: 400 },
      );
    },
  );

  test('what is no RESP is not read: the reader stops before it', () => {
    const replies = new Replies(new Clerk(Watch.stop));
    expect(replies.push(join(integer(1), ok), 0, 9, 0, 1)).toBe(4);
    expect(replies.fault).toBeNull();
    expect(replies.push(ok, 0, 5, 9, 1)).toBe(0);
  });
});
