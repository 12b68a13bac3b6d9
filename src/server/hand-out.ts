import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** A worker as it gets connections. */
export interface Taker {
  readonly child: ChildProcess;
  /** Connections it had when it last said so. */
  reported: number;
  /** Given to it since. */
  given: number;
  /** Given and not yet said to be taken, oldest first. */
  readonly open: Map<number, Waiting>;
}

interface Waiting {
  readonly at: string;
  readonly socket: Socket;
  readonly since: number;
}

/** What a worker is told with a connection. */
export interface Handed {
  readonly kind: 'connection';
  readonly seq: number;
  /** The address that was connected to, as text. */
  readonly at: string;
}

const SLOW_MS = 50;
/** Connections that may wait for a worker, and for how long. */
const MAX_WAITING = 4096;
const WAIT_LIMIT_MS = 10_000;

/**
 * Gives each new connection to the worker with the fewest, in turn where they are equal. The primary keeps its own
 * descriptor until the worker says that it took the connection; what a worker had not taken when it died goes to another.
 *
 * Why not node:cluster's round robin, which was tried first: it gives a burst to whoever answers fastest (64 connections
 * at once over 4 workers on 2 busy cores: 58, 2, 2, 2); a connection on its way to a worker that is killed is never
 * answered; a worker that runs out of descriptors once is never given another connection; and with its last worker the
 * port closes. See docs/decisions/0005.
 */
export class HandOut {
  /** Closed because nobody could take them. */
  refused = 0;
  readonly #takers = new Set<Taker>();
  #waiting: Waiting[] = [];
  #sweep: NodeJS.Timeout | null = null;
  #seq = 0;
  #turn = 0;
  #closed = false;
  readonly #maxHeld: number;
  readonly #slowMs: number;

  /**
   * `maxHeld`: connections whose descriptor is ours at once, as no worker has said yet that it took them. At its own limit
   * the kernel closes what comes without a word, and nobody could count that. `slowMs`: a worker that has not taken a
   * connection for so long is passed over while others are there.
   */
  constructor(maxHeld = Number.POSITIVE_INFINITY, slowMs = SLOW_MS) {
    this.#maxHeld = maxHeld;
    this.#slowMs = slowMs;
  }

  /** From now on the worker gets connections. */
  add(taker: Taker): void {
    if (this.#takers.has(taker)) return;
    this.#takers.add(taker);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { at, socket } of waiting) this.give(at, socket);
  }

  /** From now on it gets none; what it has is its own. */
  pause(taker: Taker): void {
    this.#takers.delete(taker);
  }

  /** It is dead: what it had not taken goes to others. */
  gone(taker: Taker): void {
    this.#takers.delete(taker);
    const left = [...taker.open.values()];
    taker.open.clear();
    for (const { at, socket } of left) this.give(at, socket);
  }

  give(at: string, socket: Socket): void {
    if (this.#closed || this.#held() >= this.#maxHeld) {
      this.#refuse(socket);
      return;
    }
    const taker = this.#choose();
    if (taker) this.#send(taker, at, socket);
    else this.#wait(at, socket);
  }

  /** The worker took it, or (`active` aside) has no use for it: either way our descriptor is closed. */
  answered(taker: Taker, seq: number): void {
    taker.open.get(seq)?.socket.destroy();
    taker.open.delete(seq);
  }

  /** Its message arrived without the descriptor: the worker has none left. The client is told by a close. */
  lost(taker: Taker): void {
    const oldest = taker.open.entries().next();
    if (oldest.done) return;
    const [seq, { socket }] = oldest.value;
    taker.open.delete(seq);
    this.#refuse(socket);
  }

  /** Nothing is given any more; who waits is refused. */
  close(): void {
    this.#closed = true;
    if (this.#sweep) clearInterval(this.#sweep);
    for (const { socket } of this.#waiting.splice(0)) this.#refuse(socket);
  }

  #held(): number {
    let held = this.#waiting.length;
    for (const { open } of this.#takers) held += open.size;
    return held;
  }

  #choose(): Taker | null {
    const takers = [...this.#takers].filter(({ child }) => child.connected);
    const now = performance.now();
    const prompt = takers.filter(({ open }) => {
      const oldest = open.values().next();
      return oldest.done || now - oldest.value.since < this.#slowMs;
    });
    const among = prompt.length > 0 ? prompt : takers;
    if (among.length === 0) return null;
    const least = Math.min(...among.map(load));
    const equal = among.filter((taker) => load(taker) === least);
    return equal[this.#turn++ % equal.length]!;
  }

  #send(taker: Taker, at: string, socket: Socket): void {
    const seq = ++this.#seq;
    taker.given++;
    taker.open.set(seq, { at, socket, since: performance.now() });
    // Node would keep books of every connection in both processes for the sake of server.close().
    Object.assign(socket, { server: null });
    const handed: Handed = { kind: 'connection', seq, at };
    taker.child.send(handed, socket, { keepOpen: true }, (error) => {
      // Its channel is broken: the worker is about to be reported dead, and this one to be given to another.
      if (error && !taker.child.connected && taker.open.has(seq)) this.gone(taker);
    });
  }

  #wait(at: string, socket: Socket): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#refuse(socket);
      return;
    }
    this.#waiting.push({ at, socket, since: performance.now() });
    this.#sweep ??= setInterval(() => this.#giveUp(), 1000);
  }

  #giveUp(): void {
    const oldest = performance.now() - WAIT_LIMIT_MS;
    while (this.#waiting.length > 0 && this.#waiting[0]!.since < oldest) this.#refuse(this.#waiting.shift()!.socket);
    if (this.#waiting.length > 0 || !this.#sweep) return;
    clearInterval(this.#sweep);
    this.#sweep = null;
  }

  #refuse(socket: Socket): void {
    this.refused++;
    socket.on('error', () => {});
    socket.resetAndDestroy();
  }
}

/**
 * Resolves when a child is dead and all that it had sent was read; only then is it known what it had taken. ('disconnect'
 * is no sign of that: on Node 24 it does not come when the child died with a descriptor on its way.)
 */
export async function whenSilent(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    if (child.pid === undefined) child.once('error', () => resolve()); // it did not even start
  });
  // The channel's end, after its last message, sets `connected`; it has come with one of the next turns of the loop.
  const limit = performance.now() + 100;
  do await new Promise((resolve) => setImmediate(resolve));
  while (child.connected && performance.now() < limit);
}

const load = ({ reported, given }: Taker): number => reported + given;
