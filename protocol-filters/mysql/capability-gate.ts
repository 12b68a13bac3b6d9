import { zeroAt } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Conversation } from './conversation.ts';
import type { Greeting } from './greeting.ts';
import type { Login, SslRequest } from './login.ts';
import { Capability as C, HEADER_BYTES, has, MariadbCapability } from './wire.ts';

/** What cannot be inspected, and is taken from the greeting. A client that uses it all the same is sent away. */
const UNREADABLE = C.compress | C.zstdCompressionAlgorithm | C.ssl | C.capabilityExtension;
/** MariaDB's own bits that we know; COM_MULTI, which no server has any more, and what is yet to come are taken away. */
const KNOWN_EXTENDED =
  MariadbCapability.progress |
  MariadbCapability.stmtBulkOperations |
  MariadbCapability.extendedMetadata |
  MariadbCapability.cacheMetadata |
  MariadbCapability.bulkUnitResults;

/** Offsets behind the version's zero byte. */
const LOW = 13;
const HIGH = 18;
const EXTENDED = 27;

/** What of a greeting is taken away where policies are enforced. */
const removedOf = (talk: Conversation, { capabilities }: Greeting): number =>
  capabilities & (UNREADABLE | (talk.bound.options.local_infile === 'deny' ? C.localFiles : 0));

/** The greeting buf[start..end) leaves without what cannot be inspected: bits are cleared, nothing moves. */
export function trimGreeting(
  talk: Conversation,
  greeting: Greeting,
  buf: Buffer,
  start: number,
  end: number,
): Fault | null {
  if (greeting.protocol !== 10 || !has(greeting.capabilities, C.protocol41)) return 'unsupported_version';
  const removed = removedOf(talk, greeting);
  const extended = greeting.mariadbCapabilities & ~KNOWN_EXTENDED;
  if (removed === 0 && extended === 0) return null;
  const behind = zeroAt(buf, start + 1, end) + 1;
  const from = talk.server.beganAt + HEADER_BYTES + (behind - start);
  const { host } = talk;
  const put = (at: number, value: number, bytes: number): void => {
    const field = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) field[i] = value >>> (8 * i);
    host.replace(Side.upstream, from + at, from + at + bytes, field);
  };
  const left = greeting.capabilities & ~removed;
  put(LOW, left & 0xffff, 2);
  put(HIGH, left >>> 16, 2);
  if (extended !== 0) put(EXTENDED, greeting.mariadbCapabilities & KNOWN_EXTENDED, 4);
  talk.count('capabilities_removed');
  if (has(removed, C.ssl))
    talk.bound.warn(
      'policies are enforced: clients are not offered TLS by this listener, for what is encrypted cannot be judged. Let Sluice terminate it',
    );
  return null;
}

/** May this login go on? Does it claim what was taken away, or say something in two ways? */
export function checkLogin(talk: Conversation, greeting: Greeting, login: Login | SslRequest): Fault | null {
  const claimed = login.capabilities & removedOf(talk, greeting) & ~C.localFiles;
  if (login.kind === 'ssl' || has(claimed, C.ssl)) return 'encrypted';
  if (claimed !== 0) return 'ambiguous';
  if (!has(login.capabilities, C.protocol41)) return 'unsupported_version';
  if ((login.mariadbCapabilities & ~KNOWN_EXTENDED) !== 0) return 'ambiguous';
  return login.isCertain ? null : 'ambiguous';
}

/** A client that says it can send files, whatever it was offered, says so no longer. */
export function trimLogin(talk: Conversation, login: Login, buf: Buffer, start: number): void {
  if (talk.bound.options.local_infile !== 'deny' || !has(login.capabilities, C.localFiles)) return;
  const at = talk.client.beganAt + HEADER_BYTES;
  talk.host.replace(Side.downstream, at, at + 1, Uint8Array.of(buf[start]! & ~C.localFiles));
}
