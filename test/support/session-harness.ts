import type { Digest } from '../../src/exchange/digest.ts';
import { Exchange, type Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
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
} from '../../src/exchange/protocol-filter.ts';
import { type ConfirmedFacts, SessionFacts } from '../../src/exchange/session-facts.ts';
import { otherSide, Side } from '../../src/exchange/side.ts';
import { moveMarks } from '../../src/net/link-judges.ts';
import { GrownBytes } from './grown-bytes.ts';
import { TestDoors } from './test-doors.ts';

/** A policy as tests write one: null = allow. `later` is settled with `decide()`. */
export type Judge = (turn: Turn) => Denial | null | 'later';

export interface HarnessOptions {
  readonly bound: BoundFilter;
  /** Present: the chain judges turns. */
  readonly judge?: Judge;
  /** The judge may deny: requests go through the gate. */
  readonly enforces?: boolean;
  /** Limits of all allowed operations' replies; what is above is denied by the policy `limit`. */
  readonly limits?: { readonly rows?: number; readonly bytes?: number };
  /** Keys that some upstream host was seen to issue, in hex. */
  readonly issuedKeys?: ReadonlySet<string>;
  /** Doors to other upstream hosts; default: each is there at once, from port 19093 on. */
  readonly doors?: TestDoors;
}

/** A copy of an ended exchange, without times: what must be equal however the bytes were cut. */
export interface EndedExchange {
  readonly kind: string;
  readonly digest: Digest | null;
  readonly text: string;
  readonly turn: number;
  readonly index: number;
  readonly flags: number;
  readonly replies: number;
  readonly transaction: number;
  readonly story: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly rowsReturned: number;
  readonly rowsAffected: number;
  readonly rowsMatched: number;
  readonly batchSize: number;
  readonly outcome: Outcome;
  readonly code: string;
  readonly severity: string;
  readonly traceparent: string;
  readonly policy: string;
  readonly verdict: VerdictCode;
  readonly attributes: string;
  /** Faults in the order of times, '' = none. */
  readonly disorder: string;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array | null;
}

/** One direction: every byte ever received, and how far it was cleared and read. */
class Direction {
  readonly bytes = new GrownBytes();
  cleared = 0;
  read = 0;
  gear: Gear = 'tap';
  resume = false;
  readonly edits: Edit[] = [];
  readonly out = new GrownBytes();

  emit(upTo: number): void {
    while (true) {
      const edit = this.edits[0];
      if (edit === undefined || edit.to > upTo) break;
      this.edits.shift();
      if (edit.from > this.cleared) this.out.add(this.bytes.subarray(this.cleared, edit.from));
      if (edit.bytes !== null) this.out.add(edit.bytes);
      this.cleared = Math.max(this.cleared, edit.to);
    }
    if (upTo > this.cleared) {
      this.out.add(this.bytes.subarray(this.cleared, upTo));
      this.cleared = upTo;
    }
  }
}

const GUARD = 0xee;

/**
 * A SessionHost over byte arrays, for tests of protocol filters: both gears, any cut, no sockets and no time but its own.
 * Stricter than a real host: buffers are wiped after each call, bytes stand between guards, and what a session must not
 * do (clear or replace what it may not, end an exchange twice) throws.
 */
