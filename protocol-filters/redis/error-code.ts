import type { Told } from './told.ts';

/** Longest prefix of an error that is taken for its code. */
const MAX_CODE = 32;
/** The server's own codes, so that known ones make no string. */
const KNOWN: readonly string[] = [
  ...['ERR', 'WRONGTYPE', 'MOVED', 'ASK', 'NOSCRIPT', 'NOAUTH', 'WRONGPASS', 'NOPERM', 'EXECABORT', 'OOM', 'LOADING'],
  ...['BUSY', 'BUSYGROUP', 'BUSYKEY', 'NOGROUP', 'READONLY', 'MASTERDOWN', 'MISCONF', 'NOREPLICAS', 'NOGOODSLAVE'],
  ...[
    'CLUSTERDOWN',
    'CROSSSLOT',
    'TRYAGAIN',
    'NOPROTO',
    'UNBLOCKED',
    'UNKILLABLE',
    'NOTBUSY',
    'NOMASTERLINK',
    'DENIED',
  ],
  ...['INPROG', 'IOERR', 'REDIRECT', 'NOQUORUM', 'INVALIDOBJ'],
];

/** The code that an error begins with: a word in capitals, up to the first blank; where there is none, `ERR`. */
export function codeOf({ buf, start, end }: Told): string {
  let to = start;
  while (to < end && isCodeByte(buf[to]!, to > start)) to++;
  const length = to - start;
  if (length === 0 || length > MAX_CODE || (to < end && buf[to] !== 0x20)) return 'ERR';
  for (const code of KNOWN) if (code.length === length && isCode(code, buf, start)) return code;
  return Buffer.from(buf.buffer, buf.byteOffset + start, length).toString('latin1');
}

function isCode(code: string, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < code.length; i++) if (buf[start + i] !== code.charCodeAt(i)) return false;
  return true;
}

/** A capital; behind the first also a digit, `_` or `-`. */
const isCodeByte = (c: number, isInside: boolean): boolean =>
  (c >= 0x41 && c <= 0x5a) || (isInside && ((c >= 0x30 && c <= 0x39) || c === 0x5f || c === 0x2d));

/**
 * Was a command answered so (`''`: without an error) looked at by a server that knows its user? Commands that do not exist or
 * have too few arguments are refused before that, as ERR; so is a client that nobody may be, as DENIED.
 */
export const isPastLogin = (code: string): boolean => !BEFORE_LOGIN.has(code);
const BEFORE_LOGIN = new Set(['ERR', 'NOAUTH', 'EXECABORT', 'DENIED']);

/** The server sends the client elsewhere: no error. REDIRECT is Valkey's. */
export const isRedirect = (code: string): boolean => code === 'MOVED' || code === 'ASK' || code === 'REDIRECT';
