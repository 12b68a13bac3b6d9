import type { Fault } from '../../src/exchange/fault.ts';
import { PacketCursor } from './lenenc.ts';
import { Capability, Head, MAX_GREETING_BYTES } from './wire.ts';

/** What a server says first. Its scramble is stepped over. */
export interface Greeting {
  readonly kind: 'greeting';
  readonly protocol: 9 | 10;
  /** As the server's own SELECT VERSION() says it: without the `5.5.5-` that MariaDB 10 puts before it. */
  readonly serverVersion: string;
  readonly flavour: 'mysql' | 'mariadb';
  /** As versioned comments count: `80036`, `101119`; 0 where the text does not begin with a version. */
  readonly version: number;
  readonly connectionId: number;
  /** Capability bits offered; 0 for protocol 9. */
  readonly capabilities: number;
  /** MariadbCapability bits offered; 0 for MySQL. */
  readonly mariadbCapabilities: number;
  /** Number of the server's character set and collation. */
  readonly collation: number;
  /** ServerStatus bits. */
  readonly status: number;
  /** Default authentication plugin, or ''. */
  readonly authPlugin: string;
}

/** A server that does not take the connection says why in the greeting's place (too many connections, host blocked). */
export interface GreetingError {
  readonly kind: 'error';
  readonly code: number;
  readonly sqlState: string;
}

const cursor = new PacketCursor();
const MAX_VERSION_BYTES = 128;
const MAX_PLUGIN_BYTES = 64;
/** Bytes of the scramble in front, and the least that stand behind the reserved bytes. */
const SCRAMBLE_HEAD_BYTES = 8;
const SCRAMBLE_TAIL_BYTES = 13;

/**
 * The server's first packet, payload buf[start..end): Protocol::HandshakeV10, HandshakeV9, or an ERR packet.
 *
 *     1 protocol version   n server version, NUL   4 connection id   8 scramble   1 zero
 *     2 capabilities, low  1 collation  2 status   2 capabilities, high
 *     1 scramble bytes     6 zeros      4 MariaDB's extended capabilities, if CLIENT_MYSQL is clear; else zeros
 *     max(13, scramble bytes - 8) scramble, if secureConnection     n plugin, NUL, if pluginAuth
 *
 * A server before 4.1 may end behind the first capabilities. Protocol 9 ends behind its scramble.
 */
export function readGreeting(buf: Buffer, start: number, end: number): Greeting | GreetingError | Fault {
  if (end - start > MAX_GREETING_BYTES) return 'oversized';
  cursor.over(buf, start, end);
  const protocol = cursor.u8();
  if (cursor.fault !== null) return cursor.fault;
  if (protocol === Head.err) return readGreetingError(buf, start, end);
  if (protocol !== 10 && protocol !== 9) return 'unsupported_version';
  if (!cursor.cstring()) return cursor.fault ?? 'truncated';
  const versionText = cursor.text(MAX_VERSION_BYTES);
  const connectionId = cursor.u32();
  if (protocol === 9) {
    cursor.cstring();
    if (cursor.fault !== null) return cursor.fault;
    return greeting(9, versionText, connectionId, 0, 0, 0, 0, '');
  }
  cursor.skip(SCRAMBLE_HEAD_BYTES + 1);
  let capabilities = cursor.u16();
  if (cursor.fault !== null) return cursor.fault;
  if (cursor.left === 0) return greeting(10, versionText, connectionId, capabilities, 0, 0, 0, '');
  const collation = cursor.u8();
  const status = cursor.u16();
  capabilities |= cursor.u16() << 16;
  const scrambleBytes = cursor.u8();
  cursor.skip(6);
  const extended = cursor.u32();
  const mariadbCapabilities = (capabilities & Capability.mysql) === 0 ? extended : 0;
  if ((capabilities & Capability.secureConnection) !== 0)
    cursor.skip(Math.max(SCRAMBLE_TAIL_BYTES, scrambleBytes - SCRAMBLE_HEAD_BYTES));
  let plugin = '';
  if ((capabilities & Capability.pluginAuth) !== 0 && cursor.fault === null) {
    // Servers 5.5.7 to 5.5.9 and 5.6.0 to 5.6.1 leave out the NUL.
    cursor.cstringOrRest();
    plugin = cursor.text(MAX_PLUGIN_BYTES, 'latin1');
  }
  if (cursor.fault !== null) return cursor.fault;
  return greeting(10, versionText, connectionId, capabilities, mariadbCapabilities, collation, status, plugin);
}

/** Before the client has said what it can, an ERR packet has no SQLSTATE; some servers and proxies send one. */
function readGreetingError(buf: Buffer, start: number, end: number): GreetingError | Fault {
  cursor.over(buf, start, end);
  cursor.skip(1);
  const code = cursor.u16();
  if (cursor.fault !== null) return cursor.fault;
  const marked = cursor.left >= 6 && buf[cursor.at] === 0x23;
  return { kind: 'error', code, sqlState: marked ? buf.toString('latin1', cursor.at + 1, cursor.at + 6) : '' };
}

/** MariaDB 10 and 11 pretend to be 5.5.5, for replicas that could not read a version of two digits. */
const REPLICATION_PREFIX = '5.5.5-';

function greeting(
  protocol: 9 | 10,
  text: string,
  connectionId: number,
  capabilities: number,
  mariadbCapabilities: number,
  collation: number,
  status: number,
  authPlugin: string,
): Greeting {
  const flavour = flavourOf(protocol, text, capabilities);
  const serverVersion =
    flavour === 'mariadb' && text.startsWith(REPLICATION_PREFIX) ? text.slice(REPLICATION_PREFIX.length) : text;
  return {
    kind: 'greeting',
    protocol,
    serverVersion,
    flavour,
    version: versionNumber(serverVersion),
    connectionId,
    capabilities,
    mariadbCapabilities,
    collation,
    status,
    authPlugin,
  };
}

/** MariaDB says its name, unless its `version` option was changed; since 10.2 it also clears bit 0, which MySQL sets. */
function flavourOf(protocol: 9 | 10, text: string, capabilities: number): 'mysql' | 'mariadb' {
  if (/mariadb/i.test(text)) return 'mariadb';
  if (protocol === 10 && text.startsWith(REPLICATION_PREFIX) && /^5\.5\.5-1\d\./.test(text)) return 'mariadb';
  const modern = (capabilities & Capability.pluginAuth) !== 0;
  return modern && (capabilities & Capability.mysql) === 0 ? 'mariadb' : 'mysql';
}

/** `8.0.36-debug` is 80036, `10.11.19-MariaDB` is 101119; 0 where the text is no version. */
export function versionNumber(text: string): number {
  const found = /^(\d{1,3})\.(\d{1,2})(?:\.(\d{1,2}))?/.exec(text);
  if (found === null) return 0;
  return Number(found[1]) * 10_000 + Number(found[2]) * 100 + Number(found[3] ?? 0);
}
