import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { MergedKeys } from '../digest/keys/merged-keys.ts';
import type { MergedLag } from '../digest/lag/merged-lag.ts';
import type { MergedRows } from '../digest/rows/merged-rows.ts';
import type { MergedOperations } from '../digest/rows/merged-rows-operations.ts';
import type { Clock } from '../net/transport.ts';
import { type Channel, type ChannelEvents, type Dial, Frame, type Hello, jsonFrame, readJson } from './channel.ts';
import { EventBatch } from './event-batch.ts';
import { FLUSH } from './link.ts';
import { localChannel } from './local-channel.ts';
import { Questions } from './questions.ts';
import { shareOf } from './shares.ts';
import { SocketChannel } from './socket-channel.ts';
import { type Balance, WorkerLife } from './worker-life.ts';

/** Who receives what workers tell. Called on facts' loop; a throw is counted and costs only that one call. */
export interface ReceiverEvents {
  onStats?(worker: number, incarnation: number, payload: Buffer): void;
  /** Once a batch, in each worker's order. The batch is the receiver's to keep. */
  onBatch?(batch: EventBatch): void;
  onWorker?(worker: number, incarnation: number, pid: number): void;
  /** That life of the worker is over, and all that came of it has been told. */
  onGone?(worker: number, incarnation: number): void;
}

const SLOW_MS = 20;

export interface ReceiverOptions extends ReceiverEvents {
  readonly clock: Clock;
  readonly rows: MergedRows;
  readonly operations: MergedOperations;
  readonly keys?: MergedKeys;
  readonly lag?: MergedLag;
  /** Exchanges a second that all workers together may hand on one by one; 0 = as many as come. */
  maxPerSecond?(): number;
  /** A frame that held up the loop for SLOW_MS or longer; `beganAt` by the clock. */
  slow?(frame: { readonly worker: number; readonly kind: number; readonly bytes: number }, beganAt: number): void;
}

export interface Answer {
  readonly worker: number;
  readonly answer: unknown;
}

/**
 * The facts end: takes what workers tell, says what became of their batches, asks them questions. A worker's life is its
 * (worker, incarnation); it ends by its own goodbye, or by gone() once its channel is closed, so what a dead worker had
 * still sent is read to the end first.
 */
