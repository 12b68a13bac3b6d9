/** ER_SERVER_SHUTDOWN, 08S01. */
const CODE = 1053;
const STATE = '#08S01';
const MESSAGE = 'Server shutdown in progress';
/** What a client reads when it sends its next command is the reply to that: sequence id 1. */
const SEQUENCE = 1;

/** The last words of a server that shuts down, as an ERR packet of the 4.1 protocol. */
export function shutdownPacket(): Uint8Array {
  const text = Buffer.from(`${STATE}${MESSAGE}`, 'latin1');
  const bytes = 3 + text.length;
  const packet = Buffer.concat([Buffer.of(bytes, 0, 0, SEQUENCE, 0xff, CODE & 0xff, CODE >> 8), text]);
  return packet;
}
