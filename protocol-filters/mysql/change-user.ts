import type { Fault } from '../../src/exchange/fault.ts';
import { type ConnectionAttributes, readAttributes } from './attributes.ts';
import { isUtf8Collation } from './charsets.ts';
import { PacketCursor } from './lenenc.ts';
import { isWholeText } from './login.ts';
import { Capability, has, MAX_LOGIN_BYTES } from './wire.ts';

/** Who a client asks to be from now on. What proves it is stepped over. */
export interface ChangeUser {
  readonly user: string;
  readonly database: string;
  /** Number of the character set and collation; 0 where the client did not say. */
  readonly collation: number;
  /** '' where the client did not say. */
  readonly authPlugin: string;
  readonly attributes: ConnectionAttributes;
  /** As Login.isCertain. */
  readonly isCertain: boolean;
}

const cursor = new PacketCursor();
const MAX_USER_BYTES = 512;
const MAX_DATABASE_BYTES = 256;
const MAX_PLUGIN_BYTES = 64;

/**
 * COM_CHANGE_USER, payload buf[start..end) from its command byte on. `capabilities`: those both sides have.
 *
 *     1 command   n user, NUL   n auth response: 1-byte length (secureConnection) or NUL-terminated   n database, NUL
 *     2 collation   n plugin, NUL, if pluginAuth   n attributes, if connectAttrs — old clients end before these
 */
export function readChangeUser(buf: Buffer, start: number, end: number, capabilities: number): ChangeUser | Fault {
  if (end - start > MAX_LOGIN_BYTES) return 'oversized';
  cursor.over(buf, start, end);
  cursor.skip(1);
  cursor.cstring();
  const user = cursor.text(MAX_USER_BYTES);
  let isCertain = isWholeText(cursor, MAX_USER_BYTES, user);
  // One byte even where logins use a length-encoded integer.
  if (has(capabilities, Capability.secureConnection)) cursor.skip(cursor.u8());
  else cursor.cstring();
  cursor.cstringOrRest();
  const database = cursor.text(MAX_DATABASE_BYTES);
  isCertain &&= isWholeText(cursor, MAX_DATABASE_BYTES, database);
  const collation = cursor.left > 0 ? cursor.u16() : 0;
  let authPlugin = '';
  if (has(capabilities, Capability.pluginAuth) && cursor.left > 0) {
    cursor.cstringOrRest();
    authPlugin = cursor.text(MAX_PLUGIN_BYTES, 'latin1');
  }
  const attributes = readAttributes(has(capabilities, Capability.connectAttrs) ? cursor : null);
  isCertain &&=
    cursor.left === 0 && !attributes.isDoubtful && (isUtf8Collation(collation) || /^[\0-\x7f]*$/.test(user + database));
  const { fault } = cursor;
  // The buffer holds a secret: nothing of ours may keep it alive.
  cursor.release();
  return fault ?? { user, database, collation, authPlugin, attributes, isCertain };
}
