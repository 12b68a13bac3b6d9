import type { Denial } from '../../src/exchange/protocol-filter.ts';

/** Bytes that Sluice itself says, in the protocol's own words. The caller owns what these functions return. */

/** Codes that clients see: of what may not be, and of what is too much. */
export const DENIED_CODE = 'NOPERM';
export const LIMIT_CODE = 'ERR';

export const codeOfDenial = (why: Denial): string => (why.kind === 'limit' ? LIMIT_CODE : DENIED_CODE);

/** An error's line, its CRLF included, is no longer than this (threats RD-21). */
const MAX_LINE_BYTES = 256;

/** `-CODE text`, one line: bytes that no line may hold become `?`, text that is too long ends with `...`. */
function errorLine(code: string, text: string): Buffer {
  let line = Buffer.from(`-${code} ${text.replace(/[\p{Cc}\u2028\u2029]/gu, '?')}`);
  if (line.length > MAX_LINE_BYTES - 2)
    line = Buffer.concat([line.subarray(0, utf8End(line, MAX_LINE_BYTES - 5)), DOTS]);
  return Buffer.concat([line, CRLF]);
}

/** The last offset not above `most` at which no character is cut. */
function utf8End(bytes: Buffer, most: number): number {
  let end = most;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** What the client reads in the place of the reply. The policy's name first: it is what must not be cut off. */
export const deniedReply = (why: Denial): Buffer =>
  errorLine(codeOfDenial(why), `denied by policy "${why.policy.slice(0, 80)}": ${why.message}`);

/** Before an enforced connection is closed for what it sent. */
export const protocolError = (fault: string): Buffer =>
  errorLine('ERR', `Protocol error: ${fault.replaceAll('_', ' ')}`);

/**
 * Sent in the place of a denied command: one that no server has. It is refused before anything is looked up, whoever asks
 * and in whatever state, and within MULTI it makes the server itself refuse EXEC (threats RD-10).
 */
const STAND_IN = 'sluice.denied';
export const standIn = (): Buffer => Buffer.from(`*1\r\n$${STAND_IN.length}\r\n${STAND_IN}\r\n`);

/** Sent in the place of a denied EXEC: whoever reads an error to EXEC knows that the transaction is over. */
export const discard = (): Buffer => Buffer.from('*1\r\n$7\r\nDISCARD\r\n');

const CRLF = Buffer.from('\r\n');
const DOTS = Buffer.from('...');
