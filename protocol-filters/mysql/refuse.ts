import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Command } from './commands.ts';

/** Bytes that Sluice itself says, in the protocol's own words. The caller owns what these functions return. */

/** Native errors. Drivers know them by number: that is what an application's code looks at. */
export const Er = {
  /** ER_TABLEACCESS_DENIED_ERROR: what a table's missing privilege says. */
  tableAccess: 1142,
  /** ER_SPECIFIC_ACCESS_DENIED_ERROR: what every other missing privilege says. */
  specificAccess: 1227,
  /** ER_UNKNOWN_STMT_HANDLER */
  unknownStatement: 1243,
  /** ER_UNKNOWN_COM_ERROR */
  unknownCommand: 1047,
  /** ER_USER_LIMIT_REACHED */
  limit: 1226,
  /** ER_CLIENT_INTERACTION_TIMEOUT of MySQL 8: the server has closed a connection that waited too long. */
  idle: 4031,
  /** ER_MALFORMED_PACKET */
  malformed: 1835,
} as const;

const NO_STATE = '';
/** What the servers keep of a message: MYSQL_ERRMSG_SIZE. */
const MAX_TEXT_BYTES = 512;

/** `onTable`: the denied operation touches a table. */
export function codeOf(why: Denial, onTable: boolean): number {
  if (why.kind === 'limit') return Er.limit;
  return why.kind === 'policy' && onTable ? Er.tableAccess : Er.specificAccess;
}

/** SQLSTATE of the errors above. */
export const stateOf = (code: number): string =>
  code === Er.unknownStatement ? 'HY000' : code === Er.unknownCommand ? '08S01' : '42000';

/** ERR packet of 4.1, with SQLSTATE, for a command that a policy denies; the policy's name stands in its text. */
export const deniedPacket = (why: Denial, code: number, sequence: number): Buffer =>
  errPacket(code, stateOf(code), `${why.message} (denied by policy "${why.policy}")`, sequence);

/**
 * The last words for a connection that is closed while nothing is under way: a client reads them as the answer to what it
 * sends next, whose sequence id is 0; or to the message at hand.
 */
export const expelledPacket = (why: Denial, sequence: number): Buffer =>
  why.kind === 'limit'
    ? errPacket(Er.idle, 'HY000', `${why.message} (policy "${why.policy}")`, sequence)
    : deniedPacket(why, Er.specificAccess, sequence);

/** In the greeting's place: no SQLSTATE yet, for nobody has said which protocol is spoken. */
export const refusedPacket = (why: Denial): Buffer =>
  errPacket(Er.specificAccess, NO_STATE, `${why.message} (denied by policy "${why.policy}")`, 0);

/** Before an enforced connection is closed for what it sent. */
export const violationPacket = (fault: string, sequence: number): Buffer =>
  errPacket(Er.malformed, 'HY000', `protocol violation: ${fault.replaceAll('_', ' ')}`, sequence);

function errPacket(code: number, sqlState: string, message: string, sequence: number): Buffer {
  const text = Buffer.from(message.replaceAll(/\p{Cc}/gu, ' ')).subarray(0, MAX_TEXT_BYTES);
  const state = sqlState === NO_STATE ? Buffer.alloc(0) : Buffer.from(`#${sqlState}`, 'latin1');
  const head = Buffer.of(3 + state.length + text.length, 0, 0, sequence & 0xff, 0xff, code & 0xff, code >> 8);
  head.writeUIntLE(3 + state.length + text.length, 0, 3);
  return Buffer.concat([head, state, text]);
}

/**
 * In the place of a denied command: a ping, which needs no privilege, touches nothing, and whose OK comes in the denied
 * one's turn. It changes neither the transaction nor any setting; MySQL's own privilege errors leave both alone too.
 */
export const standIn = (): Buffer => Buffer.of(1, 0, 0, 0, Command.ping);
