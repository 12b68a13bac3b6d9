import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteByByte, type Cut, pieces, whole } from '../../test/support/story.ts';
import type { Args } from './args.ts';
import { type RequestSink, Requests } from './requests.ts';
import { command, join, raw } from './testing/builders.ts';

/** Holds six arguments of eight bytes each, hides what stands behind `hide`, and writes down what it is told. */
class Clerk implements RequestSink {
  readonly told: string[] = [];
  onName(requests: Requests): void {
    requests.hold = 6;
    requests.holdBytes = 8;
    requests.wantsSubcommand = requests.guarded = true;
  }
  onSubcommand(requests: Requests): void {
    this.told.push(`(${text(requests.args, 0)} ${text(requests.args, 1)})`);
  }
  isSecret(args: Args, index: number): boolean {
    return text(args, index - 1) === 'hide';
  }
  onCommand({ args, inline }: Requests, bytes: number): void {
    const words = Array.from({ length: args.held }, (_, i) => {
      const cut = args.length[i] === args.size[i] ? '' : `(${args.size[i]})`;
      return text(args, i) + cut;
    });
    this.told.push(`${inline ? 'inline ' : ''}${words.join('|')} of ${args.argc} in ${bytes}`);
  }
}

const text = ({ buf, start, length }: Args, i: number): string =>
  Buffer.from(buf.subarray(start[i]!, start[i]! + length[i]!)).toString('latin1');

/** What is told, without the names; the fault last. */
function read(bytes: Uint8Array, cut: Cut = whole): string[] {
  const clerk = new Clerk();
  const requests = new Requests(clerk);
  let at = 0;
  for (const piece of cut(bytes, 0)) {
    const lent = Buffer.concat([raw('\xee\xee'), piece, raw('\xee\xee')]);
    requests.push(lent, 2, 2 + piece.length, at, 1);
    lent.fill(0xee);
    at += piece.length;
  }
  const told = clerk.told.filter((line) => !line.startsWith('('));
  return requests.fault === null ? told : [...told, `fault ${requests.fault}`];
}

