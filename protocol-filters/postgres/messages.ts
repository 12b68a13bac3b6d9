import { Cursor, i32At } from '../../src/bytes/cursor.ts';

/** Reads of cold or small messages. Buffers are lent: nothing here keeps them. */
const cursor = new Cursor();

export interface ErrorFields {
  /** Not localised: ERROR, FATAL, PANIC, WARNING … or '' where the server did not say. */
  severity: string;
  /** SQLSTATE, or ''. */
  code: string;
}
const errorFields: ErrorFields = { severity: '', code: '' };

const FIELD_SEVERITY = 0x53; // S, localised
const FIELD_SEVERITY_PLAIN = 0x56; // V, since 9.6
const FIELD_CODE = 0x43; // C

/**
 * ErrorResponse and NoticeResponse: fields of one type byte and a string, then a zero byte. Only severity and SQLSTATE
 * are read, which the server sends first; its texts quote data. Lacking fields are no fault. The result is reused.
 */
export function readErrorFields(buf: Buffer, start: number, end: number): ErrorFields {
  cursor.over(buf, start, end);
  errorFields.severity = errorFields.code = '';
  for (let field = cursor.u8(); field !== 0 && !cursor.short; field = cursor.u8()) {
    if (!cursor.cstring()) break;
    if (field === FIELD_SEVERITY_PLAIN) errorFields.severity = severityOf(buf, cursor.from, cursor.to);
    else if (field === FIELD_SEVERITY && errorFields.severity === '')
      errorFields.severity = severityOf(buf, cursor.from, cursor.to);
    else if (field === FIELD_CODE) {
      if (cursor.to - cursor.from === 5) errorFields.code = buf.toString('latin1', cursor.from, cursor.to);
      break;
    }
  }
  return errorFields;
}

const SEVERITIES = ['ERROR', 'FATAL', 'PANIC', 'WARNING', 'NOTICE', 'DEBUG', 'INFO', 'LOG'];
const severityOf = (buf: Buffer, start: number, end: number): string => {
  const word = buf.toString('latin1', start, Math.min(end, start + 16));
  return SEVERITIES.find((known) => word.startsWith(known)) ?? '';
};

/** What a command tag says: its first word, by number, and how many rows. */
export const Verb = {
  other: 0,
  select: 1,
  insert: 2,
  update: 3,
  delete: 4,
  merge: 5,
  copy: 6,
  fetch: 7,
  move: 8,
  begin: 9,
  start: 10,
  commit: 11,
  rollback: 12,
  prepare: 13, // PREPARE, and PREPARE TRANSACTION
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

const VERBS: readonly (readonly [word: string, verb: Verb])[] = [
  ['SELECT', Verb.select],
  ['INSERT', Verb.insert],
  ['UPDATE', Verb.update],
  ['DELETE', Verb.delete],
  ['BEGIN', Verb.begin],
  ['COMMIT', Verb.commit],
  ['COPY', Verb.copy],
  ['FETCH', Verb.fetch],
  ['MERGE', Verb.merge],
  ['ROLLBACK', Verb.rollback],
  ['MOVE', Verb.move],
  ['START', Verb.start],
  ['PREPARE', Verb.prepare],
];

export interface Tag {
  verb: Verb;
  /** Rows, or 0 where the tag has no number. */
  rows: number;
  /** PREPARE TRANSACTION. */
  twoPhase: boolean;
}
const tag: Tag = { verb: Verb.other, rows: 0, twoPhase: false };

/** CommandComplete's tag (`SELECT 3`, `INSERT 0 1`, `BEGIN`), read without a string. The result is reused. */
export function readTag(buf: Buffer, start: number, end: number): Tag {
  const stop = end > start && buf[end - 1] === 0 ? end - 1 : end;
  tag.verb = Verb.other;
  tag.twoPhase = false;
  for (const [word, verb] of VERBS) {
    if (!startsWith(buf, start, stop, word)) continue;
    tag.verb = verb;
    break;
  }
  if (tag.verb === Verb.prepare) tag.twoPhase = startsWith(buf, start, stop, 'PREPARE TRANSACTION');
  tag.rows = lastNumber(buf, start, stop);
  return tag;
}

function startsWith(buf: Buffer, start: number, end: number, word: string): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i++) if (buf[start + i] !== word.charCodeAt(i)) return false;
  const after = start + word.length;
  return after === end || buf[after] === SPACE;
}

/** The number behind the last space, or 0. */
function lastNumber(buf: Buffer, start: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let at = end - 1; at >= start; at--) {
    const digit = buf[at]! - 0x30;
    if (digit >= 0 && digit <= 9) {
      value += digit * scale;
      scale *= 10;
    } else return buf[at] === SPACE ? value : 0;
  }
  return 0;
}
const SPACE = 0x20;

/** ParameterStatus: name and value. Null when it does not fit its frame. */
export function readParameterStatus(buf: Buffer, start: number, end: number): { name: string; value: string } | null {
  cursor.over(buf, start, end);
  if (!cursor.cstring()) return null;
  const name = buf.toString('latin1', cursor.from, cursor.to);
  if (!cursor.cstring()) return null;
  return { name, value: buf.toString('utf8', cursor.from, cursor.to) };
}

/** AuthenticationRequest's kind. The frame has four bytes at least. */
export const authenticationKind = (buf: Buffer, start: number): number => i32At(buf, start);

/** Names at the head of a body: Bind's portal and statement, or Execute's portal. `ok` is false where they do not fit. */
export interface Names {
  ok: boolean;
  from: number;
  to: number;
  secondFrom: number;
  secondTo: number;
}
const names: Names = { ok: false, from: 0, to: 0, secondFrom: 0, secondTo: 0 };

/** Bind: portal, statement. Execute, Parse: one name (`count` 1). The result is reused. */
export function readNames(buf: Buffer, start: number, end: number, count: 1 | 2): Names {
  cursor.over(buf, start, end);
  cursor.cstring();
  names.from = cursor.from;
  names.to = cursor.to;
  if (count === 2) {
    cursor.cstring();
    names.secondFrom = cursor.from;
    names.secondTo = cursor.to;
  }
  names.ok = !cursor.short;
  return names;
}

/**
 * Checks that a Bind's fields fill its frame exactly: names, formats, parameters, result formats. For the gate, when the
 * whole message is there.
 */
export function isWholeBind(buf: Buffer, start: number, end: number): boolean {
  cursor.over(buf, start, end);
  cursor.cstring();
  cursor.cstring();
  skipCounted16(2);
  const values = cursor.i16() & 0xffff;
  for (let i = 0; i < values && !cursor.short; i++) {
    const bytes = cursor.i32();
    if (bytes > 0) cursor.skip(bytes);
    else if (bytes < -1) return false;
  }
  skipCounted16(2);
  return !cursor.short && cursor.left === 0;
}

/** Checks that a Parse's fields fill its frame exactly: name, text, parameter types. */
export function isWholeParse(buf: Buffer, start: number, end: number): boolean {
  cursor.over(buf, start, end);
  cursor.cstring();
  cursor.cstring();
  skipCounted16(4);
  return !cursor.short && cursor.left === 0;
}

/** One name and a fixed rest of `rest` bytes behind `lead` bytes, and nothing else: Execute, Describe, Close. */
export function isWholeName(buf: Buffer, start: number, end: number, lead: number, rest: number): boolean {
  cursor.over(buf, start, end);
  cursor.skip(lead);
  cursor.cstring();
  cursor.skip(rest);
  return !cursor.short && cursor.left === 0;
}

function skipCounted16(each: number): void {
  const count = cursor.i16() & 0xffff;
  cursor.skip(count * each);
}
