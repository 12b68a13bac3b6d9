import type { Exchange, ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import type { Fault } from '../exchange/fault.ts';
import type { BoundFilter, Gear, Session, SessionHost, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { ConfirmedFacts, SessionFacts } from '../exchange/session-facts.ts';
import { otherSide, Side } from '../exchange/side.ts';
import {
  type ConnectionEvent,
  type Drainable,
  type FilterBuilder,
  type FilterCallbacks,
  FilterStatus,
  type NetworkFilter,
} from './filter.ts';
import { HeldBytes } from './held-bytes.ts';
import type { Clock } from './transport.ts';

/** Which upstream host issued a cancellation key; shared by all workers. */
export interface IssuedKeys {
  learn(key: string, upstream: string): void;
  forget(key: string): void;
  lookup(key: string): string | undefined;
}

export interface ProtocolLinkEnv {
  readonly clock: Clock;
  readonly observer: ExchangeObserver;
  readonly pool: ExchangePool;
  readonly keys: IssuedKeys;
  /** Counts a connection that went opaque. */
  onOpaque(facts: SessionFacts, reason: Fault): void;
  /** Unpaired traffic: counted by kind. */
  onAside(facts: SessionFacts, side: Side, kind: string, bytes: number): void;
  /** A throw in a session: counted and logged once. */
  onBug(facts: SessionFacts, error: unknown): void;
}

/** A chain link that runs a protocol filter's session on the connection's bytes. */
export const protocolLink =
  (name: string, speaksFirst: 'client' | 'server', bound: BoundFilter, env: ProtocolLinkEnv): FilterBuilder =>
  (callbacks) =>
    new ProtocolLink(name, speaksFirst, bound, env, callbacks);

/**
 * The host of one session: it lends bytes, holds what must not leave yet, asks the chain's links for verdicts and puts
 * everything back in order.
 *
 * tap: the chunk goes to the next link by reference first and is read after; nothing is held.
 * gate: the chunk is kept, the session reads it, and what it cleared leaves as one write.
 */
class ProtocolLink implements NetworkFilter, SessionHost, Drainable {
  readonly name: string;
  readonly facts: SessionFacts;
  exchanges = 0;
  readonly #env: ProtocolLinkEnv;
  readonly #callbacks: FilterCallbacks;
  readonly #bound: BoundFilter;
  /** Opened in onNewConnection, when the chain's links are known. */
  #session!: Session;
  readonly #gears: [Gear, Gear];
  readonly #held: [HeldBytes | null, HeldBytes | null] = [null, null];
  /** FIN seen while bytes of that side are held. */
  readonly #finWaits: [boolean, boolean] = [false, false];
  readonly #ended: [boolean, boolean] = [false, false];
  readonly #resumes: [boolean, boolean] = [false, false];
  readonly #paused: [boolean, boolean] = [false, false];
  readonly #learned: string[] = [];
  #judges: readonly NetworkFilter[] | null = null;
  #enforces = false;
  #reading = false;
  #opaque = false;
  #over = false;
  #now = 0;
  #drainWanted = false;

  constructor(
    name: string,
    speaksFirst: 'client' | 'server',
    bound: BoundFilter,
    env: ProtocolLinkEnv,
    callbacks: FilterCallbacks,
  ) {
    this.name = name;
    this.#env = env;
    this.#callbacks = callbacks;
    this.facts = callbacks.connection.facts;
    this.#gears = ['tap', 'tap'];
    callbacks.connection.drainable = this;
    callbacks.connection.dialOnDemand = speaksFirst === 'client';
    this.#now = env.clock.now();
    this.#bound = bound;
  }

  // ---- chain link

  onNewConnection(): FilterStatus {
    if (this.enforces) this.setGear(Side.downstream, 'gate');
    this.#session = this.#bound.open(this);
    this.#env.observer.sessionStart(this.facts);
    return FilterStatus.Continue;
  }

  onData(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus {
    this.#take(Side.downstream, buf, start, end, given, endStream);
    return FilterStatus.Consumed;
  }

  onWrite(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus {
    this.#take(Side.upstream, buf, start, end, given, endStream);
    return FilterStatus.Consumed;
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected' || this.#over) return;
    this.#now = this.#env.clock.now();
    const how =
      event === 'remote_reset' ? 'reset' : event === 'remote_close' ? 'fin' : this.#drainWanted ? 'drain' : 'error';
    for (const side of BOTH) this.#end(side, how);
    this.#over = true;
    for (const key of this.#learned) this.#env.keys.forget(key);
    this.#env.observer.sessionEnd(this.facts, this.#callbacks.connection.info.closeReason);
  }

  // ---- bytes

  #take(side: Side, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    const at = this.facts.received[side];
    this.facts.received[side] = at + (end - start);
    if (this.#opaque || this.#over) {
      this.#forward(side, buf, start, end, given, endStream);
      return;
    }
    this.#now = this.#env.clock.now();
    if (this.#gears[side] === 'tap' && this.#held[side] === null) {
      if (end > start) {
        this.#forward(side, buf, start, end, given, false);
        this.#read(side, buf, start, end, at);
        this.#settle();
      }
    } else if (end > start) {
      this.#hold(side, at).append(buf, start, end);
      this.#offer(side);
    }
    if (endStream) this.#fin(side);
    if (this.#drainWanted) this.tryLeave();
  }

  #forward(side: Side, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    if (side === Side.downstream) this.#callbacks.injectRead(buf, start, end, given, endStream);
    else this.#callbacks.injectWrite(buf, start, end, given, endStream);
  }

  #hold(side: Side, at: number): HeldBytes {
    const known = this.#held[side];
    if (known) return known;
    const held = new HeldBytes();
    held.beginAt(at);
    this.#held[side] = held;
    return held;
  }

  /** Lets the session read what is held, then lets go what it cleared. */
  #offer(side: Side): void {
    const held = this.#held[side];
    if (held === null || this.#over) return;
    const upTo = held.cleared + held.length;
    if (held.read < upTo) held.read = this.#read(side, held.buffer, held.indexOf(held.read), held.end, held.read);
    this.#settle();
  }

  /** Runs the session. A throw in it is our bug: an observed connection goes on unread, an enforced one closes. */
  #read(side: Side, buf: Buffer, start: number, end: number, at: number): number {
    this.#reading = true;
    try {
      return side === Side.downstream
        ? this.#session.onDownstream(buf, start, end, at)
        : this.#session.onUpstream(buf, start, end, at);
    } catch (error) {
      this.#env.onBug(this.facts, error);
      this.opaque('internal');
      return at + (end - start);
    } finally {
      this.#reading = false;
    }
  }

  /** After the session has run: writes what may leave, handles a change of gear, holds' limits, and asked-for resumes. */
  #settle(): void {
    for (const side of BOTH) this.#release(side);
    for (const side of BOTH) {
      if (!this.#resumes[side] || this.#reading) continue;
      this.#resumes[side] = false;
      this.#offer(side);
      if (this.#finWaits[side]) this.#fin(side);
    }
  }

  #release(side: Side): void {
    const held = this.#held[side];
    if (held === null) return;
    if (this.#opaque && !this.#over) held.clear(held.cleared + held.length);
    else if (this.#gears[side] === 'tap') held.clear(held.read); // on the way back from the gate: what was read may go
    const out = held.take();
    if (out !== null) this.#forward(side, out, 0, out.length, true, false);
    const unread = held.cleared + held.length - held.read;
    if (this.#gears[side] === 'tap' && held.length === 0) this.#held[side] = null;
    // Only what the session declines to read counts against the limit: an unfinished message must be let in to be judged.
    const over = unread > this.#callbacks.connection.bufferLimitBytes;
    if (over !== this.#paused[side]) {
      this.#paused[side] = over;
      if (side === Side.downstream) this.#callbacks.connection.readDisable(over);
      else this.#callbacks.connection.readDisableUpstream?.(over);
    }
  }

  #fin(side: Side): void {
    const held = this.#held[side];
    if (held !== null && !this.#opaque && held.read < held.cleared + held.length) {
      this.#finWaits[side] = true; // what is held may still be allowed; FIN comes after it
      return;
    }
    this.#finWaits[side] = false;
    this.#end(side, 'fin');
    this.#settle();
    this.#forward(side, NOTHING, 0, 0, true, true);
  }

  #end(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    if (this.#ended[side] || this.#opaque) return;
    this.#ended[side] = true;
    this.#session.onEnd(side, how);
  }

  // ---- SessionHost

  get judges(): boolean {
    return this.#judging().length > 0;
  }

  get enforces(): boolean {
    this.#judging();
    return this.#enforces;
  }

  gear(side: Side): Gear {
    return this.#gears[side];
  }

  setGear(side: Side, gear: Gear): void {
    this.#gears[side] = gear;
    // In the tap gear everything received has left: the gate begins there. Back in tap, the hold goes when it is empty.
    if (gear === 'gate') this.#hold(side, this.facts.received[side]);
  }

  ask(turn: Turn): Verdict {
    for (const link of this.#judging()) {
      const verdict = link.onTurn!(turn, this.facts);
      if (verdict === 'later') return 'later';
      if (verdict === 'deny') {
        this.#refuse(turn, link);
        return 'deny';
      }
    }
    return 'allow';
  }

  clear(side: Side, upTo: number): void {
    this.#held[side]?.clear(upTo);
  }

  replace(side: Side, from: number, to: number, bytes: Uint8Array | null): void {
    const held = this.#held[side];
    if (held === null) throw new Error('replace() outside the gate gear');
    held.replace(from, to, bytes);
  }

  send(to: Side, bytes: Uint8Array): void {
    const source = otherSide(to);
    const held = this.#held[source];
    if (held !== null) {
      held.insert(bytes);
      if (!this.#reading) this.#settle();
      return;
    }
    const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#forward(source, buf, 0, buf.length, true, false);
  }

  take(): Exchange {
    const x = this.#env.pool.take();
    x.session = this.facts;
    x.seq = ++this.exchanges;
    x.requestFirstByteAt = x.requestLastByteAt = this.#now;
    return x;
  }

  drop(x: Exchange): void {
    this.#env.pool.give(x);
  }

  begin(x: Exchange): void {
    if (x.forwardedAt === 0 && this.#gears[Side.downstream] === 'tap') x.forwardedAt = this.#now;
    this.#env.observer.begin(x);
  }

  progress(x: Exchange): void {
    this.#env.observer.progress(x);
  }

  end(x: Exchange): void {
    const { connection } = this.#callbacks;
    if (connection.pendingWrite === 0) {
      x.acceptedAt = x.replyLastByteAt;
      this.#finish(x);
      return;
    }
    // The client has not taken the reply yet: the exchange is told when it has.
    connection.whenFlushed(() => {
      x.acceptedAt = this.#env.clock.now();
      this.#finish(x);
    });
  }

  #finish(x: Exchange): void {
    this.#env.observer.end(x);
    this.#env.pool.give(x);
  }

  aside(side: Side, kind: string, bytes: number): void {
    this.#env.onAside(this.facts, side, kind, bytes);
  }

  confirm(change: ConfirmedFacts): void {
    Object.assign(this.facts, change);
    this.facts.scope = -1;
  }

  learn(key: Uint8Array): void {
    const hex = Buffer.from(key).toString('hex');
    this.#learned.push(hex);
    this.#env.keys.learn(hex, this.facts.upstreamAddress);
  }

  connect(issued?: Uint8Array): boolean {
    const upstream = issued && this.#env.keys.lookup(Buffer.from(issued).toString('hex'));
    this.#callbacks.connection.dial?.(upstream);
    return upstream !== undefined;
  }

  resume(side: Side): void {
    this.#resumes[side] = true;
    if (this.#reading) return;
    this.#now = this.#env.clock.now();
    this.#settle();
  }

  opaque(reason: Fault): void {
    if (this.#opaque || this.#over) return;
    this.#env.onOpaque(this.facts, reason);
    this.facts.opaque = reason;
    if (this.enforces) {
      this.close(`opaque:${reason}`);
      return;
    }
    this.#opaque = true;
    this.#callbacks.connection.dial?.(); // a session that waited for a readable first message will never ask
    if (!this.#reading) this.#settle();
  }

  close(reason: string): void {
    if (this.#over) return;
    for (const side of BOTH) {
      const held = this.#held[side];
      const out = held?.take();
      if (out) this.#forward(side, out, 0, out.length, true, false);
    }
    this.#callbacks.connection.close('flush', reason);
  }

  now(): number {
    return this.#now;
  }

  // ---- draining

  get quiet(): boolean {
    return !this.#opaque && this.#session.quiet && this.#held.every((held) => held === null || held.length === 0);
  }

  tryLeave(): void {
    this.#drainWanted = true;
    if (this.#over || this.#reading || !this.quiet) return;
    const last = this.#session.farewell();
    if (last) this.#callbacks.injectWrite(Buffer.from(last), 0, last.length, true, false);
    this.#callbacks.connection.close('flush', 'drain');
  }

  // ---- verdicts

  #judging(): readonly NetworkFilter[] {
    if (this.#judges === null) {
      this.#judges = this.#callbacks.connection.chain.filters.filter((link) => link.onTurn !== undefined);
      this.#enforces = this.#judges.some((link) => link.enforces === true);
    }
    return this.#judges;
  }

  #refuse(turn: Turn, link: NetworkFilter): void {
    const denial = link.denial ?? { policy: link.name, message: 'denied by policy' };
    const refusal = this.#session.refuse(turn, denial);
    switch (refusal.kind) {
      case 'standIn':
        this.replace(Side.downstream, turn.from, turn.to, refusal.bytes);
        break;
      case 'answer':
        this.replace(Side.downstream, turn.from, turn.to, null);
        this.send(Side.downstream, refusal.bytes);
        break;
      case 'close':
        if (refusal.last) this.send(Side.downstream, refusal.last);
        this.close(`denied:${denial.policy}`);
        break;
    }
  }
}

const BOTH = [Side.downstream, Side.upstream] as const;
const NOTHING = Buffer.alloc(0);