export class SessionHarness implements SessionHost {
  readonly facts = new SessionFacts(1, 'test', 'test', '127.0.0.1:1', '127.0.0.1:2', 0);
  readonly judges: boolean;
  readonly enforces: boolean;
  readonly session: Session;
  readonly doors: TestDoors;
  /** A test counts it up where it changes what its judge says. */
  snapshot = 1;
  readonly ended: EndedExchange[] = [];
  /** Of each ended exchange, which policies judged and where it stood: `snapshot 1 at 70 + 12`. */
  readonly places: string[] = [];
  readonly asides: string[] = [];
  readonly confirmed: ConfirmedFacts[] = [];
  readonly learned: string[] = [];
  /** One entry a connect(): the key in hex, or ''. */
  readonly connects: string[] = [];
  readonly opaqueReasons: Fault[] = [];
  /** Messages of the client that left as something else. */
  standIns = 0;
  readonly asked: { readonly kind: string; readonly ops: readonly string[]; readonly verdict: Verdict }[] = [];
  closed = '';
  begun = 0;
  progressed = 0;
  dropped = 0;
  time = 1000;
  readonly #directions: [Direction, Direction] = [new Direction(), new Direction()];
  readonly #judge: Judge | null;
  readonly #issued: ReadonlySet<string>;
  readonly #limits: HarnessOptions['limits'] | null;
  readonly judgement: Judgement = {
    verdict: VerdictCode.none,
    policy: '',
    shadowVerdict: VerdictCode.none,
    shadowPolicy: '',
    policySnapshot: '',
    maxRows: 0,
    maxReplyBytes: 0,
  };
  readonly #open = new Set<Exchange>();
  readonly #taken = new Set<Exchange>();
  #seq = 0;
  #reading = false;
  #opaque = false;

  constructor(options: HarnessOptions) {
    this.#judge = options.judge ?? null;
    this.judges = options.judge !== undefined;
    this.enforces = options.enforces ?? false;
    this.#issued = options.issuedKeys ?? new Set();
    this.#limits = options.limits ?? null;
    this.doors = options.doors ?? new TestDoors();
    this.session = options.bound.open(this);
  }

  // ---- for tests

