import type { Exchange } from '../../../src/exchange/exchange.ts';
import type { Denial, Refusal, Turn } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import type { Conversation } from '../conversation.ts';
import { countsTokens } from '../identity.ts';
import { MAX_EXCHANGES, type Request } from '../request.ts';
import { highestVersion, refusal as versionRefusal } from '../rewrite/api-versions.ts';
import type { ReplyChange } from '../rewrite/reply-rewriter.ts';
import { ApiKey } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import { Status } from '../stats/facts.ts';
import type { Message } from '../wire/message.ts';
import { decodeMessage, encodeReply } from '../wire/message-codec.ts';
import { isForBrokers } from './acl.ts';
import { Asked, Doubt } from './asked.ts';
import { codeOf } from './error-codes.ts';
import { errorReply } from './error-reply.ts';
import { MetadataPart } from './metadata-part.ts';
import { limitedReply } from './reply-limits.ts';
import { ShareSessions } from './share-sessions.ts';
import { standIn } from './stand-in.ts';

/** A request that is read, and waits to be judged. */
interface Parsed {
  readonly r: Request;
  readonly isSilent: boolean;
  /** Its frame, in the client's direction. */
  readonly from: number;
  readonly to: number;
}

/** What becomes of a request: it goes on, it waits, or the connection is over. */
export type Ruling = 'settled' | 'waits' | 'over';

const NOTHING = Buffer.alloc(0);
const UNREADABLE = 'sluice.unreadable';
/** Without its records; who is denied more is not answered: the reply would name it all again. */
const MOST_ANSWERED = 2 << 20;
const BROKERS_ONLY = 'sluice.brokers_only';

/**
 * Has requests judged. Where policies are enforced a request is held until it is whole and the verdict is there; a denied one is
 * replaced by a stand-in, and the stand-in's reply by the error that a broker would give for want of rights.
 */
