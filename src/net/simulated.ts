import { ipAddress } from './address.ts';
import type { Acceptor, Address, Clock, CloseHow, Network, Timer, Transport, TransportEvents } from './transport.ts';

/** Deterministic randomness: mulberry32. 0 ≤ x < 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Virtual time: nothing happens but by run(). Events at one time run in the order they were planned. */
export class SimulatedClock implements Clock {
  #now = 1;
  #order = 0;
  readonly #planned: { at: number; order: number; call: () => void; cancelled: boolean }[] = [];

  now = (): number => this.#now;
  wall = (): number => 1_700_000_000_000 + this.#now;

  after(delayMs: number, call: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, call, cancelled: false };
    let index = this.#planned.length;
    while (index > 0 && after(this.#planned[index - 1]!, entry)) index--;
    this.#planned.splice(index, 0, entry);
    return { cancel: () => (entry.cancelled = true) };
  }

  /** Runs what is planned until nothing is left, or until `untilMs` of virtual time. Returns the number of events. */
  run(untilMs = Number.POSITIVE_INFINITY, maxEvents = 1_000_000): number {
    let count = 0;
    while (this.#planned.length > 0 && this.#planned[0]!.at <= untilMs) {
      const entry = this.#planned.shift()!;
      if (entry.cancelled) continue;
      if (++count > maxEvents) throw new Error('simulation does not come to rest');
      this.#now = Math.max(this.#now, entry.at);
      entry.call();
    }
    if (untilMs !== Number.POSITIVE_INFINITY) this.#now = Math.max(this.#now, untilMs);
    return count;
  }
}

const after = (a: { at: number; order: number }, b: { at: number; order: number }) =>
  a.at > b.at || (a.at === b.at && a.order > b.order);

/** How the simulated wire misbehaves. Every choice comes from `random`, so a seed is a whole run. */
export interface WireOptions {
  readonly random: () => number;
  /** Sizes of the pieces in which bytes arrive; default: random between 1 byte and 16 KiB. */
  readonly segment?: (available: number) => number;
  /** Delay of a piece in ms; default: random up to 1. */
  readonly delay?: () => number;
  /** Bytes that the simulated kernel takes before write() leaves some pending. */
  readonly kernelBytes?: number;
}

/** A network of simulated wires. connect() is a client's way to the proxy and the proxy's way to a server that listens. */
export class SimulatedNetwork implements Network {
  readonly clock: SimulatedClock;
  readonly #options: WireOptions;
  readonly #servers = new Map<string, (transport: Transport) => void>();
  readonly #silent = new Set<string>();
  #nextPort = 40_000;
  /** Transports not yet closed: a test's leak check. */
  open = 0;
  /** The most that any transport had pending: a test's memory bound. */
  peakPending = 0;

  constructor(clock: SimulatedClock, options: WireOptions) {
    this.clock = clock;
    this.#options = options;
  }

