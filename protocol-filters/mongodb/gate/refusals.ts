import { type Exchange, Flag, Outcome } from '../../../src/exchange/exchange.ts';
import type { Denial } from '../../../src/exchange/protocol-filter.ts';
import { MsgFlag, Op } from '../message.ts';
import { CRC_SEED, crcOf, crcOver } from '../wire/crc32c.ts';

/** Bytes that Sluice itself says, in the protocol's own words. The caller owns what these functions return. */

/** How errors are told, by their kind: a policy's as the server's own missing privileges, a limit's as its own limits. */
export const ErrorCode = {
  policy: { code: 13, codeName: 'Unauthorized' },
  unreadable: { code: 13, codeName: 'Unauthorized' },
  limit: { code: 462, codeName: 'IngressRequestRateLimitExceeded' },
} as const satisfies Record<Denial['kind'], { code: number; codeName: string }>;

const i32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
};
const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);
const element = (type: number, name: string, value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(type), cstring(name), value]);
const string = (name: string, text: string): Buffer => {
  const bytes = cstring(text.replaceAll('\0', ' '));
  return element(0x02, name, Buffer.concat([i32(bytes.length), bytes]));
};
const int = (name: string, value: number): Buffer => element(0x10, name, i32(value));

function document(...elements: Uint8Array[]): Buffer {
  const bytes = elements.reduce((sum, each) => sum + each.length, 5);
  return Buffer.concat([i32(bytes), ...elements, Buffer.of(0)]);
}

function frame(opcode: number, requestId: number, responseTo: number, ...parts: Uint8Array[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 16);
  return Buffer.concat([i32(bytes), i32(requestId), i32(responseTo), i32(opcode), ...parts]);
}

/** OP_MSG of one document, without or with its checksum. */
function msg(body: Buffer, requestId: number, responseTo: number, signed: boolean): Buffer {
  const flags = signed ? MsgFlag.checksumPresent : 0;
  const parts = [i32(flags), Buffer.of(0), body, ...(signed ? [Buffer.alloc(4)] : [])];
  const message = frame(Op.msg, requestId, responseTo, ...parts);
  if (signed) {
    const upTo = message.length - 4;
    message.writeInt32LE(crcOf(crcOver(CRC_SEED, message, 0, upTo)), upTo);
  }
  return message;
}

/** How a client has asked, and so how it reads its answer. */
export interface Asked {
  readonly requestId: number;
  readonly isQuery: boolean;
  readonly isSigned: boolean;
}

/** `{ ok: 0, errmsg, code, codeName }`: as OP_MSG, or as OP_REPLY to an OP_QUERY. Never compressed: any client reads it so. */
export function errorReply(why: Denial, asked: Asked, replyId: number): Buffer {
  const { code, codeName } = ErrorCode[why.kind];
  const text = `${why.message} (denied by policy "${why.policy}")`;
  const body = document(
    element(0x01, 'ok', Buffer.alloc(8)),
    string('errmsg', text),
    int('code', code),
    string('codeName', codeName),
  );
  if (!asked.isQuery) return msg(body, replyId, asked.requestId, asked.isSigned);
  // responseFlags 8 (AwaitCapable, as all servers say), cursorID, startingFrom, numberReturned.
  const fields = Buffer.concat([i32(8), Buffer.alloc(12), i32(1)]);
  return frame(Op.reply, replyId, asked.requestId, fields, body);
}

/**
 * What stands in the place of a denied message: the server answers it there, so that every other reply keeps its place, and it
 * changes nothing. An OP_QUERY is a hello, so its stand-in is one. `api`: see abortFor.
 */
export function pingFor(asked: Asked, api: readonly Uint8Array[]): Buffer {
  if (!asked.isQuery) return msg(document(int('ping', 1), ...api, string('$db', 'admin')), asked.requestId, 0, false);
  const fields = Buffer.concat([i32(4), cstring('admin.$cmd'), i32(0), i32(-1)]);
  return frame(Op.query, asked.requestId, 0, fields, document(int('isMaster', 1)));
}

/**
 * Within a transaction the server's own has to fail too: else the client, told of an error, could commit what came before it.
 * `lsid` and `txnNumber` are elements of the denied message, as they stood there; `api` are its API version and what belongs to
 * it: servers refuse a command of a transaction that says another one than its first, and some refuse all that say none.
 */
export function abortFor(asked: Asked, lsid: Uint8Array, txnNumber: Uint8Array, api: readonly Uint8Array[]): Buffer {
  const body = document(
    int('abortTransaction', 1),
    lsid,
    txnNumber,
    element(0x08, 'autocommit', Buffer.of(0)),
    ...api,
    string('$db', 'admin'),
  );
  return msg(body, asked.requestId, 0, false);
}

/** As the client sees it. */
export function markDenied(x: Exchange, why: Denial): void {
  const { code, codeName } = ErrorCode[why.kind];
  x.outcome = Outcome.denied;
  x.flags |= Flag.denied;
  x.code = String(code);
  x.severity = codeName;
}