  /** Bytes arrive from a side. */
  feed(side: Side, bytes: Uint8Array): void {
    const direction = this.#directions[side];
    this.time++;
    const before = direction.bytes.length;
    direction.bytes.add(bytes);
    this.facts.received[side] = direction.bytes.length;
    if (this.closed) return;
    if (this.#opaque) direction.emit(direction.bytes.length);
    else {
      if (direction.gear === 'tap' && direction.cleared === before) direction.emit(direction.bytes.length);
      this.#offer(side);
      this.#settle();
    }
  }

  /** All bytes that have left towards a side. */
  sent(to: Side): Buffer {
    return this.#directions[otherSide(to)].out.subarray();
  }

  hangUp(side: Side, how: 'fin' | 'reset' | 'error' | 'drain' = 'fin'): void {
    if (!this.#opaque && !this.closed) this.session.onEnd(side, how);
  }

  /** Both sides end; nothing may be open after. */
  finish(): void {
    this.hangUp(Side.downstream);
    this.hangUp(Side.upstream);
    if (this.#open.size > 0) throw new Error(`${this.#open.size} exchanges never ended`);
    if (this.#taken.size > 0) throw new Error(`${this.#taken.size} exchanges were neither ended nor dropped`);
  }

  /** The verdict that was `later` is known: the side is read again. */
  decide(): void {
    this.resume(Side.downstream);
  }

  get openExchanges(): number {
    return this.#open.size;
  }

  // ---- SessionHost

  gear(side: Side): Gear {
    return this.#directions[side].gear;
  }

  setGear(side: Side, gear: Gear): void {
    this.#directions[side].gear = gear;
  }

  get cuts(): boolean {
    return this.#limits !== null;
  }

  get policySnapshot(): string {
    return `snapshot ${this.snapshot}`;
  }

  marked(from: Exchange, to: Exchange): void {
    moveMarks(from, to);
  }

  exceeded(x: Exchange, what: 'rows' | 'bytes'): Denial | null {
    if (what === 'rows' ? x.maxRows === 0 || x.rowsReturned <= x.maxRows : x.maxReplyBytes === 0)
      throw new Error('exceeded() below the limit');
    return { policy: 'limit', message: `too many ${what}`, kind: 'limit', closes: false };
  }

  ask(turn: Turn): Verdict {
    if (this.#judge === null) throw new Error('nobody judges');
    if (turn.ops.length === 0) throw new Error('a turn without operations');
    for (const x of turn.ops) if (!this.#taken.has(x)) throw new Error('a turn with an exchange that was not taken');
    const answer = this.#judge(turn);
    const verdict = answer === null ? 'allow' : answer === 'later' ? 'later' : 'deny';
    this.asked.push({ kind: turn.ops[0]!.kind, ops: turn.ops.map((x) => x.digest?.text ?? ''), verdict });
    this.#judged(turn, answer);
    if (answer === null || answer === 'later') return verdict;
    if (!this.enforces) return verdict;
    if (answer.closes) {
      const last = this.session.expel?.(answer) ?? null;
      if (last) this.send(Side.downstream, last);
      this.close('denied');
      return verdict;
    }
    const refusal = this.session.refuse(turn, answer);
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
        this.close('denied');
        break;
      case 'again':
        break;
    }
    return verdict;
  }

  clear(side: Side, upTo: number): void {
    const direction = this.#directions[side];
    if (this.closed || this.#opaque) throw new Error('clear() after the end');
    if (upTo > direction.bytes.length) throw new Error(`clear(${upTo}) above what was received`);
    this.#clearTo[side] = Math.max(this.#clearTo[side], upTo);
  }
  readonly #clearTo: [number, number] = [0, 0];

  replace(side: Side, from: number, to: number, bytes: Uint8Array | null): void {
    if (side === Side.downstream && bytes !== null) this.standIns++;
    const direction = this.#directions[side];
    if (from < direction.cleared || from < this.#clearTo[side])
      throw new Error(`replace at ${from}, below the cleared point ${direction.cleared}`);
    if (to > direction.bytes.length) throw new Error(`replace up to ${to}, above what was received`);
    direction.edits.push({ from, to, bytes });
    direction.edits.sort((a, b) => a.from - b.from);
  }

  send(to: Side, bytes: Uint8Array): void {
    if (bytes.length === 0) throw new Error('nothing to send');
    const source = otherSide(to);
    const direction = this.#directions[source];
    const at = Math.max(direction.cleared, this.#clearTo[source]);
    direction.edits.push({ from: at, to: at, bytes });
    direction.edits.sort((a, b) => a.from - b.from);
    if (!this.#reading) this.#settle();
  }

  take(): Exchange {
    const x = new Exchange();
    x.session = this.facts;
    x.seq = ++this.#seq;
    x.requestFirstByteAt = x.requestLastByteAt = this.time;
    this.#taken.add(x);
    return x;
  }

  /** As a real host marks them. */
  #judged(turn: Turn, answer: Denial | null | 'later'): void {
    if (answer === 'later') return;
    const { judgement } = this;
    const verdict = answer === null ? VerdictCode.allowed : VerdictCode.denied;
    judgement.verdict = this.enforces ? verdict : VerdictCode.none;
    judgement.shadowVerdict = this.enforces ? VerdictCode.none : verdict;
    judgement.policy = this.enforces ? (answer?.policy ?? '') : '';
    judgement.shadowPolicy = this.enforces ? '' : (answer?.policy ?? '');
    judgement.maxRows = this.#limits?.rows ?? 0;
    judgement.maxReplyBytes = this.#limits?.bytes ?? 0;
    judgement.policySnapshot = this.policySnapshot;
    for (const x of turn.ops) Object.assign(x, judgement, { requestOffset: turn.from });
  }

  drop(x: Exchange): void {
    if (!this.#taken.delete(x)) throw new Error('drop() of an exchange that was not taken');
    if (this.#open.has(x)) throw new Error('drop() of an exchange that was begun');
    this.dropped++;
  }

  begin(x: Exchange): void {
    if (!this.#taken.has(x) || this.#open.has(x)) throw new Error('begin() out of order');
    this.#open.add(x);
    this.begun++;
  }

  progress(x: Exchange): void {
    if (!this.#open.has(x)) throw new Error('progress() of an exchange that is not open');
    this.progressed++;
  }

  end(x: Exchange): void {
    if (!this.#open.delete(x)) throw new Error('end() of an exchange that is not open');
    this.#taken.delete(x);
    this.places.push(`${x.policySnapshot} at ${x.requestOffset} + ${x.requestBytes}`);
    this.ended.push({
      kind: x.kind,
      digest: x.digest,
      text: x.digest?.text ?? '',
      turn: x.turn,
      index: x.index,
      flags: x.flags,
      replies: x.replies,
      transaction: x.transaction,
      story: x.story,
      requestBytes: x.requestBytes,
      replyBytes: x.replyBytes,
      rowsReturned: x.rowsReturned,
      rowsAffected: x.rowsAffected,
      rowsMatched: x.rowsMatched,
      batchSize: x.batchSize,
      outcome: x.outcome,
      code: x.code,
      severity: x.severity,
      traceparent: x.traceparent,
      policy: x.policy,
      verdict: x.verdict,
      attributes: x.attributes,
      disorder: disorderOf(x),
    });
    x.reset();
  }

  aside(side: Side, kind: string, bytes: number): void {
    this.asides.push(`${side === Side.upstream ? '<' : '>'} ${kind} ${bytes}`);
  }

  confirm(change: ConfirmedFacts): void {
    this.confirmed.push(change);
    Object.assign(this.facts, change);
  }

  learn(key: Uint8Array): void {
    this.learned.push(Buffer.from(key).toString('hex'));
  }

  connect(issued?: Uint8Array): boolean {
    const key = issued ? Buffer.from(issued).toString('hex') : '';
    this.connects.push(key);
    return this.#issued.has(key);
  }

  door(upstream: string): Door | null {
    return this.doors.ask(upstream, this.#doorsKnown);
  }
  readonly #doorsKnown = (): void => this.resume(Side.upstream);

  resume(side: Side): void {
    this.#directions[side].resume = true;
    if (!this.#reading) this.#settle();
  }

  opaque(reason: Fault): void {
    this.opaqueReasons.push(reason);
    if (this.enforces) this.closed = `opaque:${reason}`;
    else this.#opaque = true;
    this.#settle();
  }

  close(reason: string): void {
    this.closed = reason;
  }

  now(): number {
    return this.time;
  }

  // ---- the rest

  #offer(side: Side): void {
    const direction = this.#directions[side];
    if (direction.read >= direction.bytes.length) return;
    const piece = direction.bytes.subarray(direction.read);
    const lent = Buffer.alloc(piece.length + 8, GUARD);
    piece.copy(lent, 4);
    const upTo = direction.bytes.length;
    this.#reading = true;
    const read =
      side === Side.downstream
        ? this.session.onDownstream(lent, 4, 4 + piece.length, direction.read)
        : this.session.onUpstream(lent, 4, 4 + piece.length, direction.read);
    this.#reading = false;
    lent.fill(GUARD);
    if (read < direction.cleared && direction.gear === 'gate')
      throw new Error(`read up to ${read}, below the cleared point`);
    if (read > upTo) throw new Error(`read up to ${read}, above what was lent`);
    if (direction.gear === 'tap' && read < upTo && direction.cleared === upTo && !this.#opaque)
      throw new Error('the tap gear must read everything');
    direction.read = read;
  }

  /** Lets go what may leave, and reads again where that was asked for. */
  #settle(): void {
    if (this.#reading) return;
    for (const side of [Side.downstream, Side.upstream] as const) {
      const direction = this.#directions[side];
      if (this.#opaque) direction.emit(direction.bytes.length);
      else direction.emit(Math.max(this.#clearTo[side], direction.cleared));
    }
    for (const side of [Side.downstream, Side.upstream] as const) {
      const direction = this.#directions[side];
      if (!direction.resume || this.closed || this.#opaque) continue;
      direction.resume = false;
      this.#offer(side);
      this.#settle();
    }
  }
}

/** Times in an order that cannot be: '' = none. */
function disorderOf(x: Exchange): string {
  const order: [string, number][] = [
    ['requestFirstByteAt', x.requestFirstByteAt],
    ['forwardedAt', x.forwardedAt],
    ['replyFirstByteAt', x.replyFirstByteAt],
    ['replyLastByteAt', x.replyLastByteAt],
  ];
  const known = order.filter(([, at]) => at > 0);
  const wrong = known.find(([, at], i) => i > 0 && at < known[i - 1]![1]);
  return wrong ? `${wrong[0]} comes too early` : '';
}
