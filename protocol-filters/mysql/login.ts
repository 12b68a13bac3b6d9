import type { Fault } from '../../src/exchange/fault.ts';
import { type ConnectionAttributes, readAttributes } from './attributes.ts';
import { isUtf8Collation } from './charsets.ts';
import { PacketCursor } from './lenenc.ts';
import { Capability, has, MAX_LOGIN_BYTES } from './wire.ts';

/** A client asks to go on in TLS: a login that stops before the user's name. */
export interface SslRequest {
  readonly kind: 'ssl';
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
}

/** What a client says of itself. What proves it, the authentication response, is stepped over. */
export interface Login {
  readonly kind: 'login';
  /** Capability bits claimed. What holds is what the server offered too. */
  readonly capabilities: number;
  /** MariadbCapability bits claimed; 0 for clients that do not know them. */
  readonly mariadbCapabilities: number;
  readonly maxPacketBytes: number;
  /** Number of the character set and collation of the connection; 0 for clients before 4.1. */
  readonly collation: number;
  readonly user: string;
  /** '' where none is asked for. */
  readonly database: string;
  /** The plugin that made the authentication response, or ''. */
  readonly authPlugin: string;
  readonly attributes: ConnectionAttributes;
  /** Level the client asks for, 1 to 22, under zstdCompressionAlgorithm; else 0. */
  readonly zstdLevel: number;
  /** False where a server may read something else: names that were cut or are no UTF-8, attributes twice, bytes behind the end. */
  readonly isCertain: boolean;
}

const cursor = new PacketCursor();
/** MariaDB allows 128 characters, MySQL 32; a character has 4 bytes at most. */
const MAX_USER_BYTES = 512;
/** 64 characters. */
const MAX_DATABASE_BYTES = 256;
const MAX_PLUGIN_BYTES = 64;
const MARIADB_FILLER_BYTES = 19;

/**
 * The client's first packet, payload buf[start..end): Protocol::HandshakeResponse41 or 320, or Protocol::SSLRequest.
 * `offered` and `mariadbOffered` are the greeting's. A server masks the client's flags with its own before it reads on,
 * so the layout follows from the bits both sides have.
 *
 *     4 capabilities   4 max packet   1 collation   19 zeros   4 MariaDB's capabilities, if CLIENT_MYSQL is clear; else zeros
 *     n user, NUL      n auth response: length-encoded, 1-byte length, or NUL-terminated
 *     n database, NUL, if connectWithDb     n plugin, NUL, if pluginAuth     n attributes, if connectAttrs
 *     1 zstd level, if zstdCompressionAlgorithm
 *
 * Before 4.1: 2 capabilities, 3 max packet, user, NUL, auth response and NUL, database; the last two may be missing.
 */
export function readLogin(
  buf: Buffer,
  start: number,
  end: number,
  offered: number,
  mariadbOffered: number,
): Login | SslRequest | Fault {
  if (end - start > MAX_LOGIN_BYTES) return 'oversized';
  cursor.over(buf, start, end);
  const low = cursor.u16();
  if (cursor.fault !== null) return cursor.fault;
  const told = has(low, Capability.protocol41)
    ? readLogin41(low, offered, mariadbOffered)
    : readLogin320(low, offered & 0xffff);
  // The buffer holds a secret: nothing of ours may keep it alive.
  cursor.release();
  return told;
}

function readLogin41(low: number, offered: number, mariadbOffered: number): Login | SslRequest | Fault {
  const capabilities = low | (cursor.u16() << 16);
  const maxPacketBytes = cursor.u32();
  const collation = cursor.u8();
  cursor.skip(MARIADB_FILLER_BYTES);
  const extended = cursor.u32() | 0;
  if (cursor.fault !== null) return cursor.fault;
  const mariadbCapabilities = has(capabilities | offered, Capability.mysql) ? 0 : extended & mariadbOffered;
  const layout = capabilities & offered;
  if (has(layout, Capability.ssl)) return { kind: 'ssl', capabilities, mariadbCapabilities };

  cursor.cstring();
  const user = cursor.text(MAX_USER_BYTES);
  let isCertain = isWholeText(cursor, MAX_USER_BYTES, user);
  skipAuthResponse(layout);
  let database = '';
  if (has(layout, Capability.connectWithDb)) {
    cursor.cstringOrRest();
    database = cursor.text(MAX_DATABASE_BYTES);
    isCertain &&= isWholeText(cursor, MAX_DATABASE_BYTES, database);
  }
  let authPlugin = '';
  if (has(layout, Capability.pluginAuth)) {
    cursor.cstringOrRest();
    authPlugin = cursor.text(MAX_PLUGIN_BYTES, 'latin1');
  }
  const attributes = readAttributes(has(layout, Capability.connectAttrs) ? cursor : null);
  const zstdLevel = has(layout, Capability.zstdCompressionAlgorithm) && cursor.left > 0 ? cursor.u8() : 0;
  if (cursor.fault !== null) return cursor.fault;
  const inUtf8 = isUtf8Collation(collation) || (isAscii(user) && isAscii(database));
  return {
    kind: 'login',
    isCertain: isCertain && inUtf8 && !attributes.isDoubtful && cursor.left === 0,
    capabilities,
    mariadbCapabilities,
    maxPacketBytes,
    collation,
    user,
    database,
    authPlugin,
    attributes,
    zstdLevel,
  };
}

/** A secret: only its length is looked at. */
function skipAuthResponse(layout: number): void {
  if (has(layout, Capability.pluginAuthLenencClientData)) cursor.skip(cursor.lenenc());
  else if (has(layout, Capability.secureConnection)) cursor.skip(cursor.u8());
  else cursor.cstringOrRest();
}

function readLogin320(capabilities: number, offered: number): Login | SslRequest | Fault {
  const maxPacketBytes = cursor.u24();
  if (has(capabilities & offered, Capability.ssl)) {
    return cursor.fault ?? { kind: 'ssl', capabilities, mariadbCapabilities: 0 };
  }
  cursor.cstring();
  const user = cursor.text(MAX_USER_BYTES);
  let database = '';
  if (has(capabilities & offered, Capability.connectWithDb)) {
    cursor.cstringOrRest();
    cursor.cstringOrRest();
    database = cursor.text(MAX_DATABASE_BYTES);
  }
  if (cursor.fault !== null) return cursor.fault;
  return {
    kind: 'login',
    capabilities,
    mariadbCapabilities: 0,
    maxPacketBytes,
    collation: 0,
    user,
    database,
    authPlugin: '',
    attributes: readAttributes(null),
    zstdLevel: 0,
    isCertain: false,
  };
}

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** Was the last string read whole, and is it UTF-8? */
export const isWholeText = ({ from, to }: PacketCursor, maxBytes: number, text: string): boolean =>
  to - from <= maxBytes && !text.includes('\ufffd');