export class Judge {
  /** Requests are held until they are judged. False: policies are told, and change nothing. */
  readonly holds: boolean;
  readonly asked: Asked;
  /** Not null: nothing is read before it is settled. */
  parsed: Parsed | null = null;
  /** What the broker answers may change who the client is: nothing is read before all is answered. */
  waitsForReplies = false;
  readonly #talk: Conversation;
  readonly #shares = new ShareSessions();
  /** Fetch requests within a session, or that begin one, whose reply is to come. */
  #fetches = 0;
  // Of the request that is being asked about.
  #frame: Buffer = NOTHING;
  #now: Parsed | null = null;
  #why: Denial | null = null;
  #part: MetadataPart | null = null;
  #change: ReplyChange | null = null;
  #isClosing = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.holds = talk.host.enforces;
    this.asked = new Asked(talk.bound.topicIds, talk.bound.factsBook);
  }

  // ---- observed

  /** Asks about a request that has left already: its frame is [from, to). Its exchanges are made by it. */
  tell(r: Request, from: number, to: number): void {
    const { asked } = this;
    if (r.status === Status.malformed) asked.cannotSay(Doubt.malformed);
    else if (r.status === Status.unknown) asked.cannotSay(Doubt.version);
    else this.#addSession(r);
    const ops = this.#talk.prepare(r);
    this.#talk.host.ask({ from, to, complete: true, ops, facts: [asked.facts()] });
  }

  // ---- enforced

  /** The parsed request, whose frame is lent. */
  rule(frame: Buffer): Ruling {
    const parsed = this.parsed!;
    this.#frame = frame;
    this.#now = parsed;
    this.#why = this.#part = this.#change = null;
    this.#isClosing = false;
    const ruling = this.#rule(parsed);
    this.#frame = NOTHING;
    this.#now = null;
    if (ruling !== 'waits') this.parsed = null;
    return ruling;
  }

  #rule(parsed: Parsed): Ruling {
    const { r } = parsed;
    if (r.status !== Status.whole) return this.#ruleUnread(parsed);
    if (isForBrokers(r.apiKey, r.apiVersion) || this.asked.asksAsBroker) {
      const message = `${r.api?.name ?? 'this request'} is for brokers only`;
      return this.#denySelf(parsed, BROKERS_ONLY, message, ErrorCode.clusterAuthorizationFailed);
    }
    if (r.apiKey === ApiKey.saslHandshake && r.apiVersion === 0 && !this.#allowsRawTokens(r))
      return this.#deny(parsed, true);
    if (this.#talk.login.actsForAnother && r.apiKey === ApiKey.saslAuthenticate) {
      this.#why = denialOf(UNREADABLE, 'a login of one user as another');
      return this.#deny(parsed, true);
    }
    const isSession = r.isFetch && r.sessionEpoch >= 0;
    if (isSession && this.#fetches > 0) return 'waits';
    const missing = this.#addSession(r);
    if (missing !== 0) return this.#denySelf(parsed, UNREADABLE, 'begun on another connection', missing);
    const { doubt } = this.asked;
    if (doubt === Doubt.tooMany) {
      this.#why = denialOf(UNREADABLE, 'more names than can be judged at once');
      return this.#deny(parsed, true);
    }
    if (doubt === Doubt.topicId)
      return this.#denySelf(parsed, UNREADABLE, 'an unknown topic id', ErrorCode.unknownTopicId);
    if (doubt === Doubt.topicName)
      return this.#denySelf(parsed, UNREADABLE, 'no topic can have such a name', ErrorCode.invalidTopicException);
    return this.#ask(parsed);
  }

  #allowsRawTokens(r: Request): boolean {
    const isAllowed = this.#talk.bound.options.sasl_v0 === 'allow' && countsTokens(r.mechanism);
    if (!isAllowed) this.#why = denialOf(UNREADABLE, 'a login whose tokens have no headers');
    return isAllowed;
  }

  /** Nobody can say what it is: the connection ends, but for the question that clients begin with. */
  #ruleUnread(parsed: Parsed): Ruling {
    const { r } = parsed;
    if (r.status === Status.unknown && r.apiKey === ApiKey.apiVersions) {
      const highest = highestVersion(ApiKey.apiVersions);
      const body = versionRefusal(highest);
      const frame = encodeReply(ApiKey.apiVersions, 0, r.correlationId, {});
      const head = Buffer.from(frame.subarray(0, 8));
      head.writeInt32BE(body.length + 4, 0);
      this.#change = { kind: 'instead', bytes: Buffer.concat([head, body]) };
      return this.#denySelf(parsed, UNREADABLE, 'an unknown version', ErrorCode.unsupportedVersion);
    }
    const words =
      r.status === Status.unknown
        ? r.api === null
          ? 'an unknown API'
          : 'an unknown version'
        : 'it cannot be read for certain';
    this.#why = denialOf(UNREADABLE, words);
    this.#deny(parsed, true);
    return 'over';
  }

  /** Adds the topics of its session to what it asks for. Not 0: nobody knows the session, and so says its error. */
  #addSession(r: Request): number {
    const { asked } = this;
    asked.beginSession();
    if (r.isFetch && r.sessionEpoch > 0) {
      const { fetched } = r;
      const known = this.#talk.fetchSessions.find(r.sessionId);
      if (fetched === null || fetched.isCut || fetched !== known)
        return this.#unknownSession(ErrorCode.fetchSessionIdNotFound);
      for (const topic of fetched.each()) asked.topic(topic.bytes);
    } else if (r.apiKey === ApiKey.shareFetch && r.sessionEpoch > 0) {
      const topics = this.#shares.find(r);
      if (topics === null) return this.#unknownSession(ErrorCode.shareSessionNotFound);
      for (const topic of topics) asked.topic(topic.bytes);
    }
    if (r.apiKey === ApiKey.shareFetch && r.sessionEpoch >= 0) this.#shares.add(r);
    return 0;
  }

  #unknownSession(code: number): number {
    if (!this.holds) this.asked.cannotSay(Doubt.session);
    return code;
  }

  // ---- asking

  #ask(parsed: Parsed): Ruling {
    const { r } = parsed;
    const { host } = this.#talk;
    const facts = this.asked.facts();
    const ops = this.#talk.prepare(r);
    if (r.apiKey === ApiKey.metadata && r.apiVersion > 0) this.#part = new MetadataPart(facts, r.apiVersion);
    const turn = { from: parsed.from, to: parsed.to, complete: true, ops, facts: [facts] };
    let verdict = host.ask(turn);
    while (verdict === 'deny' && this.#part !== null && this.#why === null) {
      const rest = this.#part;
      if (rest.isEmpty) break;
      verdict = host.ask({ ...turn, ops: this.#opsOf(r, rest), facts: [rest.facts] });
    }
    if (verdict === 'later') {
      this.#talk.unprepare(r);
      return 'waits';
    }
    if (this.#why !== null) return this.#deny(parsed, this.#isClosing);
    if (this.#part?.isChanged === true) this.#sendPart(parsed, this.#part);
    return this.#go(parsed);
  }

  /** Exchanges of topics that are not denied. At least one. */
  #opsOf(r: Request, part: MetadataPart): readonly Exchange[] {
    const ops: Exchange[] = [];
    for (let i = 0; i < r.prepared; i++) {
      const topic = r.touched === 0 ? null : r.touches[i]!.topic;
      const isShared = i === MAX_EXCHANGES - 1;
      if (topic === null || isShared || part.isDenied(topic) === null) ops.push(r.exchanges[i]!);
    }
    return ops.length > 0 ? ops : [r.exchanges[0]!];
  }

  /** Called by the host from within ask(). */
  refuse(_turn: Turn, why: Denial): Refusal {
    const { r, isSilent } = this.#now!;
    if (this.#part?.without(why) === true) return { kind: 'again' };
    this.#why = why;
    // Who wants no reply gets none, and would never hear of it.
    this.#isClosing = isSilent || this.#isLarge;
    if (this.#isClosing) return { kind: 'close', last: null };
    return { kind: 'standIn', bytes: standIn(r.correlationId) };
  }

  /** The error as last words, where no other reply is to come before it. */
  expel(why: Denial): Uint8Array | null {
    if (this.#now === null) return null;
    const { r, isSilent } = this.#now;
    this.#why = why;
    this.#isClosing = true;
    if (isSilent || this.#isLarge || this.#talk.pending.size > 0) return null;
    return this.#errorOf(r, codeOf(why, r.apiKey, r.apiVersion), wordsOf(why)).bytes;
  }

  // ---- what becomes of it

  #go({ r, isSilent }: Parsed): Ruling {
    const talk = this.#talk;
    const change = this.#change ?? this.#limitOf(r);
    const { apiKey, apiVersion, correlationId } = r;
    if (r.isFetch && r.sessionEpoch >= 0) this.#fetches++;
    talk.begin(r, isSilent);
    if (talk.over) return 'over';
    if (isSilent) return 'settled';
    if (talk.rewriter?.onRequest(apiKey, apiVersion, correlationId, change) === false) {
      talk.fault('too_many_in_flight');
      return 'over';
    }
    // What follows a login is said by somebody else.
    if (apiKey === ApiKey.saslHandshake || apiKey === ApiKey.saslAuthenticate) this.waitsForReplies = true;
    return 'settled';
  }

  #limitOf(r: Request): ReplyChange | null {
    const { host } = this.#talk;
    if (!host.cuts || (!r.isFetch && r.apiKey !== ApiKey.shareFetch)) return null;
    const x = r.exchanges[0];
    if (x === null || x === undefined || (x.maxRows === 0 && x.maxReplyBytes === 0)) return null;
    return { kind: 'edited', edit: (frame) => limitedReply(host, r, frame) };
  }

  /** Denied by the protocol filter itself, whatever the policies say. */
  #denySelf(parsed: Parsed, policy: string, message: string, code: number): Ruling {
    this.#why = denialOf(policy, message);
    parsed.r.denialCode = code;
    const closes = parsed.isSilent || this.#isLarge;
    if (!closes) this.#talk.host.replace(Side.downstream, parsed.from, parsed.to, standIn(parsed.r.correlationId));
    return this.#deny(parsed, closes);
  }

  /** Its error would be. */
  get #isLarge(): boolean {
    return this.#frame.length - this.asked.recordBytes > MOST_ANSWERED;
  }

  #deny(parsed: Parsed, closes: boolean): Ruling {
    const { r } = parsed;
    const talk = this.#talk;
    const why = this.#why!;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.denied);
    if (r.prepared === 0) this.#prepareUnasked(parsed);
    r.denial = why;
    if (r.denialCode === 0) r.denialCode = codeOf(why, r.apiKey, r.apiVersion);
    this.#forgetSessions(r);
    if (closes) {
      talk.endDenied(r);
      talk.host.close(`denied:${why.policy}`);
      return 'over';
    }
    registry.inc(own.stand_ins);
    r.isStandIn = true;
    if (this.#change === null) {
      const { bytes, isTold } = this.#errorOf(r, r.denialCode, wordsOf(why));
      if (!isTold) r.denialCode = 0;
      this.#change = { kind: 'instead', bytes };
    }
    const { apiKey, apiVersion, correlationId } = r;
    const change = this.#change;
    talk.begin(r, false);
    if (talk.over) return 'over';
    if (talk.rewriter?.onRequest(apiKey, apiVersion, correlationId, change) !== false) return 'settled';
    talk.fault('too_many_in_flight');
    return 'over';
  }

  #prepareUnasked({ r, from }: Parsed): void {
    const { host } = this.#talk;
    for (const x of this.#talk.prepare(r)) {
      x.policySnapshot = host.policySnapshot;
      x.requestOffset = from;
    }
  }

  /** The broker has not heard what the session was to become: it is asked for anew. */
  #forgetSessions(r: Request): void {
    if (r.isFetch && r.sessionEpoch > 0) this.#talk.fetchSessions.delete(r.sessionId);
    if (r.apiKey === ApiKey.shareFetch) this.#shares.forget(r);
  }

  #errorOf(r: Request, code: number, text: string): { readonly bytes: Buffer; readonly isTold: boolean } {
    const request = this.#decoded(r) ?? {};
    if (r.isFetch && r.sessionEpoch > 0 && r.fetched !== null) request['topics'] = r.fetched.asAsked();
    return errorReply(r.apiKey, r.apiVersion, r.correlationId, request, code, text);
  }

  #decoded(r: Request): Message | null {
    const body = bodyOf(this.#frame);
    return decodeMessage(r.apiKey, r.apiVersion, 'request', this.#frame, body);
  }

  /** What is left of a Metadata request goes on in its place. */
  #sendPart({ r, from, to }: Parsed, part: MetadataPart): void {
    const { host, bound } = this.#talk;
    const { registry, own } = bound.stats;
    registry.inc(own.filtered);
    const request = this.#decoded(r) ?? {};
    const header = Buffer.from(this.#frame.subarray(0, bodyOf(this.#frame)));
    host.replace(Side.downstream, from, to, part.request(header, r.apiVersion, request, bound.topicIds));
    const { apiVersion } = r;
    if (part.denied.size === 0) return;
    for (let i = 0; i < r.touched; i++) {
      const touch = r.touches[i]!;
      touch.denial = touch.topic === null ? null : part.isDenied(touch.topic);
      if (touch.denial !== null) touch.error = codeOf(touch.denial, r.apiKey, apiVersion);
    }
    if (r.touched === 0) r.denial = part.denied.get('') ?? null;
    const { topicIds } = bound;
    this.#change = { kind: 'edited', edit: (frame) => part.reply(frame, apiVersion, request, topicIds) };
  }

  // ---- replies

  /** A request has been answered: what waited for that is looked at again. */
  answered(r: Request, isRead: boolean): void {
    if (!this.holds) return;
    // Whatever the broker refused it for: the session is not what this request was to make of it.
    if (r.isFetch && r.sessionEpoch > 0 && (r.ownError !== 0 || !isRead)) this.#talk.fetchSessions.delete(r.sessionId);
    if (r.isFetch && r.sessionEpoch >= 0 && !r.isStandIn) this.#fetches--;
    if (this.parsed !== null || this.waitsForReplies) this.#talk.host.resume(Side.downstream);
  }
}

const denialOf = (policy: string, message: string): Denial => ({
  policy,
  message,
  kind: policy === UNREADABLE ? 'unreadable' : 'policy',
  closes: false,
});

/** Where a reply has room for words. */
const wordsOf = (why: Denial): string => `${why.message} (policy "${why.policy}")`;

/** Where the body of a request begins, behind its client id. The frame is one that was read. */
const bodyOf = (frame: Buffer): number => 14 + Math.max(0, frame.readInt16BE(12));
