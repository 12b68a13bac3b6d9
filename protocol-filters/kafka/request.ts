import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import type { FetchSession } from './fetch-sessions.ts';
import type { Name } from './names.ts';
import type { Api } from './schema/api.ts';
import { type ClientCounts, type ClientKey, type GroupCounts, Status, type TopicCounts } from './stats/facts.ts';
import { Counts } from './stats/slots.ts';

export type Topic = Name<TopicCounts>;
export type Client = Name<ClientCounts>;
export type Group = Name<GroupCounts>;

/** Stands where no client is known yet. Nothing is counted of it: it is the same for all filter chains. */
const UNKNOWN_CLIENT: Client = {
  name: '',
  bytes: new Uint8Array(0),
  counts: new Counts<ClientKey>(''),
  digests: [null, null],
};

/** Topics of one request that have an exchange of their own; what is beyond shares the last. */
export const MAX_EXCHANGES = 16;
/** Topics of one request that are told apart; what is beyond is counted together. */
export const MAX_TOUCHES = 1024;
/** Partitions of one topic and request of which is remembered what was asked for. */
const MAX_PARTS = 1024;
/** partition, and three numbers on it. */
const PART = 4;
const KEPT_PARTS = 16;
const KEPT_TOUCHES = 16;

/** One topic of a request: what was asked for, and what the broker said of it. Pooled with its request. */
export class Touch {
  /** Null: all topics beyond those told apart. */
  topic: Topic | null = null;
  digest: Digest | null = null;
  partitions = 0;
  /** The only one, or -1. */
  partition = -1;
  /** Sent, in a Produce: what its record batches hold. Codec of the first batch; -1: there was none. */
  records = 0;
  batches = 0;
  bytes = 0;
  codec = -1;
  traceparent = '';
  /** Of these, what the broker did not take. */
  refusedRecords = 0;
  refusedBatches = 0;
  refusedBytes = 0;
  /** Records in the reply. */
  returned = 0;
  /** First error of the topic or one of its partitions; 0: none. */
  error = 0;
  /** It was taken out of the request, which went on without it. */
  denial: Denial | null = null;
  readonly #parts: number[] = [0, 0, 0, 0];
  #partCount = 0;

