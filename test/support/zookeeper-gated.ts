import type { Gated } from './gated.ts';
import type { Recorded } from './transcript.ts';

/** What these say is denied by an enforcing chain, or closes the connection. */
const NOT_LET_THROUGH = /^(?:hostile-|wire-(?:xids|errors|unknown-opcode)$|word-(?!ruok|srvr|isro))/;

/** What is held is held at a session's beginning: of a long line the first frames are enough. */
const SINGLY = 4;

/** ZooKeeper: one line a frame of the server. */
export const gatedZooKeeper: Gated = (name, lines) =>
  NOT_LET_THROUGH.test(name) ? null : lines.flatMap((line) => (line.who === '>' ? [line] : framesIn(line.bytes)));

function framesIn(bytes: Buffer): Recorded[] {
  const frames: Recorded[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && frames.length < SINGLY) {
    const length = bytes.readInt32BE(at);
    if (length < 0 || length > bytes.length - at - 4) break; // the answer to a word
    frames.push({ who: '<', bytes: bytes.subarray(at, at + 4 + length) });
    at += 4 + length;
  }
  return at < bytes.length ? [...frames, { who: '<', bytes: bytes.subarray(at) }] : frames;
}
