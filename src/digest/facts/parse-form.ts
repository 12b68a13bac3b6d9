import { isUtf8 } from 'node:buffer';
import { type CanonicalWriter, Literal } from '../sql/sql-canonical.ts';

/** Stands in for a literal of that kind wherever the grammar takes one; undefined: the word itself. */
export type Forms = readonly (string | undefined)[];

const FORMS: (string | undefined)[] = [];
FORMS[Literal.string] = "'x'";
FORMS[Literal.number] = '1';
FORMS[Literal.parameter] = '$1';
FORMS[Literal.boolean] = 'true';
FORMS[Literal.null] = 'null';
FORMS[Literal.unicodeString] = "U&'x'";
FORMS[Literal.bits] = "B'0'";
FORMS[Literal.hex] = "X'0'";
FORMS[Literal.escape] = "'!'";
export const POSTGRES_FORMS: Forms = FORMS;

const MYSQL: (string | undefined)[] = [...FORMS];
MYSQL[Literal.parameter] = '?';
MYSQL[Literal.word] = 'x';
MYSQL[Literal.variable] = 'x';
export const MYSQL_FORMS: Forms = MYSQL;

/**
 * The statement as the parser gets it: the canonical text with a stand-in of the same kind for each literal. So no
 * literal reaches the parser, its thread or an error text; a literal that the server would refuse cannot spoil the facts
 * of all who share the digest; quoting modes no longer matter; and lists of thousands parse as lists of one.
 * `source`: the buffer the lexer read. Null where the text is not UTF-8 or holds a zero byte: such text is not parsed.
 */
export const parseForm = (canonical: CanonicalWriter, source: Buffer, forms: Forms): string | null => {
  const bytes = Buffer.from(canonical.out.buffer, canonical.out.byteOffset, canonical.length);
  if (!isUtf8(bytes) || bytes.includes(0)) return null;
  let text = '';
  let from = 0;
  for (let i = 0; i < canonical.literals; i++) {
    const at = canonical.literalAt[i]!;
    const kind = canonical.literalKind[i]!;
    text += bytes.toString('utf8', from, at);
    text += forms[kind] ?? source.toString('utf8', canonical.literalFrom[i]!, canonical.literalTo[i]!);
    from = bytes[at + 1] === 0x2b ? at + 2 : at + 1; // `?+` is one literal
  }
  return text + bytes.toString('utf8', from);
};

/** Where in parseForm()'s text, in bytes, each literal's stand-in begins. */
export const formOffsets = (canonical: CanonicalWriter, forms: Forms): number[] => {
  const offsets: number[] = [];
  let grown = 0;
  for (let i = 0; i < canonical.literals; i++) {
    const at = canonical.literalAt[i]!;
    offsets.push(at + grown);
    const form = forms[canonical.literalKind[i]!];
    const bytes = form === undefined ? canonical.literalTo[i]! - canonical.literalFrom[i]! : Buffer.byteLength(form);
    grown += bytes - (canonical.out[at + 1] === 0x2b ? 2 : 1);
  }
  return offsets;
};