const big = 'x'.repeat(3000);
const CASES: readonly (readonly [name: string, bytes: Uint8Array, want: readonly string[]])[] = [
  ['one command', command('GET', 'k'), ['GET|k of 2 in 20']],
  ['a command alone', command('PING'), ['PING of 1 in 14']],
  [
    'three in one read',
    join(command('A'), command('B', ''), command('C')),
    ['A of 1 in 11', 'B| of 2 in 17', 'C of 1 in 11'],
  ],
  ['an argument longer than what is held', command('SET', 'key', big), ['SET|key|xxxxxxxx(3000) of 3 in 3031']],
  ['more arguments than are held', command('A', '1', '2', '3', '4', '5', '6', '7'), ['A|1|2|3|4|5 of 8 in 60']],
  ['bytes that are no text', command('S', raw('\r\n$\0\xff')), ['S|\r\n$\0\xff of 2 in 22']],
  ['no arguments', join(raw('*0\r\n*-1\r\n*-12\r\n'), command('PING')), ['PING of 1 in 14']],
  ['a hidden argument', command('hide', 'secret', 'x'), ['hide|(6)|x of 3 in 33']],
  ['an inline command', raw('PING\r\n'), ['inline PING of 1 in 6']],
  ['an inline command with LF alone', raw('SET a  b \n'), ['inline SET|a|b of 3 in 10']],
  ['empty lines', raw('\r\n\n  \t\r\nPING\r\n'), ['inline PING of 1 in 6']],
  ['quotes', raw('ECHO "a b" \'c d\' ""\r\n'), ['inline ECHO|a b|c d| of 4 in 21']],
  ['escapes', raw('E "\\x41\\n\\t\\\\\\"" \'\\\'\\n\'\r\n'), ['inline E|A\n\t\\"|\'\\n of 3 in 25']],
  ['\\x without two digits', raw('E "\\xZ \\x4Z \\x"\r\n'), ['inline E|xZ x4Z x of 2 in 17']],
  [
    'a form feed: a blank between words, a part of one',
    raw('E \fa\f\vb \v"c"\f\r\n'),
    ['inline E|a\f\vb|c of 3 in 15'],
  ],
  ['a quote within a word', raw('E a"b c"\r\n'), ['inline E|ab c of 2 in 10']],
  ['a hidden inline word', raw('hide secret x\r\n'), ['inline hide|(6)|x of 3 in 15']],
  [
    'inline and arrays in turn',
    join(raw('A\r\n'), command('B'), raw('C\n')),
    ['inline A of 1 in 3', 'B of 1 in 11', 'inline C of 1 in 2'],
  ],
  ['$-1 is an inline word', raw('$-1\r\n'), ['inline $-1 of 1 in 5']],

  ['RD-02 other bytes behind a bulk string', raw('*1\r\n$3\r\nGETxx'), ['fault ambiguous']],
  ['RD-02 CR CR', raw('*1\r\r\n$3\r\n'), ['fault ambiguous']],
  ['RD-02 LF alone behind a count', raw('*1\n$3\r\nGET\r\n'), ['fault ambiguous']],
  ['RD-02 LF alone behind a body', raw('*1\r\n$3\r\nGET\n\n'), ['fault ambiguous']],
  ...['+5', '05', ' 5', '5 ', '1e2', '-0', '', '--1', '0x1', '1.0'].map(
    (number) => [`RD-03 a count ${number}`, raw(`*${number}\r\n`), ['fault ambiguous']] as const,
  ),
  ...['+5', '05', ' 5', '5 ', '1e2', '-0', ''].map(
    (number) => [`RD-03 a length ${number}`, raw(`*1\r\n$${number}\r\n`), ['fault ambiguous']] as const,
  ),
  ['RD-03 2^63', raw('*9223372036854775808\r\n'), ['fault oversized']],
  ['RD-03 a length of 2^63', raw('*1\r\n$9223372036854775808\r\n'), ['fault oversized']],
  ['RD-04 a null argument', raw('*1\r\n$-1\r\n'), ['fault undersized']],
  ['RD-05 too many arguments', raw('*1048577\r\n'), ['fault oversized']],
  ['RD-05 as many as there may be', raw('*1048576\r\n$1\r\nA\r\n'), []],
  ['RD-05 too long', raw('*1\r\n$536870913\r\n'), ['fault oversized']],
  ['RD-05 as long as it may be', raw('*2\r\n$1\r\nA\r\n$536870912\r\nxx'), []],
  ['not a bulk string', raw('*1\r\n:1\r\n'), ['fault unknown_type']],
  ['RD-01 quotes that do not end', raw('GET "a\r\nPING\r\n'), ['fault truncated']],
  ['RD-01 text behind a quote', raw('GET "a"b\r\n'), ['fault ambiguous']],
  ['RD-01 a NUL', raw('GET a\0b\r\n'), ['fault ambiguous']],
  ['RD-01 a line of 64 KiB', raw(`GET ${'a'.repeat(65_530)}\r\n`), ['inline GET|aaaaaaaa(65530) of 2 in 65536']],
  ['RD-01 a longer one', raw(`GET ${'a'.repeat(65_531)}\r\n`), ['fault oversized']],
  ['nothing is read behind a fault', join(raw('*x\r\n'), command('PING')), ['fault ambiguous']],
];

describe('commands', () => {
  for (const [name, bytes, want] of CASES) {
    test(name, () => {
      expect(read(bytes)).toEqual(want);
      expect(read(bytes, byteByByte)).toEqual(want);
    });
  }

  test('cut anywhere they tell the same', () => {
    const good = CASES.filter(([, bytes, want]) => want.length > 0 && bytes.length < 4000);
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...good]),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (some, sizes) => {
          const bytes = join(...some.map(([, each]) => each));
          expect(read(bytes, pieces(sizes))).toEqual(read(bytes));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('the name is told before the rest has come', () => {
    const clerk = new Clerk();
    const requests = new Requests(clerk);
    requests.push(raw('*3\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$1'), 0, 28, 0, 1);
    expect(clerk.told).toEqual(['(CONFIG SET)']);
    expect(requests.inside).toBe(true);
  });

  test('what is hidden stands in no capture', () => {
    const seen: string[] = [];
    class Spy extends Clerk {
      override onCommand({ args }: Requests): void {
        seen.push(Buffer.from(args.buf).toString('latin1'));
      }
    }
    const requests = new Requests(new Spy());
    const bytes = join(command('hide', 'secret', 'shown'), raw('hide secret shown\r\n'));
    for (let at = 0; at < bytes.length; at++) requests.push(bytes.subarray(at, at + 1) as Buffer, 0, 1, at, 1);
    expect(seen.length).toBe(2);
    for (const capture of seen) {
      expect(capture).toContain('shown');
      expect(capture).not.toContain('secret');
    }
  });

  test('a command knows when its first byte came', () => {
    const requests = new Requests(new Clerk());
    const bytes = command('GET', 'k');
    requests.push(bytes, 0, 5, 0, 7);
    requests.push(bytes, 5, bytes.length, 5, 9);
    expect(requests.startedAt).toBe(7);
  });
});