  clear(): void {
    this.topic = null;
    this.digest = null;
    this.denial = null;
    this.partitions = this.records = this.batches = this.bytes = 0;
    this.partition = this.codec = -1;
    this.traceparent = '';
    this.refusedRecords = this.refusedBatches = this.refusedBytes = this.returned = this.error = 0;
    this.#partCount = 0;
    if (this.#parts.length > KEPT_PARTS * PART) this.#parts.length = 0;
  }

  addPartition(partition: number): void {
    this.partitions++;
    this.partition = this.partitions === 1 ? partition : -1;
  }

  /** Remembers of a partition what its reply will be about. */
  keep(partition: number, a: number, b: number, c: number): void {
    if (this.#partCount >= MAX_PARTS) return;
    const parts = this.#parts;
    const at = this.#partCount++ * PART;
    parts[at] = partition;
    parts[at + 1] = a;
    parts[at + 2] = b;
    parts[at + 3] = c;
  }

  /** Place of what was kept of a partition, to be read by part(); -1: nothing. `near`: where it is likely to be. */
  find(partition: number, near: number): number {
    const parts = this.#parts;
    if (near < this.#partCount && parts[near * PART] === partition) return near;
    for (let i = 0; i < this.#partCount; i++) if (parts[i * PART] === partition) return i;
    return -1;
  }

  /** The `number`th of what was kept, 1 to 3. */
  part(place: number, number: number): number {
    return this.#parts[place * PART + number]!;
  }
}

/**
 * A request, from its header to the end of its reply. Pooled: every field exists from birth with its type, and lists with room
 * for one, which is what most need: an empty one would grow to sixteen.
 */
export class Request {
  apiKey = 0;
  apiVersion = 0;
  correlationId = 0;
  /** Null: an API that the tables have not. */
  api: Api | null = null;
  status: number = Status.whole;
  /** A token of SASL without a header. */
  isToken = false;
  client: Client = UNKNOWN_CLIENT;
  group: Group | null = null;
  /** Of what names neither topic nor group, or of all topics. */
  digest: Digest | null = null;
  member = '';
  generation = -1;
  transactionalId = '';
  bytes = 0;
  replyBytes = 0;
  firstByteAt = 0;
  lastByteAt = 0;
  /** From its first byte to the reply's last; -1: not timed. */
  tookMs = -1;
  turn = 0;
  flags = 0;
  acks = 1;
  maxWaitMs = 0;
  /** The broker was asked to wait, and that is what the time went to. */
  waits = false;
  isFetch = false;
  /** As a broker does, by its replica id. */
  isBroker = false;
  /** Nobody can say whether it has a reply. */
  maybeSilent = false;
  /** Came above the cap of open exchanges: they are made when the reply is there. */
  isLate = false;
  throttleMs = 0;
  /** First error that belongs to no topic, and first of all. */
  ownError = 0;
  error = 0;
  /** Fetch: its session, or what may become one; id and epoch as asked. */
  fetched: FetchSession | null = null;
  sessionId = 0;
  sessionEpoch = -1;
  /** Fetch and ListOffsets: 1 = of committed records only. */
  isolation = 0;
  /** Fetch: of some partition there may be records already, as far as anybody knows. */
  mayHaveMore = false;
  /** LeaveGroup: how many it names. */
  members = 0;
  software = '';
  softwareVersion = '';
  /** SaslHandshake. */
  mechanism = '';
  /** All its topics: the first `touched`. */
  readonly touches: Touch[] = [new Touch()];
  touched = 0;
  /** Those it had when it began to wait. */
  heldTouches = 0;
  /** Begun and not ended: the first `opened`, one a topic. Made, to be judged: the first `prepared`. */
  readonly exchanges: (Exchange | null)[] = [null];
  opened = 0;
  prepared = 0;
  /** Why the client gets an error in the place of what it asked for, and which; 0: its reply has no room for one. */
  denial: Denial | null = null;
  denialCode = 0;
  /** The broker was sent something else, which it answers. */
  isStandIn = false;
  next: Request | null = null;

  clear(): void {
    this.apiKey = this.apiVersion = this.correlationId = 0;
    this.api = null;
    this.status = Status.whole;
    this.isToken =
      this.waits =
      this.isFetch =
      this.isBroker =
      this.maybeSilent =
      this.isLate =
      this.mayHaveMore =
      this.isStandIn =
        false;
    this.denial = null;
    this.client = UNKNOWN_CLIENT;
    this.group = null;
    this.digest = null;
    this.member = this.transactionalId = this.software = this.softwareVersion = this.mechanism = '';
    this.generation = this.tookMs = this.sessionEpoch = -1;
    this.bytes = this.replyBytes = this.firstByteAt = this.lastByteAt = this.turn = this.flags = 0;
    this.acks = 1;
    this.maxWaitMs = this.throttleMs = this.ownError = this.error = this.sessionId = this.isolation = this.members = 0;
    this.fetched = null;
    this.forgetTouches();
    if (this.exchanges.length > 1) this.exchanges.length = 1;
    this.exchanges[0] = null;
    this.opened = this.prepared = this.denialCode = this.heldTouches = 0;
    this.next = null;
  }

  forgetTouches(): void {
    for (let i = 0; i < this.touched; i++) this.touches[i]!.clear();
    if (this.touches.length > KEPT_TOUCHES) this.touches.length = KEPT_TOUCHES;
    this.touched = 0;
  }

  /**
   * The touch of a topic, made where it is not there yet; of the last one once there are MAX_TOUCHES. `most`: how many this
   * request may have. Only the newest are looked through: a request that names a topic twice far apart has it twice.
   */
  touch(topic: Topic, digest: Digest, most: number): Touch {
    for (let i = this.touched - 1; i >= 0 && i >= this.touched - MAX_EXCHANGES; i--) {
      const known = this.touches[i]!;
      if (known.topic === topic || known.topic?.name === topic.name) return known;
    }
    if (this.touched >= Math.min(most, MAX_TOUCHES)) {
      const last = this.touches[this.touched - 1]!;
      last.topic = null;
      return last;
    }
    if (this.touched === this.touches.length) this.touches.push(new Touch());
    const touch = this.touches[this.touched++]!;
    touch.topic = topic;
    touch.digest = digest;
    return touch;
  }

  /** Place of a topic's touch, or -1. `near`: where it is likely to be. */
  findTouch(topic: Topic, near: number): number {
    const { touches, touched } = this;
    if (near < touched && isOf(touches[near]!, topic)) return near;
    for (let i = 0; i < touched; i++) if (isOf(touches[i]!, topic)) return i;
    return touched > 0 && touches[touched - 1]!.topic === null ? touched - 1 : -1;
  }
}

const isOf = ({ topic: known }: Touch, topic: Topic): boolean =>
  known === topic || (known !== null && known.name === topic.name);

/** A free list of requests, one a filter chain. */
export class RequestPool {
  readonly #free: Request[] = [];

  take(): Request {
    return this.#free.pop() ?? new Request();
  }

  give(request: Request): void {
    request.clear();
    if (this.#free.length < MAX_FREE) this.#free.push(request);
  }
}
const MAX_FREE = 256;
