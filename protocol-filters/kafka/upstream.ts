import type { Fault } from '../../src/exchange/fault.ts';
import { MAX_CLUSTER_ID } from './attributes.ts';
import type { Conversation } from './conversation.ts';
import type { Downstream } from './downstream.ts';
import type { Step } from './identity.ts';
import { Names, NO_NAMES } from './name-patterns.ts';
import { shownName } from './names.ts';
import type { RecordsFacts } from './records/facts.ts';
import { afterReply } from './reply-effects.ts';
import { afterPartition, PartitionFacts, ReplyFacts } from './reply-facts.ts';
import { MAX_EXCHANGES, MAX_TOUCHES, type Request, type Topic, type Touch } from './request.ts';
import { ApiKey } from './schema/api.ts';
import type { Program } from './schema/program.ts';
import { programOf } from './schema/programs.ts';
import { Role } from './schema/roles.ts';
import { Status } from './stats/facts.ts';
import { isZeroId } from './topic-ids.ts';
import { ReplyReader } from './wire/reply-reader.ts';
import { End, type FrameState, type ReplySink } from './wire/sinks.ts';

/** Stands for every version that the tables have not. */
const TOO_NEW = 99;
const TOPIC_RESOURCE = 2;
const NOWHERE = -1;
/** Kafka's limit for topics. */
const MAX_NAME_BYTES = 249;
/** APIs whose replies say which id is whose topic's. */
const TELLS_IDS: ReadonlySet<number> = new Set([ApiKey.metadata, ApiKey.createTopics, ApiKey.describeTopicPartitions]);
const NOTHING: Uint8Array = new Uint8Array(0);

/** What the broker says: replies end exchanges, in the order of the requests. */
export class Upstream implements ReplySink {
  readonly reader: ReplyReader;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  #r: Request | null = null;
  #isUnreadable = false;
  /** Of the topic that is being read: itself, its touch's place, the first error that was told of it. */
  #isInTopic = false;
  /** By its name, not by its id alone. */
  #isNamed = false;
  #topic: Topic | null = null;
  #place = NOWHERE;
  #near = 0;
  #nearPart = 0;
  /** Of a listing: the topic's name, which is none of ours until something is said of it. */
  #name: Uint8Array = NOTHING;
  #nameLength = 0;
  /** Told before the topic's name. */
  #earlyError = 0;
  #resourceType = 0;
  #isInPartition = false;
  readonly #partition = new PartitionFacts();
  readonly #facts = new ReplyFacts();
  #isInMember = false;
  /** What an answer to a token came to. */
  #step: Step = 'more';

  constructor(talk: Conversation, downstream: Downstream) {
    this.#talk = talk;
    this.#downstream = downstream;
    this.reader = new ReplyReader(this, { decompress: talk.bound.options.decompress });
    downstream.onTokensEnd = () => {
      this.reader.raw = false;
    };
  }

  // ---- ReplySink: frames

  onReply(_reader: FrameState, correlationId: number): Program | null {
    const r = this.#answered(correlationId);
    this.#r = r;
    if (r === null) {
      this.#talk.bound.stats.unpaired(this.reader.frameBytes);
      this.#refuse('unexpected_reply');
      return null;
    }
    this.#isInTopic = this.#isInPartition = this.#isInMember = false;
    this.#topic = null;
    this.#place = NOWHERE;
    this.#near = this.#nearPart = this.#earlyError = 0;
    this.#step = 'more';
    this.#facts.clear(r.group);
    if (r.isStandIn) return null;
    const program =
      programOf(r.apiKey, r.apiVersion, 'response') ??
      (r.apiKey === ApiKey.apiVersions ? programOf(r.apiKey, TOO_NEW, 'response') : null);
    this.#isUnreadable = program === null;
    return program;
  }

