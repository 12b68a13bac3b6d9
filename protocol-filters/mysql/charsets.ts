/**
 * Character sets of clients in which the second byte of a character can look like a quote or a backslash. All others
 * read the same byte by byte (utf8mb4, latin1, gb2312, euckr, ujis …); utf16 and its kin cannot be a client's.
 */
export interface Charset {
  readonly name: string;
  /** The same by WHATWG's name. */
  readonly label: string;
  /** How many bytes the character has that begins at `at`: 1 where none of several bytes does, as the servers see it. */
  readonly bytesAt: (buf: Uint8Array, at: number, end: number) => number;
}

type Ranges = readonly (readonly [from: number, to: number])[];

const within = (byte: number, ranges: Ranges): boolean => ranges.some(([from, to]) => byte >= from && byte <= to);

/** Characters of two bytes: which may be the first, and which the second. */
const pairs =
  (first: Ranges, second: Ranges): Charset['bytesAt'] =>
  (buf, at, end) =>
    at + 1 < end && within(buf[at]!, first) && within(buf[at + 1]!, second) ? 2 : 1;

const GBK_FIRST: Ranges = [[0x81, 0xfe]];
const gbkBytes = pairs(GBK_FIRST, [
  [0x40, 0x7e],
  [0x80, 0xfe],
]);
const SJIS_FIRST: Ranges = [
  [0x81, 0x9f],
  [0xe0, 0xfc],
];
const sjisBytes = pairs(SJIS_FIRST, [
  [0x40, 0x7e],
  [0x80, 0xfc],
]);
const DIGIT: Ranges = [[0x30, 0x39]];
const fourBytes = (buf: Uint8Array, at: number, end: number): boolean =>
  at + 3 < end && [GBK_FIRST, DIGIT, GBK_FIRST, DIGIT].every((ranges, i) => within(buf[at + i]!, ranges));

/** With the numbers of their collations, as logins name them. */
const CHARSETS: readonly (Charset & { readonly collations: readonly number[] })[] = [
  {
    name: 'big5',
    label: 'big5',
    collations: [1, 84],
    bytesAt: pairs(
      [[0xa1, 0xf9]],
      [
        [0x40, 0x7e],
        [0xa1, 0xfe],
      ],
    ),
  },
  { name: 'gbk', label: 'gbk', collations: [28, 87], bytesAt: gbkBytes },
  { name: 'sjis', label: 'shift_jis', collations: [13, 88], bytesAt: sjisBytes },
  { name: 'cp932', label: 'shift_jis', collations: [95, 96], bytesAt: sjisBytes },
  {
    name: 'gb18030',
    label: 'gb18030',
    collations: [248, 249, 250],
    bytesAt: (buf, at, end) => (fourBytes(buf, at, end) ? 4 : gbkBytes(buf, at, end)),
  },
];

const BY_NAME = new Map<string, Charset>(CHARSETS.map((charset) => [charset.name, charset]));
const BY_COLLATION = new Map<number, Charset>(
  // MariaDB's collations without padding have their number and 1024.
  CHARSETS.flatMap((charset) =>
    charset.collations.flatMap((id) => [[id, charset] as const, [id + 1024, charset] as const]),
  ),
);

/** Null for all that read byte by byte, and for what is no character set. */
export const charsetNamed = (name: string): Charset | null => BY_NAME.get(name.toLowerCase()) ?? null;
export const charsetOf = (collation: number): Charset | null => BY_COLLATION.get(collation) ?? null;

/** Is it UTF-8, of three bytes or four? */
export const isUtf8Name = (name: string): boolean => /^utf8(?:mb[34])?$/i.test(name);

/** Numbers of collations of UTF-8: of both products, those of MariaDB without padding among them. */
const UTF8_COLLATIONS: readonly (readonly [from: number, to: number])[] = [
  [33, 33],
  [45, 46],
  [76, 76],
  [83, 83],
  [192, 247],
  [255, 323],
  [576, 578],
  [608, 610],
  [1057, 1057],
  [1069, 1070],
  [1107, 1107],
  [1216, 1271],
  [2048, 4095],
];
export const isUtf8Collation = (collation: number): boolean =>
  UTF8_COLLATIONS.some(([from, to]) => collation >= from && collation <= to);

/**
 * The text buf[start..end) in UTF-8, or null where it is that already: all of it ASCII. Where characters end is the server's
 * word; one that Unicode does not have becomes U+FFFD. Rare, so it is slow.
 */
export function utf8Of({ label, bytesAt }: Charset, buf: Buffer, start: number, end: number): Buffer | null {
  let at = asciiEnd(buf, start, end);
  if (at === end) return null;
  const decoder = new TextDecoder(label);
  const parts = [buf.toString('latin1', start, at)];
  while (at < end) {
    const from = at;
    // A run of characters of several bytes, or single bytes that are none.
    while (at < end && buf[at]! >= 0x80) at += bytesAt(buf, at, end);
    // Whatever the decoder makes of bytes that it does not know: nothing in a run is a quote.
    const text = decoder.decode(buf.subarray(from, at));
    parts.push(text.replace(ASCII, '\ufffd'));
    const ascii = asciiEnd(buf, at, end);
    parts.push(buf.toString('latin1', at, ascii));
    at = ascii;
  }
  return Buffer.from(parts.join(''));
}

const ASCII = /\p{ASCII}/gu;

const asciiEnd = (buf: Uint8Array, start: number, end: number): number => {
  let at = start;
  while (at < end && buf[at]! < 0x80) at++;
  return at;
};
