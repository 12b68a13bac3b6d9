import { type Exchange, Flag, Outcome, Replies } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import type { Bound } from './bound.ts';
import { Gate } from './gate/gate.ts';
import { markDenied } from './gate/refusals.ts';
import { Login } from './identity.ts';
import { InFlight, type Request } from './in-flight.ts';
import { Special } from './special.ts';
import { Memberships } from './transactions.ts';

/** Endless exchanges say at most this often how far they are. */
const PROGRESS_MS = 1000;
/** Databases of the server's own: they do not name a session. */
const SERVERS_OWN = new Set(['', 'admin', 'config', 'local', '$external']);

/** What both directions of one session know together; exchanges begin and end here. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  readonly inFlight = new InFlight();
  readonly memberships: Memberships;
  readonly login = new Login();
  /** Null: no policy judges. */
  readonly gate: Gate | null;
  /** The exchange that policies were asked about: the next request's. */
  asked: Exchange | null = null;
  over = false;
  turns = 0;
  /** Requests open that the server was asked to wait for: what is behind them waits too. */
  waiting = 0;
  /** Requests open whose content is not known. */
  unread = 0;
  /** A hello that awaits, or is answered by many replies: the request that never ends. */
  endless: Request | null = null;
  /** hello said so far, and whether anything else was. */
  hellos = 0;
  saidMore = false;
  /** hello has agreed on a compressor. */
  isCompressed = false;
  /** The first database that was not the server's own. */
  #firstDatabase = '';
  #progressedAt = 0;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
    this.memberships = new Memberships(host.facts);
    this.gate = host.judges ? new Gate(this) : null;
  }

  /** Nothing is open but what never ends, and no transaction. */
  get isIdle(): boolean {
    const { size } = this.inFlight;
    if (size > 1 || (size === 1 && this.endless === null)) return false;
    return !this.memberships.isInside(this.host.now());
  }

  /** It has said nothing but hello, and goes on so. Once a session; whatever else it says takes it back. */
  becomesMonitor(): void {
    if (this.saidMore || this.host.facts.kind !== '') return;
    this.bound.stats.registry.inc(this.bound.stats.own.monitor_sessions);
    this.host.confirm({ kind: 'monitor' });
  }

  /** The exchange of a request, filled; the request's first byte came at `firstByteAt`. */
  exchangeOf(request: Request, firstByteAt: number, lastByteAt: number): Exchange {
    const x = this.asked ?? this.host.take();
    this.asked = null;
    const { transaction } = request;
    x.kind = request.info.name;
    x.digest = request.digest;
    x.turn = request.turn;
    x.requestFirstByteAt = firstByteAt;
    x.requestLastByteAt = lastByteAt;
    x.requestBytes = request.requestBytes;
    x.batchSize = request.batchSize;
    x.story = request.story;
    x.flags = request.flags;
    if (transaction !== null) {
      x.flags |= Flag.inTransaction;
      x.transaction = this.memberships.join(transaction);
    }
    return x;
  }

  /** What policies were asked about is not begun. */
  dropAsked(): void {
    if (this.asked !== null) this.host.drop(this.asked);
    this.asked = null;
  }

  /** A request joins those in flight. */
  open(request: Request): void {
    const { registry, envoy } = this.bound.stats;
    registry.inc(envoy.op_query_active);
    if (request.waits) {
      this.waiting++;
      if (request.special === Special.hello) this.endless ??= request;
    }
    if (request.unread) this.unread++;
    this.gate?.opened(request);
    this.inFlight.push(request);
  }

  /** A request leaves those in flight; it must not be touched after. */
  close(request: Request): void {
    const { registry, envoy } = this.bound.stats;
    registry.add(envoy.op_query_active, -1);
    if (request.waits) this.waiting--;
    if (request.unread) this.unread--;
    if (this.endless === request) this.endless = null;
    this.gate?.settled(request);
    this.inFlight.remove(request);
    this.bound.requests.give(request);
  }

  /** Ends an exchange under the database that its command was for. */
  end(x: Exchange, database: string): void {
    const { host } = this;
    if (database !== '' && database !== host.facts.database) host.confirm({ database });
    if (this.#firstDatabase === '' && !SERVERS_OWN.has(database)) this.#firstDatabase = database;
    host.end(x);
  }

  /** Ends what is open behind nobody knows what: those before an answered request that were unread had no reply. */
  passOver(answered: Request): void {
    if (this.unread === 0) return;
    for (let request = this.inFlight.oldest; request !== null && request !== answered; ) {
      const { newer } = request;
      if (request.unread) this.#giveUp(request, false);
      request = newer;
    }
  }

  /** What never ends says how far it is. */
  progress(x: Exchange): void {
    const now = this.host.now();
    if (now - this.#progressedAt < PROGRESS_MS) return;
    this.#progressedAt = now;
    this.host.progress(x);
  }

  /** A request gets no reply any more: none was to come, or it was lost. */
  #giveUp(request: Request, isLost: boolean): void {
    const { registry, own } = this.bound.stats;
    const { database } = request;
    const x = request.exchange ?? this.lateExchange(request, this.host.now());
    if (request.denial !== null) {
      markDenied(x, request.denial); // whatever became of its stand-in
    } else if (!isLost) {
      x.replies = Replies.none;
      registry.inc(own.no_reply);
    } else if (request === this.endless) {
      x.replies = Replies.endless; // nobody misses an answer that was to come when there is news
    } else {
      registry.inc(own.lost);
      x.outcome = Outcome.lost;
    }
    this.close(request);
    this.end(x, database);
  }

  /** The exchange of a request that came above the cap of timed ones: as if it had come with its reply. */
  lateExchange(request: Request, at: number): Exchange {
    const x = this.exchangeOf(request, at, at);
    request.said?.mark(x);
    this.host.begin(x);
    return x;
  }

  /** What came from either side cannot be read. Said once; nothing is read after it. */
  fault(fault: Fault): void {
    if (this.over) return;
    this.bound.stats.opaque(fault);
    this.endAll();
    this.host.opaque(fault);
  }

  /** The session is over: what is open was lost. */
  endAll(): void {
    if (this.over) return;
    this.over = true;
    while (this.inFlight.oldest !== null) this.#giveUp(this.inFlight.oldest, true);
    this.memberships.leaveAll();
    this.login.end();
    const database = this.#firstDatabase;
    if (database !== '' && database !== this.host.facts.database) this.host.confirm({ database });
  }
}