  onReplyEnd(reader: FrameState, end: End): void {
    const r = this.#r;
    if (r === null) return;
    this.#r = null;
    const talk = this.#talk;
    if (r.isStandIn) {
      r.error = r.denialCode || -1;
      talk.answer(r, Status.whole, reader.frameBytes, reader.startedAt);
      return;
    }
    const status =
      end === End.malformed
        ? Status.malformed
        : end === End.trailing
          ? Status.trailing
          : this.#isUnreadable || end === End.unknown
            ? Status.unknown
            : Status.whole;
    if (r.throttleMs < 0) r.throttleMs = 0;
    r.error = r.ownError;
    for (let i = 0; i < r.touched && r.error === 0; i++) r.error = r.touches[i]!.error;
    const isRead = status === Status.whole || status === Status.trailing;
    if (isRead) {
      afterReply(talk, r, this.#facts);
      talk.onLoginStep(this.#step);
      if (talk.over) {
        this.reader.stop();
        return;
      }
    }
    talk.hints?.end();
    if (isFetching(r) && r.touched > MAX_EXCHANGES) r.digest = talk.bound.digests.rest(r.apiKey, namesOf(r));
    const turnsRaw = isRead && r.apiKey === ApiKey.saslHandshake && r.apiVersion === 0 && r.ownError === 0;
    talk.answer(r, status, reader.frameBytes, reader.startedAt);
    if (turnsRaw) this.#turnRaw();
  }

  onRaw(reader: FrameState, bytes: number, buf: Buffer, start: number, end: number): void {
    const talk = this.#talk;
    const r = talk.pending.oldest;
    if (r === null || !r.isToken) {
      talk.bound.stats.unpaired(bytes);
      this.#refuse('unexpected_reply');
      return;
    }
    const step = talk.login.onServerToken(buf, start, end, false);
    talk.onLoginStep(step);
    if (talk.over) {
      this.reader.stop();
      return;
    }
    if (step !== 'more') this.#downstream.reader.raw = this.#downstream.isRaw = this.reader.raw = false;
    r.status = Status.whole;
    talk.answer(r, Status.whole, bytes + 4, reader.startedAt);
  }

  onFault(fault: Fault): void {
    this.#refuse(fault);
  }

  #refuse(fault: Fault): void {
    this.reader.stop();
    this.#talk.fault(fault);
  }

  /** The request that this reply answers: the oldest, but for those of which nobody can say whether they are answered. */
  #answered(correlationId: number): Request | null {
    const { pending } = this.#talk;
    let r = pending.oldest;
    if (r === null || isAnsweredBy(r, correlationId)) return r;
    while (r?.maybeSilent && !isAnsweredBy(r, correlationId)) r = r.next;
    if (r === null || !isAnsweredBy(r, correlationId)) return null;
    while (pending.oldest !== null && pending.oldest !== r) this.#talk.passOver(pending.oldest);
    return r;
  }

  // ---- ReplySink: fields

