import type { Fault } from '../../src/exchange/fault.ts';
import { PacketCursor } from './lenenc.ts';

/** SESSION_TRACK_* types. MariaDB counts the first six alike. */
export const Track = {
  systemVariables: 0,
  schema: 1,
  stateChange: 2,
  gtids: 3,
  transactionCharacteristics: 4,
  transactionState: 5,
} as const;

/** Told of each change, in their order. Strings are made for changes only, which are rare. */
export interface TrackSink {
  /** A system variable of the session, as the server writes it: `autocommit` `OFF`, `sql_mode` … */
  onVariable(name: string, value: string): void;
  /** The default database; '' when it was dropped. */
  onSchema(name: string): void;
  /** Eight characters: `T` or `I` explicit/implicit, reads, writes … and `_` for no; `________` outside a transaction. */
  onTransactionState?(state: string): void;
}

const outer = new PacketCursor();
const inner = new PacketCursor();
const MAX_NAME_BYTES = 256;
const MAX_VALUE_BYTES = 4096;

/**
 * The session state changes of an OK packet, buf[start..end): 1 type, n length-encoded data, repeated. Types that are not
 * known are stepped over by their length, as are GTIDs. The changes before a fault have been told.
 */
export function readSessionTrack(buf: Buffer, start: number, end: number, sink: TrackSink): Fault | null {
  outer.over(buf, start, end);
  while (outer.left > 0) {
    const type = outer.u8();
    if (!outer.lenencString()) break;
    inner.over(buf, outer.from, outer.to);
    switch (type) {
      case Track.systemVariables:
        readVariables(sink);
        break;
      case Track.schema:
        if (inner.lenencString()) sink.onSchema(inner.text(MAX_NAME_BYTES));
        break;
      case Track.transactionState:
        if (inner.lenencString()) sink.onTransactionState?.(inner.text(MAX_NAME_BYTES, 'latin1'));
        break;
      default:
        // stateChange, gtids, characteristics, and what is yet to come: nothing that we tell.
        break;
    }
    if (inner.fault !== null) return inner.fault;
  }
  return outer.fault;
}

/** One pair of name and value; MariaDB puts several into one change. A value that is NULL is told as ''. */
function readVariables(sink: TrackSink): void {
  while (inner.left > 0) {
    if (!inner.lenencString()) return;
    const name = inner.text(MAX_NAME_BYTES);
    const bytes = inner.lenencOrNull();
    if (bytes > 0) inner.bytes(bytes);
    else inner.bytes(0);
    if (inner.fault !== null) return;
    sink.onVariable(name, inner.text(MAX_VALUE_BYTES));
  }
}
