import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Backend, Frontend } from './wire.ts';

/** Bytes that Sluice itself says, in the protocol's own words. The caller owns what these functions return. */

const cstring = (text: string): Buffer => Buffer.from(`${text.replaceAll('\0', ' ')}\0`);

function message(type: number, ...parts: Uint8Array[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 4);
  const head = Buffer.allocUnsafe(5);
  head[0] = type;
  head.writeUInt32BE(bytes, 1);
  return Buffer.concat([head, ...parts]);
}

/** ErrorResponse: severity in both forms, SQLSTATE, text, and detail and hint where there are any. */
export function errorResponse(severity: 'ERROR' | 'FATAL', code: string, text: string, detail = '', hint = ''): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`];
  if (detail) fields.push(`D${detail}`);
  if (hint) fields.push(`H${hint}`);
  return message(Backend.error, ...fields.map(cstring), Buffer.of(0));
}

export const DENIED_CODE = '42501'; // insufficient_privilege
const LIMIT_CODE = '53400'; // configuration_limit_exceeded
const IDLE_CODE = '25P03'; // idle_in_transaction_session_timeout

/** SQLSTATE of a denial. */
export const codeOf = (why: Denial): string => (why.kind === 'limit' ? LIMIT_CODE : DENIED_CODE);

const byPolicy = (why: Denial): string => `Denied by policy "${why.policy}".`;

/** What the client sees in the place of the stand-in's own error. */
export const deniedResponse = (why: Denial): Buffer =>
  errorResponse('ERROR', codeOf(why), why.message, byPolicy(why), 'The statement was not sent to the server.');

/** What ends a reply that a policy cuts short. */
export const cutResponse = (why: Denial): Buffer =>
  errorResponse(
    'ERROR',
    codeOf(why),
    why.message,
    byPolicy(why),
    'The statement was sent to the server; its reply is cut.',
  );

/** Before a connection is closed for a policy's sake. `idle`: it waits in an open transaction. */
export const lastWords = (why: Denial, inTransaction: boolean): Buffer =>
  errorResponse('FATAL', why.kind === 'limit' && inTransaction ? IDLE_CODE : codeOf(why), why.message, byPolicy(why));

/** The text of stand-ins: no SQL, so it fails in the server's grammar, before anything is looked up, run or changed. */
const FAILING_TEXT = 'sluice: denied by policy';

/**
 * Messages that are sure to fail on the server, in the place of denied ones. Each fails in the raw parser, so it needs no
 * privilege, works in an aborted transaction too, and never touches data. The server then does the rest itself: it
 * aborts an open transaction, undoes an implicit one, discards the batch up to Sync and reports the true status.
 */

/** For a denied Query: ErrorResponse, ReadyForQuery. It destroys the unnamed statement, as the denied one would have. */
export const failingQuery = (): Buffer => message(Frontend.query, cstring(FAILING_TEXT));

/**
 * For a denied Parse, under the same name. Under a name it changes nothing. The unnamed statement is destroyed, and must
 * be: were the old one still there, a Bind that the client has pipelined behind the next Sync would run it again.
 */
export const failingParse = (name: Uint8Array): Buffer =>
  message(Frontend.parse, name, Buffer.of(0), cstring(FAILING_TEXT), Buffer.of(0, 0));

/**
 * For a denied Bind, Execute or Describe: a Parse under a name nobody uses, so that the unnamed statement lives on as it
 * would after a Bind or Execute that failed by itself.
 */
export const failingStep = (): Buffer => failingParse(Buffer.from('sluice.denied'));

/**
 * For a denied FunctionCall: a call of function 0, which there is none of. It fails with ErrorResponse and ReadyForQuery
 * without Sync, as FunctionCall does, and leaves the unnamed statement alone.
 */
export const failingCall = (): Buffer => message(Frontend.functionCall, Buffer.alloc(4 + 2 + 2 + 2));

/** PostgreSQL's own farewell. */
export const shutdownResponse = (): Buffer =>
  errorResponse('FATAL', '57P01', 'terminating connection due to administrator command');

/** Protocol 2 has errors of one string. Its clients read no other. */
export const oldProtocolResponse = (): Buffer =>
  Buffer.concat([Buffer.of(Backend.error), cstring('FATAL:  unsupported frontend protocol 2.0: use 3.0 or later\n')]);

/** Before an enforced connection is closed for what it sent. */
export const protocolViolation = (fault: string): Buffer =>
  errorResponse('FATAL', '08P01', `protocol violation: ${fault.replaceAll('_', ' ')}`);

/** The answer to SSLRequest and GSSENCRequest: no. */
export const REFUSED = 0x4e; // N