  number(role: number, value: number): void {
    const r = this.#r;
    if (r === null) return;
    switch (role) {
      case Role.errorCode:
        if (value !== 0) this.#onError(r, value);
        return;
      case Role.partition:
        this.#partition.index = value;
        return;
      case Role.throttleMs:
        r.throttleMs = value;
        return;
      case Role.highWatermark:
        this.#partition.highWatermark = value;
        return;
      case Role.lastStableOffset:
        this.#partition.lastStableOffset = value;
        return;
      case Role.offset:
        this.#partition.offset = value;
        return;
      case Role.committedOffset:
        this.#partition.committedOffset = value;
        return;
      case Role.baseOffset:
        this.#partition.baseOffset = value;
        return;
      case Role.sessionId:
        this.#facts.sessionId = value;
        return;
      case Role.generation:
        if (!this.#isInMember) this.#facts.generation = value;
        return;
      case Role.resourceType:
        this.#resourceType = value;
        return;
      case Role.port:
        this.#talk.hints?.port(value);
        return;
    }
  }

  text(role: number, buf: Buffer, start: number, end: number): void {
    const r = this.#r;
    if (r === null) return;
    const { bound, hints, login } = this.#talk;
    switch (role) {
      case Role.topic:
        if (start < 0 || !this.#isInTopic) return;
        if (isListing(r)) this.#keepName(buf, start, end);
        if (isListing(r) && this.#earlyError === 0) return;
        this.#isNamed = true;
        this.#onTopic(r, bound.topics.of(buf, start, end));
        return;
      case Role.group:
        if (start >= 0) this.#facts.group = bound.groups.of(buf, start, end);
        return;
      case Role.memberId:
        if (start >= 0 && r.member === '' && !this.#isInMember) r.member = this.#downstream.memberOf(buf, start, end);
        return;
      case Role.resourceName:
        if (start < 0 || this.#resourceType !== TOPIC_RESOURCE) return;
        this.#onTopic(r, bound.topics.of(buf, start, end));
        return;
      case Role.clusterId:
        if (start >= 0) this.#talk.onClusterId(shownName(buf, start, Math.min(end, start + MAX_CLUSTER_ID)));
        return;
      case Role.host:
        hints?.host(buf, start, end);
        return;
      case Role.authBytes:
        this.#step = login.onServerToken(buf, Math.max(0, start), Math.max(0, end), r.ownError !== 0);
        return;
    }
  }

  uuid(role: number, buf: Buffer, start: number): void {
    const r = this.#r;
    if (r === null || role !== Role.topicId || !this.#isInTopic || isZeroId(buf, start)) return;
    const { bound } = this.#talk;
    // Name and id side by side: a broker says which is whose. Some replies (DeleteTopics) only repeat what the client said.
    if (this.#isNamed || this.#nameLength > 0) {
      if (!TELLS_IDS.has(r.apiKey)) return;
      if (this.#isNamed) bound.topicIds.learn(buf, start, this.#topic!.bytes, 0, this.#topic!.bytes.length);
      else bound.topicIds.learn(buf, start, this.#name, 0, this.#nameLength);
    } else if (this.#topic === null) this.#onTopic(r, bound.topicIds.find(buf, start) ?? bound.unknownTopic);
  }

  list(role: number, count: number): void {
    if (role === Role.members) this.#facts.members = Math.max(0, count);
  }

  item(role: number): void {
    switch (role) {
      case Role.topics:
      case Role.resources:
        this.#isInTopic = true;
        this.#isNamed = false;
        this.#topic = null;
        this.#place = NOWHERE;
        this.#earlyError = this.#resourceType = this.#nameLength = 0;
        return;
      case Role.partitions:
        this.#isInPartition = true;
        this.#partition.clear();
        return;
      case Role.members:
        this.#isInMember = true;
        return;
    }
  }

  itemEnd(role: number): void {
    const r = this.#r;
    if (r === null) return;
    switch (role) {
      case Role.topics:
      case Role.resources:
        // Of a topic that was not named: an error of the request's own.
        if (this.#earlyError !== 0) this.#tellError(r, this.#earlyError);
        this.#earlyError = 0;
        this.#isInTopic = false;
        this.#topic = null;
        return;
      case Role.partitions:
        this.#isInPartition = false;
        if (this.#topic === null) return;
        afterPartition(
          this.#talk,
          r,
          this.#topic,
          this.#place < 0 ? null : r.touches[this.#place]!,
          this.#partition,
          this.#nearPart++,
          this.#facts,
        );
        return;
      case Role.members:
        this.#isInMember = false;
        return;
    }
  }

  records(facts: RecordsFacts): void {
    const r = this.#r;
    if (r === null || facts.bytes <= 0) return;
    const { stats } = this.#talk.bound;
    if (facts.malformed) stats.malformedRecords(r.apiKey);
    if (facts.batches === 0) return;
    this.#facts.hasRecords = this.#partition.hasRecords = true;
    this.#partition.firstOffset = facts.baseOffset;
    this.#partition.lastOffset = facts.lastOffset;
    stats.fetched(this.#topic, r, facts.batches, facts.records, facts.bytes, facts.codec);
    const touch = this.#touchOf(r);
    if (touch === null) return;
    if (touch.returned === 0 && touch.codec < 0) touch.codec = facts.codec;
    touch.returned += facts.records;
    if (touch.traceparent === '') touch.traceparent = facts.traceparent;
  }

  // ---- topics and partitions

  #keepName(buf: Buffer, start: number, end: number): void {
    if (this.#name.length === 0) this.#name = new Uint8Array(MAX_NAME_BYTES);
    this.#nameLength = end - start > MAX_NAME_BYTES ? 0 : end - start;
    for (let i = 0; i < this.#nameLength; i++) this.#name[i] = buf[start + i]!;
  }

  #onTopic(r: Request, topic: Topic): void {
    this.#topic = topic;
    this.#place = r.findTouch(topic, this.#near);
    // Topics that are not told apart share their partitions: theirs go on.
    if (this.#place < 0 || this.#place !== this.#near - 1) this.#nearPart = 0;
    if (this.#place >= 0) this.#near = this.#place + 1;
    if (this.#earlyError === 0) return;
    const error = this.#earlyError;
    this.#earlyError = 0;
    this.#tellError(r, error);
  }

  /** Of the topic that is being read; who fetches learns of its topics from the reply. Null: it was not asked for. */
  #touchOf(r: Request): Touch | null {
    if (this.#place >= 0) return r.touches[this.#place]!;
    const topic = this.#topic;
    if (topic === null || !isFetching(r)) return null;
    const digest = this.#talk.bound.digests.topic(r.apiKey, topic, namesOf(r));
    const touch = r.touch(topic, digest, MAX_TOUCHES);
    this.#place = r.findTouch(topic, r.touched - 1);
    return touch;
  }

  #onError(r: Request, code: number): void {
    if (this.#isInPartition) this.#partition.error ||= code;
    if (this.#isInTopic && this.#topic === null && this.#nameLength > 0)
      this.#onTopic(r, this.#talk.bound.topics.of(this.#name, 0, this.#nameLength));
    // Some replies tell a topic's error before its name.
    if (this.#isInTopic && this.#topic === null) this.#earlyError ||= code;
    else this.#tellError(r, code);
  }

  #tellError(r: Request, code: number): void {
    this.#talk.bound.stats.error(r, code, this.#topic);
    const touch = this.#topic === null ? null : this.#touchOf(r);
    if (touch === null) r.ownError ||= code;
    else touch.error ||= code;
  }

  /** What follows on both sides are tokens without headers, until the login is over. */
  #turnRaw(): void {
    const { login, pending } = this.#talk;
    const { reader } = this.#downstream;
    // What the client has said since may be a token or a request: nobody can tell.
    if (reader.inside || pending.size > 0) this.#refuse('ambiguous');
    else if (!login.isCounted && !login.endsAtZero) this.#refuse('unsupported_version');
    else {
      reader.raw = this.reader.raw = true;
      reader.rawEndsAtZero = login.endsAtZero;
      this.#downstream.isRaw = true;
    }
  }
}

const isAnsweredBy = (r: Request, correlationId: number): boolean => !r.isToken && r.correlationId === correlationId;

/** In a session, for a group that shares too, it names only what changes, and the reply holds records of all. */
const isFetching = (r: Request): boolean => r.isFetch || r.apiKey === ApiKey.shareFetch;

/** What a request that fetches names beside topics: the group that shares. */
function namesOf({ group }: Request): Names {
  if (group === null) return NO_NAMES;
  const names = new Names();
  names.group.set(group.bytes, 0, group.bytes.length);
  return names;
}

/** Does its reply list topics that nobody has asked for by name? They may be many, and most are of no concern here. */
const isListing = (r: Request): boolean => r.apiKey === ApiKey.metadata && r.touched === 0;
