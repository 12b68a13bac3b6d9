import type { WorkerKeys } from '../digest/keys/worker-keys.ts';
import type { WorkerLag } from '../digest/lag/worker-lag.ts';
import type { RowStore } from '../digest/rows/rows.ts';
import type { OperationStore } from '../digest/rows/rows-operations.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ConnectionFacts, SessionFacts } from '../exchange/session-facts.ts';
import type { Clock, Timer } from '../net/transport.ts';
import { type Channel, type Dial, Frame, jsonFrame, type Ledger, readJson } from './channel.ts';
import { BatchEncoder, type BatchEncoderOptions } from './columns.ts';
import { MAX_PAYLOAD_BYTES } from './frame-reader.ts';
import type { Sampler } from './sampling.ts';

export interface FactsLinkOptions {
  readonly worker: number;
  /** Which life of this worker it is: each is higher than the last. */
  readonly incarnation: number;
  /** Makes this life's ids unique for ever: a random whole number below 2^52. */
  readonly origin?: number;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly rows: RowStore;
  readonly operations: OperationStore;
  /** Heavy keys, where protocols have them. */
  readonly keys?: WorkerKeys;
  /** Logs and their readers, where protocols have them. */
  readonly lag?: WorkerLag;
  /** The process' numbers, once a second; `full` for a receiver that knows nothing yet. Null: nothing to say. */
  stats?(full: boolean): Uint8Array | null;
  /** Answers a question of facts with something JSON can carry; it may throw. */
  answer?(question: unknown): unknown;
  /** False: exchanges are only aggregated, none is sent one by one. */
  readonly events?: boolean;
  /** Chooses which exchanges are sent one by one; without, all are. */
  readonly sampler?: Sampler | null;
  readonly batch?: BatchEncoderOptions;
  /** Of full batches that were not confirmed yet, sent or waiting for facts to be there; with more, what is full is dropped. */
  readonly maxInFlightBytes?: number;
  readonly intervalMs?: number;
}

/** Three seconds of 20,000 exchanges: as long as facts may be busy, or be started again, before anything is lost. */
const MAX_IN_FLIGHT_BYTES = 8 * 2 ** 20;
const MIN_BACK_OFF_MS = 50;
const MAX_BACK_OFF_MS = 1000;

/** Asked by Receiver.refresh: answered once all that was known when it came has been sent. */
export const FLUSH = 'flush';

/**
 * A worker's end of the facts path. Nothing here waits and nothing here piles up: aggregates are told when there is room
 * and are cumulative, so telling them later loses nothing; full batches are held while facts is not there, up to a bound;
 * beyond it, and where facts is far behind, they are dropped and counted. What was sent counts as delivered when facts says so. At any moment
 * `produced = waiting + delivered + dropped`; what sampling leaves out is not in `produced`.
 */
export class FactsLink {
  produced = 0;
  delivered = 0;
  dropped = 0;
  sessionsDropped = 0;
  readonly #options: FactsLinkOptions;
  readonly #batch: BatchEncoder;
  readonly #sampler: Sampler | null;
  readonly #origin: number;
  #channel: Channel | null = null;
  #welcomed = false;
  #statsTold = false;
  /** Called before anything is sent: whoever has not told all yet tells it now. */
  beforeFlush: (() => void) | null = null;
  #sequence = 0;
  /** Batches that were sent and not yet said to be delivered, oldest first: three numbers each. */
  #unacked: { sequence: number; rows: number; bytes: number }[] = [];
  /** Full batches that facts was not there to take, oldest first. */
  #held: { readonly sequence: number; readonly rows: number; readonly buffer: Buffer }[] = [];
  /** Exchanges of both, and their bytes. */
  #inFlight = 0;
  #inFlightBytes = 0;
  #backOffMs = MIN_BACK_OFF_MS;
  #timer: Timer | null = null;
  #redial: Timer | null = null;
  #pump: Timer | null = null;
  #flushes: number[] = [];
  #closing: { done: () => void; limit: Timer; said: boolean } | null = null;
  #closed = false;

  constructor(options: FactsLinkOptions) {
    this.#options = options;
    this.#batch = new BatchEncoder(options.batch);
    this.#sampler = options.sampler ?? null;
    this.#origin = options.origin ?? Math.floor(Math.random() * 2 ** 52);
  }

