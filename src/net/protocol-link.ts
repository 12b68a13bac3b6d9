import type { Exchange, ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import type { Fault } from '../exchange/fault.ts';
import type {
  BoundFilter,
  Denial,
  Door,
  Gear,
  Judgement,
  Session,
  SessionHost,
  Turn,
  Verdict,
} from '../exchange/protocol-filter.ts';
import type { ConfirmedFacts, SessionFacts } from '../exchange/session-facts.ts';
import { otherSide, Side } from '../exchange/side.ts';
import { splitHostPort, unmapped } from './address.ts';
import type { ListenerDoorBook } from './door-book.ts';
import {
  type ConnectionEvent,
  type Drainable,
  type FilterBuilder,
  type FilterCallbacks,
  FilterStatus,
  type NetworkFilter,
} from './filter.ts';
import { HeldBytes } from './held-bytes.ts';
import { LinkExchanges } from './link-exchanges.ts';
import { LinkJudges } from './link-judges.ts';
import type { Clock } from './transport.ts';
import type { VerdictCounter } from './verdict-counter.ts';

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
  /** Of the listener; without, there is no door to be had. */
  readonly doors?: ListenerDoorBook | null;
  /** Counts what policies said of exchanges. */
  readonly verdicts?: VerdictCounter | null;
  /** Counts a connection that went opaque. */
  onOpaque(facts: SessionFacts, reason: Fault): void;
  /** Unpaired traffic: counted by kind. */
  onAside(facts: SessionFacts, side: Side, kind: string, bytes: number): void;
  /** A throw in a session: counted and logged once. */
  onBug(facts: SessionFacts, error: unknown): void;
  /** Dynamic metadata of operations, where an access log asks for a connection's: Envoy's formatters read its last. */
  readonly metadata?: ((ops: readonly Exchange[]) => Readonly<Record<string, unknown>>) | null;
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
 *
 * A session is never entered twice: what it causes while it runs (a close, an end, a resume) reaches it after it returned.
 */
class ProtocolLink implements NetworkFilter, SessionHost, Drainable {
  readonly name: string;
  readonly facts: SessionFacts;
  readonly #env: ProtocolLinkEnv;
  readonly #callbacks: FilterCallbacks;
  readonly #bound: BoundFilter;
  readonly #exchanges: LinkExchanges;
  /** Opened in onNewConnection, when the chain's links are known; null if the connection ended before. */
  #session: Session | null = null;
  readonly #gears: [Gear, Gear] = ['tap', 'tap'];
  /** Not null in the gate gear, and after it until everything held has left. */
  readonly #held: [HeldBytes | null, HeldBytes | null] = [null, null];
  /** The session returned before the end of what is held: it is not called again before it resumes the side. */
  readonly #holding: [boolean, boolean] = [false, false];
  readonly #resumes: [boolean, boolean] = [false, false];
  /** FIN seen and not passed on yet: it comes after what is held. */
  readonly #finWaits: [boolean, boolean] = [false, false];
  readonly #ended: [boolean, boolean] = [false, false];
  readonly #paused: [boolean, boolean] = [false, false];
  readonly #learned: string[] = [];
  /** What the doors' book calls back; made where a session asks for a door. */
  #doorsKnown: (() => void) | null = null;
  #started = false;
  #judges: LinkJudges | null = null;
  #calling = false;
  #settling = false;
  /** How often in a row a resumed session has read nothing. */
  #fruitless = 0;
  #failed = false;
  #opaque = false;
  /** The connection is over; `#left`: and the session knows. */
  #over = false;
  #left = false;
  #how: 'fin' | 'reset' | 'error' | 'drain' = 'error';
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
    this.#exchanges = new LinkExchanges(env, callbacks.connection);
    callbacks.connection.drainable = this;
    callbacks.connection.dialOnDemand = speaksFirst === 'client';
    this.#now = env.clock.now();
    this.#bound = bound;
    const { metadata } = env;
    if (metadata) callbacks.connection.info.metadataNow = () => this.#lastMetadata(metadata);
  }

  // ---- chain link

  onNewConnection(): FilterStatus {
    if (this.enforces) this.setGear(Side.downstream, 'gate');
    this.#started = true;
    this.#env.observer.sessionStart(this.facts);
    this.#calling = true;
    try {
      this.#session = this.#bound.open(this);
    } finally {
      this.#calling = false;
      if (this.#opaque || this.#over) this.#afterCall();
    }
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
    this.#over = true;
    this.#now = this.#env.clock.now();
    this.#how =
      event === 'remote_reset' ? 'reset' : event === 'remote_close' ? 'fin' : this.#drainWanted ? 'drain' : 'error';
    this.#afterCall();
  }

  // ---- bytes

  #take(side: Side, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    const at = this.facts.received[side];
    this.facts.received[side] = at + (end - start);
    if (this.#opaque || this.#over) {
      this.#forward(side, buf, start, end, given, endStream);
      return;
    }
    this.#now = this.#callbacks.connection.lastActivityAt; // the connection has just read the clock for these bytes
    if (end > start) {
      const held = this.#held[side];
      if (held === null) {
        this.#forward(side, buf, start, end, given, false);
        if (!this.#over) this.#read(side, buf, start, end, at); // passing it on may have ended the connection
      } else if (held.length === 0) {
        this.#takeLent(side, held, buf, start, end, given, endStream);
        if (this.#drainWanted) this.tryLeave();
        return;
      } else {
        held.append(buf, start, end);
        if (!this.#holding[side]) this.#readHeld(side, held);
      }
    }
    if (endStream) this.#finWaits[side] = true;
    this.#settle();
    if (this.#drainWanted) this.tryLeave();
  }

  /** Nothing is held: the chunk is read where it stands, and only what must stay is copied. */
  #takeLent(
    side: Side,
    held: HeldBytes,
    buf: Buffer,
    start: number,
    end: number,
    given: boolean,
    endStream: boolean,
  ): void {
    held.lend(buf, start, end, given);
    try {
      if (!this.#holding[side]) this.#readHeld(side, held);
      if (endStream) this.#finWaits[side] = true;
      this.#settle();
    } finally {
      held.keep();
    }
  }

  #forward(side: Side, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    if (side === Side.downstream) this.#callbacks.injectRead(buf, start, end, given, endStream);
    else this.#callbacks.injectWrite(buf, start, end, given, endStream);
  }

  #hold(side: Side): void {
    if (this.#held[side] !== null) return;
    const held = new HeldBytes();
    held.beginAt(this.facts.received[side]); // in the tap gear everything received has left
    this.#held[side] = held;
  }

  #readHeld(side: Side, held: HeldBytes): void {
    const upTo = held.received;
    if (held.read >= upTo) return;
    const read = this.#read(side, held.buffer, held.indexOf(held.read), held.end, held.read);
    // A session that waits for a verdict goes back to where the turn began, which may be below this chunk.
    held.read = Math.min(Math.max(read, held.cleared), upTo);
    this.#holding[side] = held.read < upTo;
  }

  #read(side: Side, buf: Buffer, start: number, end: number, at: number): number {
    const session = this.#session!;
    this.#calling = true;
    try {
      return side === Side.downstream
        ? session.onDownstream(buf, start, end, at)
        : session.onUpstream(buf, start, end, at);
    } catch (error) {
      this.#bug(error);
      return at + (end - start);
    } finally {
      this.#calling = false;
      if (this.#opaque || this.#over) this.#afterCall();
    }
  }

  /** A throw in a session is our bug: an observed connection goes on unread, an enforced one closes. */
  #bug(error: unknown): void {
    if (!this.#failed) this.#env.onBug(this.facts, error);
    this.#failed = true;
    this.opaque('internal');
  }

  /** After the session has run, or something outside has changed: lets go what may leave, and offers what was resumed. */
  #settle(): void {
    if (this.#settling || this.#calling) return; // the outer call comes round to it
    this.#settling = true;
    this.#fruitless = 0;
    try {
      do {
        this.#release(Side.downstream);
        this.#release(Side.upstream);
      } while (
        this.#readAgain(Side.downstream) ||
        this.#readAgain(Side.upstream) ||
        this.#passFin(Side.downstream) ||
        this.#passFin(Side.upstream)
      );
    } finally {
      this.#settling = false;
    }
    this.#exchanges.flushEnding();
  }

  #release(side: Side): void {
    const held = this.#held[side];
    if (held === null || this.#over) return;
    if (this.#opaque) held.clear(held.received);
    else if (this.#gears[side] === 'tap') held.clear(held.read); // on the way back from the gate: what was read may go
    this.#leave(side, held);
    // Only what the session declines to read counts against the limit: an unfinished message must be let in to be judged.
    this.#pause(side, held.received - held.read > this.#callbacks.connection.bufferLimitBytes);
    if (this.#gears[side] === 'tap' && held.length === 0) this.#held[side] = null;
  }

  /** What was cleared goes on. */
  #leave(side: Side, held: HeldBytes): void {
    const to = held.leavesTo;
    if (to < 0) {
      const out = held.take();
      if (out !== null) this.#forward(side, out, 0, out.length, true, false);
      return;
    }
    const { buffer, start, given } = held;
    held.leave();
    this.#forward(side, buffer, start, to, given, false);
  }

  #pause(side: Side, over: boolean): void {
    if (over === this.#paused[side]) return;
    this.#paused[side] = over;
    if (side === Side.downstream) this.#callbacks.connection.readDisable(over);
    else this.#callbacks.connection.readDisableUpstream?.(over);
  }

  #readAgain(side: Side): boolean {
    if (!this.#resumes[side] || this.#over) return false;
    this.#resumes[side] = this.#holding[side] = false;
    const held = this.#held[side];
    if (held === null || this.#opaque) return true;
    const before = held.read;
    this.#readHeld(side, held);
    this.#fruitless = held.read === before ? this.#fruitless + 1 : 0;
    if (this.#fruitless < MAX_FRUITLESS) return true;
    // Resumed again and again, and nothing comes of it: what it waits for are more bytes.
    for (const each of BOTH) if (this.#resumes[each]) this.#resumes[each] = this.#holding[each] = false;
    return false;
  }

  /** Passes a FIN on once the session has read everything before it. */
  #passFin(side: Side): boolean {
    if (!this.#finWaits[side] || this.#over) return false;
    const held = this.#held[side];
    if (held !== null && held.read < held.received) return false; // what is held may still be allowed
    this.#finWaits[side] = false;
    this.#end(side, 'fin');
    if (!this.enforces) held?.clear(held.received); // half a message: an observer lets it go, a gate keeps it for ever
    this.#release(side);
    this.#forward(side, NOTHING, 0, 0, true, true);
    return true;
  }

  #end(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    if (this.#ended[side] || this.#session === null) return;
    this.#ended[side] = true;
    this.#calling = true;
    try {
      this.#session.onEnd(side, how);
    } catch (error) {
      this.#bug(error);
    } finally {
      this.#calling = false;
      if (this.#opaque || this.#over) this.#afterCall();
    }
  }

  /** The connection is over, or cannot be read any more: the session ends what it has open, once it is not running. */
  #afterCall(): void {
    if (this.#calling) return;
    for (const side of BOTH) this.#end(side, this.#over ? this.#how : 'error');
    if (!this.#over || this.#left) return;
    this.#left = true;
    this.#exchanges.flushEnding();
    for (const key of this.#learned) this.#env.keys.forget(key);
    if (this.#doorsKnown !== null) this.#env.doors?.forget(this.#doorsKnown);
    const { info } = this.#callbacks.connection;
    if (this.#started) this.#env.observer.sessionEnd(this.facts, info.closeReason, info);
  }

  // ---- SessionHost

  get judges(): boolean {
    return this.#judging().links.length > 0;
  }

  get enforces(): boolean {
    return this.#judging().enforces;
  }

  get cuts(): boolean {
    return this.#judging().cuts;
  }

  get judgement(): Readonly<Judgement> {
    return this.#judging().judgement;
  }

  get snapshot(): number {
    return this.#judging().version;
  }

  marked(from: Exchange, to: Exchange): void {
    this.#judging().moved(from, to);
  }

  get policySnapshot(): string {
    return this.#judging().policySnapshot;
  }

  exceeded(x: Exchange, what: 'rows' | 'bytes'): Denial | null {
    return this.#judging().exceeded(x, what);
  }

  gear(side: Side): Gear {
    return this.#gears[side];
  }

  setGear(side: Side, gear: Gear): void {
    this.#gears[side] = gear;
    if (gear === 'gate') this.#hold(side);
    else this.#settle();
  }

  ask(turn: Turn): Verdict {
    const judges = this.#judging();
    const verdict = judges.ask(turn, this.facts);
    if (verdict === 'deny') this.#refuse(turn, judges.decider!);
    return verdict;
  }

  clear(side: Side, upTo: number): void {
    this.#held[side]?.clear(upTo);
    if (!this.#calling) this.#settle();
  }

  replace(side: Side, from: number, to: number, bytes: Uint8Array | null): void {
    const held = this.#held[side];
    if (held === null) throw new Error('replace() outside the gate gear');
    held.replace(from, to, bytes);
  }

  send(to: Side, bytes: Uint8Array): void {
    if (this.#over) return;
    const source = otherSide(to);
    const held = this.#held[source];
    if (held !== null) {
      held.insert(bytes);
      this.#settle();
      return;
    }
    const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#forward(source, buf, 0, buf.length, true, false);
  }

  take(): Exchange {
    return this.#exchanges.take(this.#now);
  }

  drop(x: Exchange): void {
    if (x.leased) this.#judging().release(x);
    this.#exchanges.drop(x);
  }

  begin(x: Exchange): void {
    if (x.forwardedAt === 0 && this.#gears[Side.downstream] === 'tap') x.forwardedAt = this.#now;
    this.#exchanges.begin(x);
  }

  progress(x: Exchange): void {
    this.#exchanges.progress(x);
  }

  end(x: Exchange): void {
    if (x.verdict !== 0 || x.shadowVerdict !== 0) this.#judged(x);
    if (this.#held[Side.upstream] === null) {
      this.#exchanges.end(x);
      return;
    }
    this.#exchanges.endLater(x);
    this.#settle();
  }

  aside(side: Side, kind: string, bytes: number): void {
    this.#env.onAside(this.facts, side, kind, bytes);
  }

  confirm(change: ConfirmedFacts): void {
    this.#exchanges.keepFacts();
    this.#env.observer.settle?.();
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

  door(upstream: string): Door | null {
    const { doors } = this.#env;
    const local = splitHostPort(this.facts.localAddress);
    if (!doors || local === null) return { host: '', port: 0 };
    this.#doorsKnown ??= () => {
      try {
        this.resume(Side.upstream);
      } catch (error) {
        this.#callbacks.connection.fail(error);
      }
    };
    const port = doors.port(upstream, this.#doorsKnown);
    return port === null ? null : { host: unmapped(local.host), port };
  }

  resume(side: Side): void {
    this.#resumes[side] = true;
    if (this.#calling || this.#settling || this.#over) return;
    this.#now = this.#env.clock.now();
    this.#settle();
    if (this.#drainWanted) this.tryLeave();
  }

  opaque(reason: Fault): void {
    if (this.#opaque || this.#over) return;
    this.#env.onOpaque(this.facts, reason);
    this.facts.opaque = reason;
    if (this.enforces || this.#session?.closesWhenOpaque === true) {
      this.close(`opaque:${reason}`);
      return;
    }
    this.#opaque = true;
    this.#afterCall();
    this.#callbacks.connection.dial?.(); // a session that waited for a readable first message will never ask
    this.#settle();
  }

  close(reason: string): void {
    if (this.#over) return;
    for (const side of BOTH) {
      const held = this.#held[side];
      if (held !== null) this.#leave(side, held);
    }
    this.#callbacks.connection.close('flush', reason);
  }

  now(): number {
    return this.#now;
  }

  // ---- draining

  get exchanges(): number {
    return this.#exchanges.begun;
  }

  get underWay(): number {
    return this.#exchanges.begun - this.#exchanges.ended;
  }

  get quiet(): boolean {
    if (this.#session === null) return true;
    return !this.#opaque && this.#session.quiet && this.#held.every((held) => held === null || held.length === 0);
  }

  tryLeave(): void {
    this.#drainWanted = true;
    if (this.#over || this.#calling || this.#settling || !this.quiet) return;
    const last = this.#session?.farewell() ?? null;
    if (last) this.#callbacks.injectWrite(Buffer.from(last), 0, last.length, true, false);
    this.#callbacks.connection.close('flush', 'drain');
  }

  expel(why: Denial): void {
    if (this.#over) return;
    const last = this.#opaque ? null : (this.#session?.expel?.(why) ?? null);
    if (last !== null) this.send(Side.downstream, last);
    this.close(`denied:${why.policy}`);
  }

  /** Of the operation that ended last. */
  #lastMetadata(metadata: NonNullable<ProtocolLinkEnv['metadata']>): Readonly<Record<string, unknown>> {
    this.#env.observer.settle?.();
    const { lastDigest, lastKind } = this.facts;
    if (lastDigest === null) return {};
    const x = this.#env.pool.take();
    x.session = this.facts;
    x.digest = lastDigest;
    x.kind = lastKind;
    const spaces = metadata([x]);
    this.#env.pool.give(x);
    return spaces;
  }

  // ---- verdicts

  /** Of something that ends: what is held for it is free, and its verdicts count. */
  #judged(x: Exchange): void {
    this.#judging().release(x);
    if (x.policySnapshot === '') x.policySnapshot = this.policySnapshot; // made after its verdict, above the in-flight cap
    this.#env.verdicts?.count(x);
  }

  /** Known when the whole chain is built. */
  #judging(): LinkJudges {
    this.#judges ??= new LinkJudges(this.#callbacks.connection.chain.filters);
    return this.#judges;
  }

  #refuse(turn: Turn, link: NetworkFilter): void {
    const denial = link.denial ?? { policy: link.name, message: 'denied by policy', kind: 'policy', closes: false };
    if (denial.closes) {
      this.expel(denial);
      return;
    }
    const refusal = this.#session!.refuse(turn, denial);
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
      case 'again':
        break;
    }
  }
}

const BOTH = [Side.downstream, Side.upstream] as const;
const NOTHING = Buffer.alloc(0);
const MAX_FRUITLESS = 4;