  listen(at: Address, onConnection: (transport: Transport) => void): Promise<Acceptor> {
    if (this.#servers.has(at.text)) return Promise.reject(Object.assign(new Error('in use'), { code: 'EADDRINUSE' }));
    this.#servers.set(at.text, onConnection);
    return Promise.resolve({ address: at, close: async () => void this.#servers.delete(at.text) });
  }

  /** From now on, who dials this address gets no answer at all (or: gets one again). */
  silence(address: Address, silent = true): void {
    if (silent) this.#silent.add(address.text);
    else this.#silent.delete(address.text);
  }

  connect(to: Address, events: TransportEvents): Transport {
    const local = ipAddress('127.0.0.1', this.#nextPort++);
    const here = new SimulatedTransport(this, this.#options, local, to, events);
    this.clock.after(this.delay(), () => {
      if (here.closed || this.#silent.has(to.text)) return;
      const accept = this.#servers.get(to.text);
      if (accept === undefined) {
        here.fail('ECONNREFUSED');
        return;
      }
      const there = new SimulatedTransport(this, this.#options, to, local, IDLE);
      here.join(there);
      there.join(here);
      accept(there);
      if (!here.closed) here.events.onConnect?.();
    });
    return here;
  }

  delay(): number {
    return this.#options.delay?.() ?? this.#options.random();
  }
}

const nothing = () => {};
const IDLE: TransportEvents = { onData: nothing, onEnd: nothing, onDrain: nothing, onClose: nothing };
const LENT = Buffer.alloc(64 * 1024);
/** As in socket-transport.ts. */
const LINGER_MS = 1000;
const FLUSH_STALL_MS = 10_000;

/**
 * One end of a simulated wire. Reads land in one shared buffer that is overwritten after each call, as in reality. A
 * closed end still delivers what its kernel had taken, then FIN; bytes that reach a closed end come back as RST. Before a
 * RST some part of what the kernel had taken arrives: it can be read, also by an end whose write has failed in between.
 */
class SimulatedTransport implements Transport {
  events: TransportEvents;
  readonly remote: Address;
  readonly local: Address;
  closed = false;
  readonly #network: SimulatedNetwork;
  readonly #options: WireOptions;
  #peer: SimulatedTransport | null = null;
  /** Bytes on their way to the peer: what the kernel has, then what is pending. */
  #queue: Buffer[] = [];
  #queued = 0;
  #finQueued = false;
  #finSent = false;
  #finSeen = false;
  #delivering = false;
  #disabled = 0;
  /** RST has come, and is seen when all that came before it was read, or something is written. */
  #resetWaits = false;
  /** A write met the RST: nothing is written any more, and reading goes on to its end. */
  #failed = false;
  #resetWanted = false;
  #high = 1 << 20;
  #above = false;
  #flushWanted = false;
  #discarding = false;
  #limit: Timer | null = null;

  constructor(
    network: SimulatedNetwork,
    options: WireOptions,
    local: Address,
    remote: Address,
    events: TransportEvents,
  ) {
    this.#network = network;
    this.#options = options;
    this.local = local;
    this.remote = remote;
    this.events = events;
    network.open++;
  }

  join(peer: SimulatedTransport): void {
    this.#peer = peer;
    this.deliver();
  }

  get #kernelBytes(): number {
    return this.#options.kernelBytes ?? 64 * 1024;
  }

  get pending(): number {
    return this.closed ? 0 : Math.max(0, this.#queued - this.#kernelBytes);
  }

  write(bytes: Uint8Array): number {
    if (this.closed || this.#finQueued || this.#failed) return 0;
    if (this.#resetWaits) {
      this.#soon(() => this.#writeFailed());
      return 0;
    }
    if (bytes.length > 0) {
      this.#queue.push(Buffer.from(bytes)); // what the caller overwrites later must not show: a real kernel may not have it yet
      this.#queued += bytes.length;
    }
    const { pending } = this;
    if (pending > this.#high) this.#above = true;
    if (pending > this.#network.peakPending) this.#network.peakPending = pending;
    this.deliver();
    return pending;
  }

  end(): void {
    this.#finQueued = true;
    this.deliver();
  }

  readDisable(disable: boolean): void {
    if (this.closed || this.#discarding) return;
    this.#disabled += disable ? 1 : -1;
    if (this.#disabled > 0) return;
    if (this.#resetWaits) this.#soon(() => this.#meetReset());
    this.#peer?.deliver();
  }

  setWatermark(high: number): void {
    this.#high = high;
  }

  notifyFlushed(): void {
    this.#flushWanted = true;
    this.#soon(() => this.#afterTaking());
  }

  closeAfterFlush(): void {
    if (this.closed || this.#discarding) return;
    if (this.#resetWaits) {
      this.destroy();
      return;
    }
    this.#discarding = true;
    this.#disabled = 0;
    this.#watch();
    this.end();
  }

  resetAfterFlush(): void {
    if (this.closed || this.#discarding || this.pending === 0) {
      this.destroy(true);
      return;
    }
    this.#discarding = true;
    this.#resetWanted = true;
    this.#watch();
  }

  destroy(reset = false): void {
    if (this.closed) return;
    const peer = this.#peer;
    // Bytes of the peer that we have not read make it see a reset, as on a real socket.
    if (reset || (peer !== null && peer.#queued > 0)) {
      this.#keep(Math.floor(this.#options.random() * (Math.min(this.#queued, this.#kernelBytes) + 1)));
      this.#finQueued = false;
      if (peer) this.#network.clock.after(this.#network.delay(), () => peer.#seeReset());
    } else {
      this.#keep(this.#kernelBytes);
      this.#finQueued = true;
    }
    this.#close(reset ? 'reset' : 'fin', '');
    this.deliver();
  }

  fail(code: string): void {
    this.#close('error', code);
  }

  #seeReset(): void {
    this.#forget();
    if (this.closed) return;
    this.#resetWaits = true;
    this.#meetReset();
  }

  #meetReset(): void {
    if (this.closed || (this.#disabled > 0 && !this.#discarding)) return;
    if (this.#peer!.#queued > 0 && !this.#discarding) this.#peer!.deliver();
    else this.#close('reset', this.#failed ? 'EPIPE' : 'ECONNRESET');
  }

  #writeFailed(): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#watch();
    this.#afterTaking();
    this.#meetReset();
  }

  #close(how: CloseHow, code: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#limit?.cancel();
    this.#network.open--;
    this.#network.clock.after(0, () => this.events.onClose(how, code));
  }

  /** While flushing: a peer that takes nothing is cut. After a failed write: so is one whose last bytes nobody takes. */
  #watch(): void {
    const left = () => (this.#failed ? this.#peer!.#queued : this.#queued);
    const before = left();
    this.#limit = this.#network.clock.after(FLUSH_STALL_MS, () => {
      if (left() !== before) this.#watch();
      else if (this.#failed) this.#close('reset', 'EPIPE');
      else this.destroy(this.#resetWanted);
    });
  }

  #soon(call: () => void): void {
    this.#network.clock.after(0, () => {
      if (!this.closed) call();
    });
  }

  #forget(): void {
    this.#queue = [];
    this.#queued = 0;
    this.#finQueued = false;
  }

  #keep(bytes: number): void {
    while (this.#queued > bytes) {
      const last = this.#queue.pop()!;
      this.#queued -= last.length;
      const over = bytes - this.#queued;
      if (over <= 0) continue;
      this.#queue.push(last.subarray(0, over));
      this.#queued += over;
    }
  }

  /** Plans the next piece for the peer, one at a time, in order. */
  deliver(): void {
    const peer = this.#peer;
    if (this.#delivering || peer === null || !this.#hasSomething || !peer.#takes) return;
    this.#delivering = true;
    this.#network.clock.after(this.#network.delay(), () => {
      this.#delivering = false;
      if (!this.#hasSomething || !peer.#takes) return;
      if (this.#queued > 0) this.#piece(peer);
      else if (peer.#resetWaits) this.#finQueued = false;
      else this.#fin(peer);
      if (peer.#resetWaits) peer.#meetReset();
      this.#afterTaking();
      this.deliver();
    });
  }

  get #hasSomething(): boolean {
    return this.#queued > 0 || (this.#finQueued && !this.#finSent);
  }

  /** Does the peer's side take bytes now? One that flushes before it closes reads only after its FIN. */
  get #takes(): boolean {
    return this.closed || (this.#disabled === 0 && (!this.#discarding || this.#finSent));
  }

  #piece(peer: SimulatedTransport): void {
    const { random, segment } = this.#options;
    const most = Math.min(this.#queued, LENT.length);
    const size = Math.max(1, Math.min(most, segment ? segment(most) : Math.ceil(random() * Math.min(most, 16 * 1024))));
    let filled = 0;
    while (filled < size) {
      const head = this.#queue[0]!;
      const taken = head.copy(LENT, filled, 0, Math.min(head.length, size - filled));
      filled += taken;
      if (taken === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(taken);
    }
    this.#queued -= size;
    if (peer.closed) this.#seeReset();
    else if (!peer.#discarding) peer.events.onData(LENT, 0, size, false);
    LENT.fill(0xee, 0, size); // lent means lent
  }

  #fin(peer: SimulatedTransport): void {
    this.#finSent = true;
    peer.#finSeen = true;
    if (!peer.closed && !peer.#discarding) peer.events.onEnd();
    for (const end of [this, peer]) if (end.#finSent && end.#finSeen) end.#close('fin', '');
    if (!this.#discarding || this.closed) return;
    this.#limit?.cancel();
    this.#limit = this.#network.clock.after(LINGER_MS, () => this.destroy());
    peer.deliver();
  }

  #afterTaking(): void {
    if (this.closed) return;
    if (this.#above && this.pending <= this.#high / 2) {
      this.#above = false;
      this.events.onDrain();
    }
    if (this.#flushWanted && this.pending === 0) {
      this.#flushWanted = false;
      this.events.onFlushed?.();
    }
    if (!this.#resetWanted || this.pending > 0) return;
    this.#resetWanted = false;
    this.#limit?.cancel();
    this.#limit = this.#network.clock.after(LINGER_MS, () => this.destroy(true));
  }
}
