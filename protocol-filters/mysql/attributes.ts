import { isTraceparent } from '../../src/digest/sqlcommenter.ts';
import { PacketCursor } from './lenenc.ts';

/** What a client says of itself at login, of its connection attributes. '' where it did not say. */
export interface ConnectionAttributes {
  readonly programName: string;
  readonly clientName: string;
  readonly clientVersion: string;
  /** A W3C traceparent that the client gave for the whole connection. */
  readonly traceparent: string;
  /** One of them was said twice, or was cut: who reads it last may read something else. */
  readonly isDoubtful: boolean;
}

const NONE: ConnectionAttributes = {
  programName: '',
  clientName: '',
  clientVersion: '',
  traceparent: '',
  isDoubtful: false,
};

/** Servers keep 512 bytes of all attributes together by default. */
const MAX_ATTRIBUTES = 256;
const MAX_KEY_BYTES = 32;
const MAX_VALUE_BYTES = 256;
/** Attributes that policies may be written of. */
const TOLD = ['program_name', '_client_name', '_client_version'];
const inner = new PacketCursor();

const isPlainText = (cursor: PacketCursor): boolean => !cursor.text(MAX_VALUE_BYTES).includes('\ufffd');

/**
 * Connection attributes: a length-encoded length, and in it pairs of length-encoded strings. Reads on with `cursor`, which
 * it leaves behind them (faulted, where they do not fit); null: there are none. Attributes behind the first 256 are
 * stepped over.
 */
export function readAttributes(cursor: PacketCursor | null): ConnectionAttributes {
  if (cursor === null || cursor.fault !== null) return NONE;
  // Without attributes some clients leave out the length, too.
  if (cursor.left === 0) return NONE;
  if (!cursor.lenencString() || cursor.from === cursor.to) return NONE;
  let { programName, clientName, clientVersion, traceparent, isDoubtful } = NONE;
  let seen = 0;
  cursor.lend(inner);
  for (let i = 0; i < MAX_ATTRIBUTES && inner.left > 0; i++) {
    inner.lenencString();
    const key = inner.text(MAX_KEY_BYTES);
    inner.lenencString();
    if (inner.fault !== null) break;
    const bit = TOLD.indexOf(key) + 1;
    if (bit > 0) {
      if ((seen & (1 << bit)) !== 0 || inner.to - inner.from > MAX_VALUE_BYTES || !isPlainText(inner))
        isDoubtful = true;
      seen |= 1 << bit;
    }
    if (key === 'program_name') programName = inner.text(MAX_VALUE_BYTES);
    else if (key === '_client_name') clientName = inner.text(MAX_VALUE_BYTES);
    else if (key === '_client_version') clientVersion = inner.text(MAX_VALUE_BYTES);
    else if (key === 'traceparent' && isTraceparent(inner.text(MAX_VALUE_BYTES)))
      traceparent = inner.text(MAX_VALUE_BYTES);
  }
  const { fault } = inner;
  if (inner.left > 0) isDoubtful = true;
  inner.release();
  if (fault !== null) {
    cursor.fail(fault);
    return NONE;
  }
  return { programName, clientName, clientVersion, traceparent, isDoubtful };
}
