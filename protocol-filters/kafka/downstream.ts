import type { Fault } from '../../src/exchange/fault.ts';
import { isBrokersOwn } from './acl-words.ts';
import type { Conversation } from './conversation.ts';
import { isPlausible, isTls } from './detect.ts';
import { FetchAsked } from './fetch-asked.ts';
import { type Held, HeldRequests } from './gate/held-requests.ts';
import { JudgedSink } from './gate/judged-sink.ts';
import { Names } from './name-patterns.ts';
import { isSame, LastName, shownName } from './names.ts';
import type { RecordsFacts } from './records/facts.ts';
import { type Client, MAX_EXCHANGES, MAX_TOUCHES, type Request, type Topic, type Touch } from './request.ts';
import { CoordinatorKey, isOfConfigs, namesAll } from './request-names.ts';
import { ApiKey, apiOf } from './schema/api.ts';
import { Role } from './schema/roles.ts';
import { Status } from './stats/facts.ts';
import { isZeroId } from './topic-ids.ts';
import { RequestReader } from './wire/request-reader.ts';
import { End, type FrameState, type RequestHeader, type RequestSink } from './wire/sinks.ts';

/** Topics told apart in all requests of a connection that wait for their reply. */
const MAX_PENDING_TOUCHES = 16_384;
/** ResourceType of a topic (ConfigResource.Type). */
const TOPIC_RESOURCE = 2;
/** FindCoordinator: what is coordinated. */
const TRANSACTION_KEY = 1;
/** ListOffsets: the offset behind the last record. */
const LATEST = -1;
/** Where policies are enforced: brokers take no more of who has not logged in (sasl.server.max.receive.size). */
const MAX_LOGIN_BYTES = 512 << 10;
const SHORT_TEXT = 64;
const HEAD_BYTES = 2;