  get connected(): boolean {
    return this.#welcomed;
  }

  /** Exchanges in the open batch and in flight. */
  get waiting(): number {
    return this.#batch.rows + this.#inFlight;
  }

  /** Exchanges that sampling left out. */
  get sampledOut(): number {
    return this.#sampler?.out ?? 0;
  }

  get ledger(): Ledger {
    const { produced, delivered, dropped, sampledOut, sessionsDropped } = this;
    return { produced, delivered, dropped, sampledOut, sessionsDropped };
  }

  start(): void {
    this.#dial();
    this.#tick();
  }

  /** Takes an ended exchange; `epoch` is wall minus monotonic time in ms. */
  exchange(x: Exchange, epoch: number): void {
    if (this.#options.events === false) return;
    const weight = this.#sampler === null ? 1 : this.#sampler.weigh(x);
    if (weight === 0) return;
    this.#batch.append(x, epoch, weight);
    this.produced++;
    if (this.#batch.full) this.#full();
  }

  session(session: SessionFacts, event: number, wall: number, reason: string, connection?: ConnectionFacts): void {
    if (this.#options.events === false) return;
    this.#batch.appendSession(session, event, wall, reason, connection);
    if (this.#batch.full) this.#full();
  }

  /** Sends what there is now, as far as facts takes it. */
  flush(): void {
    this.beforeFlush?.();
    if (!this.#ready) return;
    const { operations, keys, lag, stats } = this.#options;
    const channel = this.#channel!;
    if (!this.#batch.empty) this.#send();
    channel.send(Frame.ledger, jsonFrame(this.ledger));
    const numbers = stats?.(!this.#statsTold);
    this.#statsTold = true;
    if (numbers) channel.send(Frame.stats, numbers);
    const series = operations.changes();
    if (series !== null) channel.send(Frame.operations, series);
    for (const part of keys?.changes() ?? []) channel.send(Frame.keys, part);
    for (const part of lag?.changes() ?? []) channel.send(Frame.lag, part);
    this.#pumpRows();
  }

  /**
   * Says all that is left and goodbye; resolves when facts has confirmed the batches, or at the limit. Where facts is not
   * there just now (it is only starting, or starting again), it is dialled until then.
   */
  close(limitMs = 1000): Promise<void> {
    this.#timer?.cancel();
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = this.#options.clock.after(limitMs, () => this.#end());
      this.#closing = { done: resolve, limit, said: false };
      if (this.#redial !== null) {
        this.#redial.cancel();
        this.#dial();
      }
      this.flush();
      this.#mayEnd();
    });
  }

  get #ready(): boolean {
    return this.#welcomed && this.#channel?.writable === true;
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(this.#options.intervalMs ?? 1000, () => this.#tick());
    this.flush();
  }

  #dial(): void {
    this.#redial = null;
    const channel = this.#options.dial({
      onOpen: () => {
        const { worker, incarnation } = this.#options;
        const hello = { worker, incarnation, pid: process.pid, ledger: this.ledger };
        this.#channel?.send(Frame.hello, jsonFrame(hello));
      },
      onFrame: (kind, payload) => this.#frame(kind, payload),
      onDrain: () => {
        if (this.#welcomed) this.#pumpRows();
      },
      onClose: () => this.#lost(),
    });
    this.#channel = channel;
  }

  #lost(): void {
    this.#channel = null;
    this.#welcomed = false;
    this.#flushes = [];
    this.#pump?.cancel();
    this.#pump = null;
    if (this.#closed) return;
    this.#redial = this.#options.clock.after(this.#closing ? MIN_BACK_OFF_MS : this.#backOffMs, () => this.#dial());
    this.#backOffMs = Math.min(MAX_BACK_OFF_MS, this.#backOffMs * 2);
  }

  #frame(kind: number, payload: Buffer): void {
    if (kind === Frame.welcome) this.#welcome(readJson(payload));
    else if (kind === Frame.ack && payload.length === 8) this.#ack(payload.readDoubleLE(0));
    else if (kind === Frame.share && payload.length === 8) this.#sampler?.share(payload.readDoubleLE(0));
    else if (kind === Frame.ask && payload.length > 4) this.#asked(payload.readUInt32LE(0), readJson(payload, 4));
  }

  /** Facts says what it had; what it had not of the batches in flight is lost. Then it is told everything. */
  #welcome(told: unknown): void {
    const last = (told as { lastSequence?: unknown } | null | undefined)?.lastSequence;
    this.#ack(typeof last === 'number' ? last : 0);
    for (const { rows, bytes } of this.#unacked.splice(0)) {
      this.dropped += rows;
      this.#inFlight -= rows;
      this.#inFlightBytes -= bytes;
    }
    this.#welcomed = true;
    this.#statsTold = false;
    this.#backOffMs = MIN_BACK_OFF_MS;
    this.#options.rows.snapshot();
    this.#options.operations.snapshot();
    this.#options.keys?.snapshot();
    this.#options.lag?.snapshot();
    for (const { sequence, rows, buffer } of this.#held.splice(0)) this.#hand(sequence, rows, buffer);
    this.flush();
  }

  #ack(sequence: number): void {
    let n = 0;
    for (const batch of this.#unacked) {
      if (batch.sequence > sequence) break;
      this.#inFlight -= batch.rows;
      this.#inFlightBytes -= batch.bytes;
      this.delivered += batch.rows;
      n++;
    }
    if (n > 0) this.#unacked.splice(0, n);
    this.#mayEnd();
  }

  #asked(id: number, question: unknown): void {
    if (question === FLUSH) {
      this.#flushes.push(id);
      this.flush();
      return;
    }
    let text: string;
    try {
      text = JSON.stringify({ answer: this.#options.answer?.(question) ?? null });
    } catch (error) {
      text = JSON.stringify({ error: String(error) });
    }
    this.#reply(id, text);
  }

  #reply(id: number, text: string): void {
    const fits = Buffer.byteLength(text) + 4 <= MAX_PAYLOAD_BYTES;
    const said = fits ? text : '{"error":"the answer is too long"}';
    const payload = Buffer.allocUnsafe(4 + Buffer.byteLength(said));
    payload.writeUInt32LE(id, 0);
    payload.write(said, 4);
    this.#channel?.send(Frame.reply, payload);
  }

  /** The open batch is full: it leaves, or waits for facts to be there; where too much is under way, it goes. */
  #full(): void {
    const limit = this.#options.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES;
    if (this.#inFlightBytes + this.#batch.bytes <= limit) {
      this.#send();
      return;
    }
    this.#sequence++;
    this.dropped += this.#batch.rows;
    this.sessionsDropped += this.#batch.sessionEvents;
    this.#batch.clear();
  }

