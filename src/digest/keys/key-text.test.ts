import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyText } from './key-text.ts';

const CASES: readonly (readonly [name: string, bytes: Uint8Array, text: string])[] = [
  ['ASCII', Buffer.from('user:42:"name"'), 'user:42:"name"'],
  ['UTF-8 of two, three and four bytes', Buffer.from('é-漢-😀'), 'é-漢-😀'],
  ['a backslash', Buffer.from('a\\b'), 'a\\\\b'],
  ['controls', Buffer.from('\u0000\n\u007f\u0085x'), '\\x00\\x0a\\x7f\\xc2\\x85x'],
  ['a mark that turns the line', Buffer.from('a\u202eb'), 'a\\xe2\\x80\\xaeb'],
  ['a lone continuation', Buffer.from([0x61, 0x80]), 'a\\x80'],
  ['overlong', Buffer.from([0xc0, 0xaf, 0xe0, 0x80, 0xaf]), '\\xc0\\xaf\\xe0\\x80\\xaf'],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
  ['above the last character', Buffer.from([0xf4, 0x90, 0x80, 0x80]), '\\xf4\\x90\\x80\\x80'],
  ['cut within a character', Buffer.from('é').subarray(0, 1), '\\xc3'],
];

test.each(CASES)('%s', (_, bytes, text) => {
  expect(keyText(bytes, 0, bytes.length)).toBe(text);
});

/** Back to bytes: what \xHH and \\ stand for. */
const bytesOf = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/(\\\\|\\x[0-9a-f]{2})/)
      .map((part) =>
        part === '\\\\'
          ? Buffer.from('\\')
          : part.startsWith('\\x')
            ? Buffer.from(part.slice(2), 'hex')
            : Buffer.from(part),
      ),
  );

test('every key can be read back from its text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(bytesOf(keyText(bytes, 0, bytes.length))).toEqual(Buffer.from(bytes));
    }),
  );
});
