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

/** A network of simulated wires. dial() is a client's way in; connect() is the proxy's way to a server(). */
export class SimulatedNetwork implements Network {
  readonly clock: SimulatedClock;
  readonly #options: WireOptions;
  readonly #servers = new Map<string, (transport: Transport) => void>();
  #nextPort = 40_000;
  /** Transports not yet closed: a test's leak check. */
  open = 0;

  constructor(clock: SimulatedClock, options: WireOptions) {
    this.clock = clock;
    this.#options = options;
  }

  listen(at: Address, onConnection: (transport: Transport) => void): Promise<Acceptor> {
    if (this.#servers.has(at.text)) return Promise.reject(Object.assign(new Error('in use'), { code: 'EADDRINUSE' }));
    this.#servers.set(at.text, onConnection);
    return Promise.resolve({ address: at, close: async () => void this.#servers.delete(at.text) });
  }

  connect(to: Address, events: TransportEvents): Transport {
    const local = ipAddress('127.0.0.1', this.#nextPort++);
    const here = new SimulatedTransport(this, this.#options, local, to, events);
    this.clock.after(this.#delay(), () => {
      if (here.closed) return;
      const accept = this.#servers.get(to.text);
      if (accept === undefined) {
        here.fail('ECONNREFUSED');
        return;
      }
      const there = new SimulatedTransport(this, this.#options, to, local, IDLE);
      here.join(there);
      there.join(here);
      accept(there);
      here.events.onConnect?.();
    });
    return here;
  }

  #delay(): number {
    return this.#options.delay?.() ?? this.#options.random();
  }
}

const nothing = () => {};
const IDLE: TransportEvents = { onData: nothing, onEnd: nothing, onDrain: nothing, onClose: nothing };
const LENT = Buffer.alloc(64 * 1024);

/** One end of a simulated wire. Reads land in one shared buffer that is overwritten after each call, as in reality. */
class SimulatedTransport implements Transport {
  events: TransportEvents;
  readonly remote: Address;
  readonly local: Address;
  closed = false;
  readonly #network: SimulatedNetwork;
  readonly #options: WireOptions;
  #peer: SimulatedTransport | null = null;
  /** Bytes on their way to the peer. */
  #queue: Buffer[] = [];
  #queued = 0;
  #finQueued = false;
  #finSent = false;
  #finSeen = false;
  #delivering = false;
  #disabled = 0;
  #high = 1 << 20;
  #above = false;
  #flushWanted = false;
  #discarding = false;

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

  get pending(): number {
    return Math.max(0, this.#queued - (this.#options.kernelBytes ?? 64 * 1024));
  }

  write(bytes: Uint8Array): number {
    if (this.closed || this.#finQueued) return 0;
    if (bytes.length > 0) {
      this.#queue.push(Buffer.from(bytes)); // what the caller overwrites later must not show: a real kernel may not have it yet
      this.#queued += bytes.length;
    }
    if (this.pending > this.#high) this.#above = true;
    this.deliver();
    return this.pending;
  }

  end(): void {
    this.#finQueued = true;
    this.deliver();
  }

  readDisable(disable: boolean): void {
    this.#disabled += disable ? 1 : -1;
    if (this.#disabled === 0) this.#peer?.deliver();
  }

  setWatermark(high: number): void {
    this.#high = high;
  }

  notifyFlushed(): void {
    this.#flushWanted = true;
    this.deliver();
  }

  closeAfterFlush(): void {
    this.#discarding = true;
    this.#disabled = 0;
    this.end();
    this.#peer?.deliver();
    this.#network.clock.after(1000, () => this.destroy());
  }

  destroy(reset = false): void {
    if (this.closed) return;
    this.#queue = [];
    this.#queued = 0;
    const peer = this.#peer;
    // Unread bytes of ours, or bytes still on their way to us, make the peer see a reset, as on a real socket.
    this.#network.clock.after(0, () => peer?.gone(reset || !this.#finSent ? 'reset' : 'fin'));
    this.#close(reset ? 'reset' : 'fin', '');
  }

  fail(code: string): void {
    this.#close('error', code);
  }

  gone(how: CloseHow): void {
    if (how === 'reset') this.#close('reset', 'ECONNRESET');
  }

  #close(how: CloseHow, code: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#network.open--;
    this.#network.clock.after(0, () => this.events.onClose(how, code));
  }

  /** Plans the next piece for the peer, one at a time, in order. */
  deliver(): void {
    if (this.#delivering || this.#peer === null || this.closed) return;
    const nothingToDo = this.#queued === 0 && !(this.#finQueued && !this.#finSent);
    if (nothingToDo) this.#afterTaking();
    if (nothingToDo || this.#peer.#disabled > 0) return;
    this.#delivering = true;
    this.#network.clock.after(this.#options.delay?.() ?? this.#options.random(), () => {
      this.#delivering = false;
      if (this.closed || this.#peer === null || this.#peer.#disabled > 0) return;
      if (this.#queued > 0) this.#piece();
      else if (this.#finQueued && !this.#finSent) this.#fin();
      this.#afterTaking();
      this.deliver();
    });
  }

  #piece(): void {
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
    const peer = this.#peer!;
    if (!peer.closed && !peer.#discarding) peer.events.onData(LENT, 0, size, false);
    LENT.fill(0xee, 0, size); // lent means lent
  }

  #fin(): void {
    this.#finSent = true;
    const peer = this.#peer!;
    peer.#finSeen = true;
    if (peer.#discarding) peer.#close('fin', '');
    else if (!peer.closed) peer.events.onEnd();
    for (const end of [this, peer]) if (end.#finSent && end.#finSeen) end.#close('fin', '');
  }

  #afterTaking(): void {
    if (this.#above && this.pending <= this.#high / 2) {
      this.#above = false;
      this.events.onDrain();
    }
    if (this.#flushWanted && this.pending === 0) {
      this.#flushWanted = false;
      this.events.onFlushed?.();
    }
  }
}