  #send(): void {
    const { worker, incarnation } = this.#options;
    const rows = this.#batch.rows;
    const sequence = ++this.#sequence;
    const before = this.produced - rows;
    const buffer = this.#batch.finish({ worker, incarnation, origin: this.#origin, sequence, before });
    this.#inFlight += rows;
    this.#inFlightBytes += buffer.length;
    if (this.#welcomed) this.#hand(sequence, rows, buffer);
    else this.#held.push({ sequence, rows, buffer });
  }

  #hand(sequence: number, rows: number, buffer: Buffer): void {
    this.#unacked.push({ sequence, rows, bytes: buffer.length });
    this.#channel?.send(Frame.batch, buffer);
  }

  /** One part a turn of the loop, so that ten thousand rows never hold up the traffic. */
  #pumpRows(): void {
    if (this.#pump !== null || !this.#ready) return;
    const part = this.#options.rows.changes();
    if (part === null) {
      for (const id of this.#flushes.splice(0)) this.#reply(id, '{"answer":null}');
      this.#mayEnd();
      return;
    }
    this.#channel?.send(Frame.rows, part);
    this.#pump = this.#options.clock.after(0, () => {
      this.#pump = null;
      this.#pumpRows();
    });
  }

  #mayEnd(): void {
    const closing = this.#closing;
    if (closing === null || closing.said || this.#pump !== null || this.#inFlight > 0 || !this.#ready) return;
    if (!this.#batch.empty) {
      this.flush();
      return;
    }
    closing.said = true;
    this.#channel?.send(Frame.ledger, jsonFrame(this.ledger));
    this.#channel?.send(Frame.bye, new Uint8Array(0));
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of [this.#timer, this.#redial, this.#pump]) timer?.cancel();
    this.#channel?.end();
    this.#closing?.limit.cancel();
    this.#closing?.done();
  }
}