/** What the client says: requests become exchanges and join those in flight. */
export class Downstream implements RequestSink, Held {
  readonly reader: RequestReader;
  /** Frames are SASL tokens without a header, or were until now. */
  isRaw = false;
  onTokensEnd: (() => void) | null = null;
  readonly #talk: Conversation;
  readonly #names = new Names();
  readonly #member = new LastName();
  readonly #transactionalId = new LastName();
  #client: Client;
  #r: Request | null = null;
  /** Of the topic that is being read. */
  #topic: Topic | null = null;
  #touch: Touch | null = null;
  #partition = -1;
  readonly #fetchAsked: FetchAsked;
  #resourceType = 0;
  /** FindCoordinator up to v3 names the key before its type. */
  readonly #key = new CoordinatorKey();
  #keyType = 0;
  /** Offset at which the present frame began. */
  #frameFrom = 0;
  #isHeaderRead = false;
  /** Null: requests leave as they come. */
  readonly #held: HeldRequests | null;
  /** The first bytes of the connection. */
  readonly #head = new Uint8Array(HEAD_BYTES);

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#client = talk.bound.nobody;
    this.#fetchAsked = new FetchAsked(talk);
    const { decompress } = talk.bound.options;
    const { judge } = talk;
    this.reader =
      judge === null
        ? new RequestReader(this, { decompress })
        : new RequestReader(new JudgedSink(this, judge.asked), { decompress, isJudged: true });
    this.#held = judge?.holds === true ? new HeldRequests(talk, judge, this) : null;
  }

  /** Bytes of the client; returns the offset read up to. */
  push(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    for (let i = start; i < end && at + (i - start) < HEAD_BYTES; i++) this.#head[at + (i - start)] = buf[i]!;
    if (this.#held !== null) return this.#held.push(buf, start, end, at);
    const upTo = at + (end - start);
    this.reader.push(buf, start, end, talk.host.now());
    if (talk.over || talk.gate === null || talk.rewriter?.closed === true) return upTo;
    talk.gate.release(this.#isHeaderRead ? upTo : Math.min(this.#frameFrom, upTo));
    return upTo;
  }

  // ---- Held: for gate/held-requests.ts

  /** Offset at which the frame under way began. */
  get frameFrom(): number {
    return this.#frameFrom;
  }

  get isClosed(): boolean {
    const { over, rewriter, gate } = this.#talk;
    return over || rewriter?.closed === true || gate?.closed === true;
  }

  /** Too much is held. */
  overflow(): void {
    this.#refuse('oversized');
  }

  /** The connection is over. */
  release(): void {
    this.#held?.release();
  }

  // ---- RequestSink: frames

  onRequest(reader: RequestHeader, buf: Buffer, clientStart: number, clientEnd: number): boolean {
    const talk = this.#talk;
    const { bound } = talk;
    this.#isHeaderRead = true;
    if (this.isRaw) this.#endTokens();
    if (talk.turns === 0 && !isPlausible(reader.apiKey, reader.apiVersion)) return this.#refuse('foreign_protocol');
    const r = bound.requests.take();
    this.#r = r;
    r.apiKey = reader.apiKey;
    r.apiVersion = reader.apiVersion;
    r.correlationId = reader.correlationId;
    r.api = apiOf(r.apiKey);
    r.isFetch = r.apiKey === ApiKey.fetch;
    r.client = clientStart < 0 ? bound.nobody : this.#clientOf(buf, clientStart, clientEnd);
    r.firstByteAt = reader.startedAt;
    this.#names.clear();
    this.#topic = this.#touch = null;
    this.#fetchAsked.begin();
    this.#keyType = 0;
    this.#key.clear();
    if (talk.judge?.holds === true && reader.frameBytes > MAX_LOGIN_BYTES && isOfLogin(r.apiKey)) {
      this.#r = null;
      bound.requests.give(r);
      return this.#refuse('oversized');
    }
    if (talk.gate === null || talk.gate.admit(r.apiKey, this.#frameFrom)) return true;
    r.lastByteAt = talk.host.now();
    this.#r = null;
    talk.deny(r);
    this.reader.stop();
    return false;
  }

  onRequestEnd(reader: RequestHeader, end: End): void {
    this.#frameFrom += reader.frameBytes;
    this.#isHeaderRead = false;
    const r = this.#r;
    if (r === null) return;
    this.#r = null;
    const talk = this.#talk;
    const { digests } = talk.bound;
    if (end === End.malformed && talk.turns === 0 && r.client === talk.bound.nobody) {
      talk.bound.requests.give(r);
      this.#refuse('foreign_protocol');
      return;
    }
    r.bytes = reader.frameBytes;
    r.lastByteAt = talk.host.now();
    r.isBroker ||= isBrokersOwn(r.apiKey);
    if (end === End.whole || end === End.trailing) {
      r.status = end === End.whole ? Status.whole : Status.trailing;
      this.#complete(r);
    } else {
      r.status = end === End.malformed ? Status.malformed : Status.unknown;
      r.forgetTouches();
      r.group = null;
      r.transactionalId = '';
      r.fetched = null;
      r.maybeSilent = r.apiKey === ApiKey.produce;
      if (r.api === null) r.digest = digests.unknownApi(r.apiKey);
      else r.digest = digests.unread(r.apiKey, r.status === Status.malformed ? 'malformed' : 'unknown_version');
    }
    const isSilent = r.apiKey === ApiKey.produce && r.acks === 0 && !r.maybeSilent;
    const { judge } = talk;
    if (judge?.holds === true) {
      judge.parsed = { r, isSilent, from: this.#frameFrom - reader.frameBytes, to: this.#frameFrom };
      reader.paused = true;
      return;
    }
    judge?.tell(r, this.#frameFrom - reader.frameBytes, this.#frameFrom);
    const { apiKey, apiVersion, correlationId, maybeSilent } = r;
    talk.begin(r, isSilent);
    if (talk.over) this.reader.stop();
    if (talk.over || isSilent || talk.rewriter === null) return;
    // Replies are told apart by counting them.
    if (maybeSilent) this.#refuse('ambiguous');
    else if (!talk.rewriter.onRequest(apiKey, apiVersion, correlationId)) this.#refuse('too_many_in_flight');
  }

  onRaw(reader: FrameState, bytes: number, buf: Buffer, start: number, end: number): void {
    this.#frameFrom += reader.frameBytes;
    const talk = this.#talk;
    const { bound, login } = talk;
    // Who does not wait for the broker may mean a token or, behind the last one, a request.
    if (login.isCounted && (!login.isUnderWay || talk.pending.size > 0)) {
      this.#refuse('ambiguous');
      return;
    }
    const r = bound.requests.take();
    r.isToken = true;
    r.maybeSilent = !login.isCounted;
    r.digest = bound.digests.token(login.shownMechanism);
    r.bytes = bytes + 4;
    r.firstByteAt = reader.startedAt;
    r.lastByteAt = talk.host.now();
    login.onClientToken(buf, start, end);
    if (login.actsForAnother && talk.judge?.holds === true) {
      bound.requests.give(r);
      this.#refuse('ambiguous');
      return;
    }
    talk.begin(r, false);
    if (talk.over) {
      this.reader.stop();
      return;
    }
    talk.rewriter?.onToken();
    if (talk.judge?.holds !== true) return;
    talk.judge.waitsForReplies = true;
    reader.paused = true;
  }

  onFault(fault: Fault): void {
    // The first bytes of another protocol are no length.
    const isFirst = this.#talk.turns === 0;
    const why = isTls(this.#head[0]!, this.#head[1]!) ? 'encrypted' : 'foreign_protocol';
    this.#refuse(isFirst ? why : fault);
  }

  /** A request where tokens were: the login is over. */
  #endTokens(): void {
    this.isRaw = false;
    this.onTokensEnd?.();
    this.#talk.rewriter?.tokensEnd();
  }

  /** A member id as text. */
  memberOf(buf: Buffer, start: number, end: number): string {
    return this.#member.textOf(buf, start, end);
  }

  #refuse(fault: Fault): false {
    this.reader.stop();
    this.#talk.fault(fault);
    return false;
  }

  #clientOf(buf: Buffer, start: number, end: number): Client {
    if (!isSame(this.#client.bytes, buf, start, end)) this.#client = this.#talk.bound.clients.of(buf, start, end);
    return this.#client;
  }

  /** All of its body is read. */
  #complete(r: Request): void {
    const { digests } = this.#talk.bound;
    const names = this.#names;
    if (r.apiKey === ApiKey.findCoordinator) this.#nameCoordinated(r);
    else if (r.apiKey === ApiKey.saslHandshake) this.#talk.login.ask(r.mechanism);
    if (r.isFetch) this.#fetchAsked.complete(r);
    else if (r.touched > MAX_EXCHANGES) r.digest = digests.rest(r.apiKey, names);
    else if (r.touched === 0 && r.digest === null) r.digest = digests.plain(r.apiKey, names);
    if (r.apiKey === ApiKey.joinGroup || r.apiKey === ApiKey.syncGroup) r.waits = true;
  }

  // ---- RequestSink: fields

  number(role: number, value: number): void {
    const r = this.#r;
    if (r === null) return;
    switch (role) {
      case Role.partition:
        this.#onPartition(r, value);
        return;
      case Role.fetchOffset:
        if (r.isFetch && this.#topic !== null) this.#fetchAsked.onOffset(r, this.#topic, this.#partition, value);
        return;
      case Role.committedOffset:
        this.#touch?.keep(this.#partition, value, 0, 0);
        return;
      case Role.timestamp:
        if (r.apiKey === ApiKey.listOffsets && value === LATEST) this.#touch?.keep(this.#partition, value, 0, 0);
        return;
      case Role.acks:
        r.acks = value;
        return;
      case Role.maxWaitMs:
        r.maxWaitMs = value;
        return;
      case Role.replicaId:
        if (value >= 0) r.isBroker = true;
        return;
      case Role.isolation:
        r.isolation = value;
        return;
      case Role.sessionId:
        r.sessionId = value;
        return;
      case Role.sessionEpoch:
        r.sessionEpoch = value;
        return;
      case Role.generation:
        r.generation = value;
        return;
      case Role.resourceType:
        this.#resourceType = value;
        return;
      case Role.keyType:
        this.#keyType = value;
        return;
    }
  }

  text(role: number, buf: Buffer, start: number, end: number): void {
    const r = this.#r;
    if (r === null || start < 0) return;
    const { bound, login } = this.#talk;
    switch (role) {
      case Role.topic:
        this.#onTopic(r, bound.topics.of(buf, start, end));
        return;
      case Role.group:
        if (this.#names.group.length === 0) r.group = bound.groups.of(buf, start, end);
        this.#names.group.set(buf, start, end);
        return;
      case Role.memberId:
        if (r.member === '' && end > start) r.member = this.#member.textOf(buf, start, end);
        return;
      case Role.transactionalId:
        if (r.transactionalId === '') r.transactionalId = this.#transactionalId.textOf(buf, start, end);
        this.#names.transactionalId.set(buf, start, end);
        return;
      case Role.coordinatorKey:
        this.#key.set(buf, start, end);
        return;
      case Role.topicRegex:
        // Which topics that are only the broker knows.
        if (end > start) this.#onTopic(r, bound.unknownTopic);
        return;
      case Role.resourceName:
        if (this.#resourceType === TOPIC_RESOURCE && isOfConfigs(r.apiKey))
          this.#onTopic(r, bound.topics.of(buf, start, end));
        return;
      case Role.softwareName:
        r.software = shownName(buf, start, Math.min(end, start + SHORT_TEXT));
        return;
      case Role.softwareVersion:
        r.softwareVersion = shownName(buf, start, Math.min(end, start + SHORT_TEXT));
        return;
      case Role.mechanism:
        r.mechanism = shownName(buf, start, Math.min(end, start + SHORT_TEXT));
        return;
      case Role.authBytes:
        login.onClientToken(buf, start, end);
        return;
    }
  }

  uuid(role: number, buf: Buffer, start: number): void {
    const r = this.#r;
    if (r === null || role !== Role.topicId || this.#topic !== null || isZeroId(buf, start)) return;
    const { bound } = this.#talk;
    this.#onTopic(r, bound.topicIds.find(buf, start) ?? bound.unknownTopic);
  }

  list(role: number, count: number): void {
    const r = this.#r;
    if (r === null) return;
    if (role === Role.topics) {
      if (namesAll(r.apiKey, r.apiVersion, count)) r.digest = this.#talk.bound.digests.all(r.apiKey, this.#names);
    } else if (role === Role.members && r.apiKey === ApiKey.leaveGroup) r.members = Math.max(0, count);
  }

  item(role: number): void {
    if (role === Role.topics) this.#topic = this.#touch = null;
    else if (role === Role.forgottenTopics) {
      this.#topic = this.#touch = null;
      this.#fetchAsked.forgets(true);
    } else if (role === Role.resources) this.#resourceType = 0;
    else if (role === Role.partitions) this.#partition = -1;
  }

  itemEnd(role: number): void {
    if (role === Role.topics) this.#topic = this.#touch = null;
    else if (role === Role.forgottenTopics) {
      this.#topic = null;
      this.#fetchAsked.forgets(false);
    }
  }

  records(facts: RecordsFacts): void {
    const r = this.#r;
    const touch = this.#touch;
    if (r === null || touch === null || facts.bytes < 0) return;
    if (facts.malformed) this.#talk.bound.stats.malformedRecords(r.apiKey);
    if (facts.batches === 0) return;
    if (touch.codec < 0) touch.codec = facts.codec;
    if (touch.traceparent === '') touch.traceparent = facts.traceparent;
    touch.batches += facts.batches;
    touch.records += facts.records;
    touch.bytes += facts.bytes;
    touch.keep(this.#partition, facts.records, facts.bytes, facts.batches);
  }

  // ---- topics

  #onTopic(r: Request, topic: Topic): void {
    const digest = this.#talk.bound.digests.topic(r.apiKey, topic, this.#names);
    this.#topic = topic;
    this.#partition = -1;
    if (r.isFetch) {
      this.#fetchAsked.onTopic(r, topic, digest);
      return;
    }
    const room = Math.max(1, MAX_PENDING_TOUCHES - this.#talk.pending.touches);
    this.#touch = r.touch(topic, digest, Math.min(MAX_TOUCHES, room));
  }

  #onPartition(r: Request, partition: number): void {
    this.#partition = partition;
    const topic = this.#topic;
    if (topic === null) return;
    if (r.isFetch) this.#fetchAsked.onPartition(r, topic, partition);
    else this.#touch?.addPartition(partition);
  }

  #nameCoordinated(r: Request): void {
    const { bytes, length, isFirstOfMany } = this.#key;
    if (length === 0) return;
    const { group, transactionalId } = this.#names;
    const isGroup = this.#keyType !== TRANSACTION_KEY;
    const pattern = isGroup ? group : transactionalId;
    pattern.set(bytes, 0, length);
    pattern.isFirstOfMany = isFirstOfMany;
    if (isGroup) r.group = this.#talk.bound.groups.of(bytes, 0, length);
    else r.transactionalId = this.#transactionalId.textOf(bytes, 0, length);
  }
}

const isOfLogin = (apiKey: number): boolean =>
  apiKey === ApiKey.apiVersions || apiKey === ApiKey.saslHandshake || apiKey === ApiKey.saslAuthenticate;