export class Receiver {
  /** Frames that could not be read; their channel is closed. */
  malformed = 0;
  /** Throws of those who receive. */
  failures = 0;
  batches = 0;
  readonly #options: ReceiverOptions;
  readonly #lives = new Map<string, WorkerLife>();
  readonly #channels = new Set<Channel>();
  readonly #questions: Questions;
  readonly #ended: Balance = {
    produced: 0,
    waiting: 0,
    delivered: 0,
    dropped: 0,
    workerLost: 0,
    sampledOut: 0,
    sessionsDropped: 0,
  };
  #newest = new Map<number, number>();
  #server: Server | null = null;
  #path = '';

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#questions = new Questions(options.clock);
  }

  /** Listens on a unix socket that only this user may use, in place of one that an earlier process left. */
  listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    const server = createServer((socket) => {
      const events = this.accept();
      events.attach(new SocketChannel(socket, events, () => this.malformed++));
    });
    this.#server = server;
    this.#path = path;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        server.on('error', () => {}); // an accept that failed: the worker tries again
        chmodSync(path, 0o600);
        resolve();
      });
    });
  }

  /** For workers within this process. */
  readonly dial: Dial = (near) => {
    const far = this.accept();
    const [nearEnd, farEnd] = localChannel(near, far);
    far.attach(farEnd);
    return nearEnd;
  };

  /** The primary says that this life of the worker is over. */
  gone(worker: number, incarnation: number): void {
    const life = this.#lives.get(key(worker, incarnation));
    if (life === undefined) return;
    life.dead = true;
    if (life.channel === null) this.#finish(life);
  }

  /** Asks one worker; rejects when it is not connected, goes, or does not answer in time, and with its own error. */
  ask(worker: number, question: unknown, timeoutMs: number): Promise<unknown> {
    const life = [...this.#lives.values()].find((l) => l.worker === worker && l.channel !== null && !l.dead);
    if (!life?.channel) return Promise.reject(new Error(`worker ${worker} is not connected`));
    return this.#questions.ask(life.channel, question, timeoutMs);
  }

  /** Asks all connected workers; who does not answer in time is left out. */
  async askAll(question: unknown, timeoutMs: number): Promise<Answer[]> {
    const asked = [...this.#lives.values()].flatMap((life) => {
      if (life.channel === null) return [];
      const answer = this.#questions.ask(life.channel, question, timeoutMs);
      return [answer.then((answer): Answer => ({ worker: life.worker, answer }))];
    });
    const settled = await Promise.allSettled(asked);
    return settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  }

  /** Resolves when all connected workers have told what they know now, or at the limit. */
  async refresh(timeoutMs = 500): Promise<void> {
    await this.askAll(FLUSH, timeoutMs);
  }

  /** What became of all exchanges that workers told of: `produced = waiting + delivered + dropped`, workerLost in dropped. */
  balance(): Balance {
    const sum = { ...this.#ended };
    for (const life of this.#lives.values()) life.addTo(sum);
    return sum;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = server ? new Promise<void>((resolve) => server.close(() => resolve())) : Promise.resolve();
    for (const channel of this.#channels) channel.destroy();
    this.#questions.close();
    await closed;
    if (this.#path !== '') rmSync(this.#path, { force: true });
  }

  accept(): ChannelEvents & { attach(channel: Channel): void } {
    let channel: Channel | null = null;
    let life: WorkerLife | null = null;
    return {
      attach: (opened) => {
        channel = opened;
        this.#channels.add(opened);
      },
      onOpen: () => {},
      onDrain: () => {},
      onFrame: (kind, payload) => {
        if (channel === null) return;
        if (life === null) {
          life = kind === Frame.hello ? this.#hello(channel, readJson(payload)) : null;
          if (life === null) this.#refuse(channel);
        } else {
          const beganAt = this.#options.clock.now();
          if (!this.#frame(life, kind, payload)) this.#refuse(channel);
          if (this.#options.slow !== undefined && this.#options.clock.now() - beganAt >= SLOW_MS)
            this.#options.slow({ worker: life.worker, kind, bytes: payload.length }, beganAt);
        }
      },
      onClose: () => {
        if (channel === null) return;
        this.#channels.delete(channel);
        this.#questions.lost(channel);
        if (life === null || life.channel !== channel) return;
        life.channel = null;
        if (life.dead) this.#finish(life);
      },
    };
  }

  #refuse(channel: Channel): void {
    this.malformed++;
    channel.destroy();
  }

  #hello(channel: Channel, told: unknown): WorkerLife | null {
    const hello = readHello(told);
    if (hello === null || hello.incarnation < (this.#newest.get(hello.worker) ?? 0)) return null;
    this.#newest.set(hello.worker, hello.incarnation);
    for (const other of this.#lives.values()) {
      if (other.worker === hello.worker && other.incarnation < hello.incarnation) {
        this.gone(other.worker, other.incarnation);
      }
    }
    const name = key(hello.worker, hello.incarnation);
    let life = this.#lives.get(name);
    if (life === undefined) {
      life = new WorkerLife(hello);
      this.#lives.set(name, life);
    } else life.told(hello.ledger);
    life.channel?.destroy();
    life.channel = channel;
    channel.send(Frame.welcome, jsonFrame({ lastSequence: life.lastSequence }));
    this.#call(() => this.#options.onWorker?.(hello.worker, hello.incarnation, hello.pid));
    return life;
  }

  /** False: the frame makes no sense. */
  #frame(life: WorkerLife, kind: number, payload: Buffer): boolean {
    const { worker, incarnation } = life;
    switch (kind) {
      case Frame.rows:
        this.#options.rows.apply(worker, incarnation, payload);
        return true;
      case Frame.operations:
        this.#options.operations.apply(worker, incarnation, payload);
        return true;
      case Frame.keys:
        this.#options.keys?.apply(worker, incarnation, payload);
        return true;
      case Frame.lag:
        this.#options.lag?.apply(payload);
        return true;
      case Frame.stats:
        this.#call(() => this.#options.onStats?.(worker, incarnation, payload));
        return true;
      case Frame.batch:
        return this.#batch(life, payload);
      case Frame.ledger:
        if (!life.told(readJson(payload))) return false;
        this.#share(life);
        return true;
      case Frame.reply:
        return this.#questions.answered(life.channel, payload);
      case Frame.bye:
        life.dead = true;
        return true;
      default:
        return false;
    }
  }

  /** Tells a worker its part of what all may hand on, by what each has to say. */
  #share(life: WorkerLife): void {
    if (!life.measure(this.#options.clock.now())) return;
    const total = this.#options.maxPerSecond?.() ?? 0;
    if (total === 0) return;
    const lives = [...this.#lives.values()].filter(({ channel, dead }) => channel !== null && !dead);
    const share = shareOf(
      lives.map(({ rate }) => rate),
      lives.indexOf(life),
      total,
    );
    if (!Number.isFinite(share)) return;
    const payload = Buffer.allocUnsafe(8);
    payload.writeDoubleLE(share, 0);
    life.channel?.send(Frame.share, payload);
  }

  #batch(life: WorkerLife, payload: Buffer): boolean {
    const batch = EventBatch.from(payload);
    if (batch === null || batch.worker !== life.worker || batch.incarnation !== life.incarnation) return false;
    if (life.received(batch)) {
      this.batches++;
      this.#call(() => this.#options.onBatch?.(batch));
    }
    const ack = Buffer.allocUnsafe(8);
    ack.writeDoubleLE(batch.sequence, 0);
    life.channel?.send(Frame.ack, ack);
    return true;
  }

  /** The end of a life: what it had produced and nobody has, or has dropped, is lost. */
  #finish(life: WorkerLife): void {
    this.#lives.delete(key(life.worker, life.incarnation));
    life.addTo(this.#ended, true);
    this.#options.rows.retire(life.worker, life.incarnation);
    this.#options.operations.retire(life.worker, life.incarnation);
    this.#options.keys?.retire(life.worker, life.incarnation);
    this.#call(() => this.#options.onGone?.(life.worker, life.incarnation));
  }

  #call(call: () => void): void {
    try {
      call();
    } catch {
      this.failures++;
    }
  }
}

const key = (worker: number, incarnation: number): string => `${worker}.${incarnation}`;

function readHello(told: unknown): Hello | null {
  const hello = told as Partial<Hello> | null | undefined;
  const { worker, incarnation, pid, ledger } = hello ?? {};
  if (typeof worker !== 'number' || !Number.isInteger(worker) || worker < 0 || worker > 0xffff) return null;
  if (typeof incarnation !== 'number' || !Number.isSafeInteger(incarnation) || incarnation < 0) return null;
  if (typeof pid !== 'number' || typeof ledger !== 'object' || ledger === null) return null;
  return { worker, incarnation, pid, ledger };
}
