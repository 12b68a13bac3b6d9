/** A way between a worker and facts that carries whole frames in order, in one process or between two. */
export interface Channel {
  /** False while nothing should be sent: not open, closed, or more than about one batch waits for the other end. */
  readonly writable: boolean;
  /** Queues one frame; the channel owns `payload` from here on. Dropped silently once closed: onClose tells. */
  send(kind: number, payload: Uint8Array): void;
  /** Closes after what was sent has left. onClose follows. */
  end(): void;
  /** Gone now. onClose follows. */
  destroy(): void;
}

/** What a channel tells; never from within a call to it. */
export interface ChannelEvents {
  onOpen(): void;
  /** `payload` belongs to the receiver and is aligned to 8. */
  onFrame(kind: number, payload: Buffer): void;
  /** Writable again after it was not. */
  onDrain(): void;
  /** Over, exactly once; also when it never opened. */
  onClose(): void;
}

/** Starts to connect; onOpen or onClose follows. */
export type Dial = (events: ChannelEvents) => Channel;

/** Kinds of frames: from workers below 16, from facts above. Numbers are little-endian. */
export const Frame = {
  hello: 1, // JSON Hello
  stats: 2, // opaque: given by a callback
  rows: 3, // RowStore.changes()
  operations: 4, // OperationStore.changes()
  batch: 5, // BatchEncoder.finish(): exchanges and session records
  ledger: 6, // JSON Ledger
  reply: 7, // u32 id, JSON answer
  bye: 8, // nothing more follows
  keys: 9, // one of WorkerKeys.changes()
  lag: 10, // one of WorkerLag.changes()
  welcome: 16, // JSON Welcome
  ack: 17, // f64 sequence of the batch that was delivered
  ask: 18, // u32 id, JSON question
  share: 19, // f64 exchanges a second that this worker may hand on one by one
} as const;

/** What became of the exchanges of one worker, cumulative; what is neither delivered nor dropped is waiting. */
export interface Ledger {
  readonly produced: number;
  readonly delivered: number;
  readonly dropped: number;
  /** Not handed on one by one, and in none of the others. */
  readonly sampledOut: number;
  readonly sessionsDropped: number;
}

export interface Hello {
  readonly worker: number;
  readonly incarnation: number;
  readonly pid: number;
  readonly ledger: Ledger;
}

export interface Welcome {
  /** Sequence number of the last batch that this very facts process had from this life of the worker; 0 = none. */
  readonly lastSequence: number;
}

export const jsonFrame = (value: object): Buffer => Buffer.from(JSON.stringify(value));

/** The JSON value in a payload, or undefined if there is none. */
export function readJson(payload: Buffer, at = 0): unknown {
  try {
    return JSON.parse(payload.toString('utf8', at));
  } catch {
    return undefined;
  }
}
