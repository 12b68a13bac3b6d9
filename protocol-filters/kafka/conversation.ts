import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome, Replies, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { Denial, SessionHost } from '../../src/exchange/protocol-filter.ts';
import { AttributeTexts } from './attributes.ts';
import type { Bound } from './bound.ts';
import { FetchEnds } from './fetch-ends.ts';
import { FetchSessions } from './fetch-sessions.ts';
import { Judge } from './gate/judge.ts';
import { Login, type Step } from './identity.ts';
import { Pending } from './pending.ts';
import { MAX_EXCHANGES, type Request } from './request.ts';
import type { BypassHints } from './rewrite/bypass-hints.ts';
import type { ReplyRewriter } from './rewrite/reply-rewriter.ts';
import type { RequestGate } from './rewrite/request-gate.ts';
import { ApiKey } from './schema/api.ts';
import { errorName } from './schema/error-names.ts';
import { Status } from './stats/facts.ts';

/** Exchanges open at once, and requests in flight: above the first they are counted untimed, above the second is a fault. */
export const MAX_OPEN = 10_000;
export const MAX_IN_FLIGHT = 65_536;

const UNKNOWN_KIND = 'unknown';
const TOKEN_KIND = 'sasl_token';

/** What both directions of one session know together; exchanges begin and end here. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  readonly pending = new Pending();
  readonly login = new Login();
  readonly fetchSessions = new FetchSessions();
  readonly fetchEnds = new FetchEnds();
  /** Null: replies leave as they come. */
  readonly rewriter: ReplyRewriter | null;
  readonly hints: BypassHints | null;
  /** Null: every API may be asked for. */
  readonly gate: RequestGate | null;
  /** Null: there are no policies. */
  readonly judge: Judge | null;
  over = false;
  turns = 0;
  /** Exchanges begun and not ended. */
  open = 0;
  /** The last Fetch reply had reached the end of all its partitions: the next one waits for producers. */
  hasCaughtUp = false;
  /** What came before this waited with a request that the broker was asked to let wait. */
  #waitedUntil = -1;
  /** As brokers tell it; '' until then. */
  #clusterId = '';
  #plain: AttributeTexts;
  /** Of requests that name a group or a transactional id. */
  #identified: AttributeTexts | null = null;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
    this.#plain = bound.attributes.of('');
    this.rewriter = bound.addresses.rewriter(host);
    this.hints = bound.addresses.hints(host);
    this.gate = bound.addresses.requestGate(host);
    this.judge = host.judges ? new Judge(this) : null;
  }

  // ---- requests

  /** The end of a request: it becomes exchanges, and waits for its reply where it has one. `isSilent`: it has none. */
  begin(r: Request, isSilent: boolean): void {
    const { stats, requests } = this.bound;
    r.turn = ++this.turns;
    const isTooMany = this.pending.size >= MAX_IN_FLIGHT || (this.judge?.holds === true && this.open >= MAX_OPEN);
    if (isTooMany) {
      this.unprepare(r);
      requests.give(r);
      this.fault('too_many_in_flight');
      return;
    }
    if (!r.isToken) stats.request(r);
    if (this.pending.size > 0) {
      r.flags |= Flag.pipelined;
      stats.pipelined();
    }
    if (this.open >= MAX_OPEN && r.prepared === 0) {
      r.isLate = true;
      r.flags |= Flag.untimed;
      stats.untimed();
    } else this.#openAll(r);
    if (isSilent) this.#endSilent(r);
    else this.pending.push(r);
  }

  /** A Produce with acks=0: what it holds was sent, and more nobody will tell. */
  #endSilent(r: Request): void {
    const { stats, requests } = this.bound;
    for (let i = 0; i < r.touched; i++) {
      const touch = r.touches[i]!;
      stats.topicRequest(touch.topic, r.apiKey);
      stats.produced(touch.topic, r, touch.batches, touch.records, touch.bytes, touch.codec);
    }
    stats.noReply(r);
    this.#end(r, Replies.none, true);
    requests.give(r);
  }

  /** Makes the exchanges of a request that is to be judged: begin() begins them. */
  prepare(r: Request): readonly Exchange[] {
    r.turn = this.turns + 1;
    const wanted = Math.min(Math.max(1, r.touched), MAX_EXCHANGES);
    for (let i = 0; i < wanted; i++) r.exchanges[i] = this.#make(r, i);
    r.prepared = wanted;
    return r.exchanges.slice(0, wanted) as Exchange[];
  }

  /** It will not be begun now. */
  unprepare(r: Request): void {
    for (let i = 0; i < r.prepared; i++) this.host.drop(r.exchanges[i]!);
    r.prepared = 0;
  }

  /** A denied request that gets no reply: the connection ends with it. */
  endDenied(r: Request): void {
    r.turn = ++this.turns;
    this.bound.stats.request(r);
    this.#openAll(r);
    this.bound.stats.lost(r);
    this.#end(r, Replies.none, false);
    this.bound.requests.give(r);
  }

  /** A request whose API key is not allowed. The connection has been told to close. */
  deny(r: Request): void {
    const { digests, requests } = this.bound;
    r.turn = ++this.turns;
    r.digest = digests.unread(r.apiKey, 'denied');
    this.#openAll(r);
    const x = r.exchanges[0]!;
    x.outcome = Outcome.denied;
    x.flags |= Flag.denied;
    x.replies = Replies.none;
    x.policy = 'api_keys';
    this.#tellClient(r);
    this.#close(x, r);
    requests.give(r);
  }

  // ---- replies

  /** The end of a reply to the oldest request. `isRead`: its body could be. */
  answer(r: Request, status: number, bytes: number, firstByteAt: number): void {
    const { bound, host } = this;
    const { stats } = bound;
    const now = host.now();
    this.pending.shift();
    r.replyBytes = bytes;
    const wasBehind = r.firstByteAt < this.#waitedUntil;
    if (wasBehind && !r.waits) r.flags |= Flag.untimed;
    if (r.waits) {
      r.flags |= Flag.waits;
      this.#waitedUntil = now;
    }
    r.tookMs = (r.flags & Flag.untimed) === 0 ? now - r.firstByteAt : -1;
    if (!r.isToken) stats.reply(r, status);
    const isWhole = status === Status.whole || status === Status.trailing;
    if (r.apiKey === ApiKey.produce && isWhole && !r.isStandIn) this.#countProduced(r);
    this.#openAll(r); // topics that only the reply names, and all of one that came late
    for (let i = 0; i < r.opened; i++) {
      const x = r.exchanges[i]!;
      x.replyFirstByteAt = firstByteAt;
      x.replyLastByteAt = now;
      if (i === 0) x.replyBytes = bytes;
    }
    if (r.isBroker && r.error === 0 && isWhole && !r.isStandIn) this.#becomesBroker();
    this.#end(r, Replies.one, isWhole);
    this.judge?.answered(r, isWhole);
    bound.requests.give(r);
  }

  #countProduced(r: Request): void {
    const { stats } = this.bound;
    for (let i = 0; i < r.touched; i++) {
      const touch = r.touches[i]!;
      const { topic, batches, records, bytes, codec, refusedBatches, refusedRecords, refusedBytes } = touch;
      stats.topicRequest(topic, r.apiKey);
      if (batches > refusedBatches)
        stats.produced(topic, r, batches - refusedBatches, records - refusedRecords, bytes - refusedBytes, codec);
      if (refusedBatches > 0) stats.refused(topic, r, refusedBatches, refusedRecords, refusedBytes);
    }
  }

  /** The oldest request will get no reply, as a later one has got its: nobody could say whether it had one. */
  passOver(r: Request): void {
    const { bound } = this;
    this.pending.shift();
    if (!r.isToken) bound.stats.noReply(r);
    this.#openAll(r);
    this.#end(r, Replies.none, false);
    bound.requests.give(r);
  }

  // ---- exchanges

  /** One a topic, of those that have none yet. */
  #openAll(r: Request): void {
    const wanted = Math.min(Math.max(1, r.touched), MAX_EXCHANGES);
    for (let i = r.opened; i < wanted; i++) {
      const x = i < r.prepared ? r.exchanges[i]! : this.#make(r, i);
      r.exchanges[r.opened++] = x;
      this.open++;
      this.host.begin(x);
    }
    r.prepared = 0;
  }

  #make(r: Request, i: number): Exchange {
    const x = this.host.take();
    x.requestFirstByteAt = r.firstByteAt;
    x.requestLastByteAt = r.lastByteAt;
    x.turn = r.turn;
    x.index = i;
    x.kind = r.isToken ? TOKEN_KIND : (r.api?.kind ?? UNKNOWN_KIND);
    x.flags = r.flags;
    x.digest = this.#digestOf(r, i);
    if (i === 0) x.requestBytes = r.bytes;
    // In the gate gear, and where it is made with its reply, nobody else knows.
    if (i > 0) x.forwardedAt = r.exchanges[0]!.forwardedAt;
    else if (this.judge?.holds === true) x.forwardedAt = this.host.now();
    else if (r.isLate || this.gate !== null) x.forwardedAt = r.lastByteAt;
    if (i > 0 && this.judge !== null) sayAsFirst(r.exchanges[0]!, x);
    this.#tellAsked(x, r, i);
    return x;
  }

  #digestOf(r: Request, i: number): Digest | null {
    if (r.touched === 0) return r.digest;
    if (i === MAX_EXCHANGES - 1 && r.touched > MAX_EXCHANGES) return r.digest;
    return r.touches[i]!.digest;
  }

  /** Topics of the `i`th exchange: [i, this). */
  #upTo(r: Request, i: number): number {
    return i === MAX_EXCHANGES - 1 ? r.touched : Math.min(i + 1, r.touched);
  }

  #tellAsked(x: Exchange, r: Request, i: number): void {
    const upTo = this.#upTo(r, i);
    const isProduce = r.apiKey === ApiKey.produce;
    let asked = 0;
    for (let t = i; t < upTo; t++) {
      const touch = r.touches[t]!;
      asked += isProduce ? touch.records : touch.partitions;
      if (x.traceparent === '') x.traceparent = touch.traceparent;
    }
    if (isProduce && x.traceparent !== '') this.bound.stats.registry.inc(this.bound.stats.own.traced);
    x.batchSize = isProduce || (asked > 1 && !r.isFetch) ? asked : 0;
  }

  /** Ends all exchanges of a request. `isRead`: what its reply says is known. */
  #end(r: Request, replies: Replies, isRead: boolean): void {
    this.#tellClient(r);
    const isBatch = r.opened > 1;
    const isProduce = r.apiKey === ApiKey.produce;
    const isIdentified = r.group !== null || r.transactionalId !== '';
    if (isIdentified) {
      this.#identified ??= new AttributeTexts(this.#clusterId);
      this.#identified.identify(r);
    }
    const texts = isIdentified ? this.#identified! : this.#plain;
    const { opened } = r;
    for (let i = 0; i < opened; i++) {
      const x = r.exchanges[i]!;
      const upTo = this.#upTo(r, i);
      let returned = 0;
      let taken = 0;
      let code = 0;
      let codec = -1;
      let why = r.denial;
      for (let t = i; t < upTo; t++) {
        const touch = r.touches[t]!;
        why ??= touch.denial;
        returned += touch.returned;
        if (isProduce && isRead) taken += touch.records - touch.refusedRecords;
        if (code === 0) code = touch.error;
        if (codec < 0) codec = touch.codec;
      }
      if (code === 0) code = r.ownError;
      x.replies = replies;
      x.flags |= r.flags | (isBatch ? Flag.batch : 0);
      x.digest = this.#digestOf(r, i); // who fetches hears of topics in the reply
      x.rowsReturned = returned;
      x.rowsAffected = taken;
      // Of a reply that did not come to its end nobody has heard.
      if (code !== 0 && x.outcome !== Outcome.lost) {
        x.outcome = Outcome.error;
        x.code = errorName(code);
      }
      if (why !== null && x.outcome !== Outcome.lost) sayDenied(x, why, r.denialCode || code);
      const partition = upTo - i === 1 ? r.touches[i]!.partition : -1;
      if (!r.isToken) x.attributes = texts.of(r.apiVersion, partition, codec, r.throttleMs);
      this.#close(x, r);
    }
  }

  #close(x: Exchange, r: Request): void {
    this.open--;
    r.opened--;
    this.host.end(x);
  }

  // ---- who is talking

  /** A broker has told the cluster's id. */
  onClusterId(id: string): void {
    if (id === this.#clusterId) return;
    this.#clusterId = id;
    this.#plain = this.bound.attributes.of(id);
    this.#identified = null;
  }

  /** A client may call itself another thing in each request: exchanges end under the name of theirs. */
  #tellClient(r: Request): void {
    const { facts } = this.host;
    if (!r.isToken && r.client.name !== facts.application) this.host.confirm({ application: r.client.name });
  }

  #becomesBroker(): void {
    if (this.host.facts.kind !== '') return;
    this.bound.stats.brokerSession();
    this.host.confirm({ kind: 'broker' });
  }

  /** What a step of a login came to. */
  onLoginStep(step: Step): void {
    if (step === 'more') return;
    const { login, host, bound } = this;
    bound.stats.sasl(login.mechanism, step === 'accepted', login.isAgain);
    if (step !== 'accepted') return;
    // Who was let in as one cannot become another (KIP-368), so whatever that is, it is no login.
    if (login.isAgain && this.judge?.holds === true && host.facts.user !== login.user) this.fault('out_of_order');
    else if (host.facts.user !== login.user) host.confirm({ user: login.user });
  }

  // ---- the end

  /** What came from either side cannot be read. Said once; nothing is read after it. */
  fault(fault: Fault): void {
    if (this.over) return;
    const { host, bound, rewriter, gate } = this;
    bound.stats.opaque(fault);
    this.endAll();
    if (rewriter !== null) rewriter.giveUp(fault);
    else if (gate !== null)
      host.close(`opaque:${fault}`); // what cannot be read may hold what is denied
    else host.opaque(fault);
  }

  /** The session is over: what is open was lost. */
  endAll(): void {
    if (this.over) return;
    this.over = true;
    const { stats, requests } = this.bound;
    while (this.pending.oldest !== null) {
      const r = this.pending.oldest;
      this.pending.shift();
      this.#openAll(r);
      if (!r.isToken) {
        if (r.maybeSilent) stats.noReply(r);
        else stats.lost(r);
      }
      if (r.waits || (r.isFetch && r.maxWaitMs > 0)) r.flags |= Flag.waits;
      if (!r.maybeSilent) for (let i = 0; i < r.opened; i++) r.exchanges[i]!.outcome = Outcome.lost;
      this.#end(r, r.maybeSilent ? Replies.none : Replies.one, false);
      requests.give(r);
    }
    if (this.login.onEnd()) stats.sasl(this.login.mechanism, false, this.login.isAgain);
    stats.sessionEnd();
  }
}

/** What is known with the reply of one request has been judged with its first exchange. */
function sayAsFirst(first: Exchange, x: Exchange): void {
  x.verdict = first.verdict;
  x.policy = first.policy;
  x.shadowVerdict = first.shadowVerdict;
  x.shadowPolicy = first.shadowPolicy;
  x.policySnapshot = first.policySnapshot;
  x.requestOffset = first.requestOffset;
}

/** `code`: what the client gets; 0: the reply has no room for one. */
function sayDenied(x: Exchange, why: Denial, code: number): void {
  x.outcome = Outcome.denied;
  x.flags |= Flag.denied;
  x.verdict = VerdictCode.denied;
  x.policy = why.policy;
  x.code = code === 0 ? '' : errorName(code);
  x.rowsReturned = x.rowsAffected = 0;
}
