import type { Access, OperationFacts } from '../../../src/exchange/operation-facts.ts';
import type { RecordsFacts } from '../records/facts.ts';
import { isOfConfigs, namesAll } from '../request-names.ts';
import { ApiKey, apiOf } from '../schema/api.ts';
import { Role } from '../schema/roles.ts';
import { isZeroId, type TopicIds } from '../topic-ids.ts';
import type { FieldSink } from '../wire/sinks.ts';
import { type Needs, needsOf } from './acl.ts';
import type { FactsBook } from './facts-book.ts';
import { CLUSTER, type ResourceType, type Verb } from './vocabulary.ts';

/** Why nobody can say for certain what a request touches. */
const UNRESOLVED = [
  '',
  'topics chosen by a pattern',
  'an unknown type of resource',
  'an unknown version',
  'cannot be read',
  'a topic id that no broker has told',
  'a fetch session that was begun elsewhere',
  'no name that Kafka allows',
  'more names than can be judged at once',
] as const;
export const Doubt = {
  none: 0,
  pattern: 1,
  resourceType: 2,
  version: 3,
  malformed: 4,
  topicId: 5,
  session: 6,
  topicName: 7,
  tooMany: 8,
} as const;
export type Doubt = (typeof Doubt)[keyof typeof Doubt];

/** What stands before each name in a description. */
const Tag = { topic: 1, group: 2, transactionalId: 3, cluster: 4, allTopics: 5, coordinated: 6 } as const;
/** API key, flags, key type, doubt. */
const HEAD_BYTES = 5;
/** Tag, and the name's length. */
const ENTRY_BYTES = 3;
const CREATES = 1;
const IDEMPOTENT = 2;
const FIRST_BYTES = 256;
const KEPT_BYTES = 16 * 1024;
/** Resources of one request. A frame of 100 MiB could name twenty million: nobody judges them while all others wait. */
const MOST_NAMES = 65_536;

/** ConfigResource.Type. */
const TOPIC_CONFIG = 2;
const GROUP_CONFIG = 32;
const CLUSTER_CONFIGS = new Set([4, 8, 16]);
/** FindCoordinator: what is coordinated. */
const TRANSACTION_KEY = 1;
const SHARE_KEY = 2;

const MOST_TOPIC_BYTES = 249;
const DOT = 0x2e;

/**
 * What one request asks for, all of it, gathered as it is read: a description in bytes of all resources that it names, of which
 * facts are made once (FactsBook). Names that no topic can have are told of, not judged.
 */
export class Asked implements FieldSink {
  /** It cannot be judged by what it names; the first reason counts. */
  doubt: Doubt = Doubt.none;
  /** It asks as a broker does. */
  isReplica = false;
  /** Of its records. */
  recordBytes = 0;
  readonly #ids: TopicIds;
  readonly #book: FactsBook;
  #key: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = HEAD_BYTES;
  #names = 0;
  /** Before the topics of its session were added; -1: they were not. */
  #ownLength = -1;
  #ownNames = 0;
  #needs: Needs | null = null;
  #apiKey = 0;
  #version = 0;
  #flags = 0;
  #keyType = 0;
  #resourceType = 0;
  #isForgetting = false;
  #isNamed = false;
  readonly #make = (key: Uint8Array, length: number): OperationFacts => factsOf(key, length);

  constructor(ids: TopicIds, book: FactsBook) {
    this.#ids = ids;
    this.#book = book;
  }

  begin(apiKey: number, version: number): void {
    this.#apiKey = apiKey;
    this.#version = version;
    this.#needs = needsOf(apiKey);
    if (this.#key.length > KEPT_BYTES) this.#key = Buffer.allocUnsafe(FIRST_BYTES);
    this.#length = HEAD_BYTES;
    this.#ownLength = -1;
    this.#names = this.recordBytes = 0;
    this.#flags = this.#keyType = this.#resourceType = 0;
    this.doubt = Doubt.none;
    this.isReplica = this.#isForgetting = this.#isNamed = false;
  }

  /** Nobody can say what it touches. */
  cannotSay(doubt: Doubt): void {
    this.#length = HEAD_BYTES;
    this.doubt = doubt;
  }

  /** The topics of its session follow, be it once more. */
  beginSession(): void {
    if (this.#ownLength < 0) {
      this.#ownLength = this.#length;
      this.#ownNames = this.#names;
    }
    this.#length = this.#ownLength;
    this.#names = this.#ownNames;
  }

  /** A topic that the request does not name itself: its fetch session does. */
  topic(bytes: Uint8Array): void {
    this.#put(Tag.topic, bytes, 0, bytes.length);
  }

  /** For the share coordinator only brokers ask; of kinds to come nobody knows. */
  get asksAsBroker(): boolean {
    return this.isReplica || this.#keyType >= SHARE_KEY;
  }

  /** Topics that are not there shall be made. */
  get creates(): boolean {
    return (this.#flags & CREATES) !== 0;
  }

  facts(): OperationFacts {
    const key = this.#key;
    key[0] = this.#apiKey & 255;
    key[1] = (this.#apiKey >> 8) & 255;
    // Before version 4 nobody was asked whether.
    if (this.#apiKey === ApiKey.metadata && this.#version < 4) this.#flags |= CREATES;
    key[2] = this.#flags;
    key[3] = this.#keyType & 255;
    key[4] = this.doubt;
    return this.#book.of(key, this.#length, this.#make);
  }

  // ---- FieldSink

  number(role: number, value: number): void {
    switch (role) {
      case Role.replicaId:
        if (value >= 0) this.isReplica = true;
        return;
      case Role.autoCreate:
        if (value !== 0) this.#flags |= CREATES;
        return;
      case Role.keyType:
        this.#keyType = value < 0 ? 255 : value;
        return;
      case Role.resourceType:
        this.#resourceType = value;
        return;
    }
  }

  text(role: number, buf: Buffer, start: number, end: number): void {
    switch (role) {
      case Role.topic:
        if (start >= 0 && !this.#isForgetting) this.#topicNamed(buf, start, end);
        return;
      case Role.group:
        this.#put(Tag.group, buf, Math.max(0, start), Math.max(0, end));
        return;
      case Role.transactionalId:
        if (start >= 0) this.#put(Tag.transactionalId, buf, start, end);
        else if (this.#apiKey === ApiKey.initProducerId) this.#flags |= IDEMPOTENT;
        return;
      case Role.coordinatorKey:
        this.#put(Tag.coordinated, buf, Math.max(0, start), Math.max(0, end));
        return;
      case Role.topicRegex:
        if (end > start) this.#doubts(Doubt.pattern);
        return;
      case Role.resourceName:
        if (isOfConfigs(this.#apiKey)) this.#configOf(buf, Math.max(0, start), Math.max(0, end));
        return;
    }
  }

  uuid(role: number, buf: Buffer, start: number): void {
    if (role !== Role.topicId || this.#isForgetting || isZeroId(buf, start)) return;
    this.#isNamed = true;
    if (this.#needs?.ignoresIds === true) return;
    const topic = this.#ids.find(buf, start);
    if (topic === null) this.#doubts(Doubt.topicId);
    else this.#put(Tag.topic, topic.bytes, 0, topic.bytes.length);
  }

  list(role: number, count: number): void {
    if (role !== Role.topics) return;
    const isNull = count < 0 && this.#needs?.ignoresIds !== true;
    if (isNull || namesAll(this.#apiKey, this.#version, count)) this.#put(Tag.allTopics, NOTHING, 0, 0);
  }

  item(role: number): void {
    if (role === Role.topics) this.#isNamed = false;
    else if (role === Role.forgottenTopics) this.#isForgetting = true;
    else if (role === Role.resources) this.#resourceType = 0;
  }

  itemEnd(role: number): void {
    if (role === Role.forgottenTopics) this.#isForgetting = false;
    else if (role === Role.topics && !this.#isNamed) this.#doubts(Doubt.topicName);
  }

  records(facts: RecordsFacts): void {
    this.recordBytes += Math.max(0, facts.bytes);
    // Where the header lies, it may be one of those.
    if (facts.isIdempotent || facts.isTransactional || facts.malformed) this.#flags |= IDEMPOTENT;
  }

  // ---- names

  #topicNamed(buf: Uint8Array, start: number, end: number): void {
    this.#isNamed = true;
    if (isTopicName(buf, start, end)) this.#put(Tag.topic, buf, start, end);
    else this.#doubts(Doubt.topicName);
  }

  #configOf(buf: Buffer, start: number, end: number): void {
    if (this.#resourceType === TOPIC_CONFIG) this.#topicNamed(buf, start, end);
    else if (this.#resourceType === GROUP_CONFIG) this.#put(Tag.group, buf, start, end);
    else if (CLUSTER_CONFIGS.has(this.#resourceType)) this.#put(Tag.cluster, NOTHING, 0, 0);
    else this.#doubts(Doubt.resourceType);
  }

  #doubts(doubt: Doubt): void {
    if (this.doubt === Doubt.none) this.doubt = doubt;
  }

  #put(tag: number, buf: Uint8Array, start: number, end: number): void {
    if (this.#names >= MOST_NAMES) {
      this.doubt = Doubt.tooMany;
      return;
    }
    this.#names++;
    const bytes = end - start;
    const at = this.#length;
    this.#length = at + ENTRY_BYTES + bytes;
    if (this.#length > this.#key.length) {
      const grown = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(this.#length)));
      this.#key.copy(grown, 0, 0, at);
      this.#key = grown;
    }
    const key = this.#key;
    key[at] = tag;
    key[at + 1] = bytes >> 8;
    key[at + 2] = bytes & 255;
    for (let i = 0; i < bytes; i++) key[at + ENTRY_BYTES + i] = buf[start + i]!;
  }
}

const NOTHING = new Uint8Array(0);

/** Topic.validate() of Kafka: what is none cannot name a topic, however a broker reads it. */
function isTopicName(buf: Uint8Array, start: number, end: number): boolean {
  const bytes = end - start;
  if (bytes === 0 || bytes > MOST_TOPIC_BYTES) return false;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const byte = buf[i]!;
    if (byte === DOT) dots++;
    else if (!IS_TOPIC_BYTE[byte]) return false;
  }
  return dots !== bytes || bytes > 2;
}

const IS_TOPIC_BYTE = new Uint8Array(256);
for (const sign of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-')
  IS_TOPIC_BYTE[sign.charCodeAt(0)] = 1;

/** Facts of a description. */
function factsOf(key: Uint8Array, length: number): OperationFacts {
  const apiKey = ((key[0]! | (key[1]! << 8)) << 16) >> 16;
  const [flags, keyType, doubt] = [key[2]!, key[3]!, key[4]!];
  const needs = needsOf(apiKey);
  const list = new AccessList();
  if (needs !== null) {
    for (let at = HEAD_BYTES; at < length; ) {
      const bytes = (key[at + 1]! << 8) | key[at + 2]!;
      const from = at + ENTRY_BYTES;
      const name = Buffer.from(key.buffer, key.byteOffset + from, bytes).toString('latin1');
      describe(list, apiKey, needs, key[at]!, name, flags, keyType);
      at = from + bytes;
    }
    list.add(needs.cluster, 'cluster', CLUSTER);
    if (needs.all !== '') list.add('describe', needs.all, '');
    if ((flags & IDEMPOTENT) !== 0) list.add('idempotent_write', 'cluster', CLUSTER);
    if (list.accesses.length === 0 && doubt === Doubt.none) list.add('session', '', '');
  }
  return {
    operation: apiOf(apiKey)?.name ?? `Api ${apiKey}`,
    accesses: list.accesses,
    unresolved: needs === null && doubt === Doubt.none ? 'an unknown API' : UNRESOLVED[doubt]!,
    hasWhere: true,
    limit: -1,
    stages: NONE,
    categories: NONE,
  };
}

const NONE: readonly string[] = [];

/** What one entry of a description is access to. */
function describe(
  list: AccessList,
  apiKey: number,
  needs: Needs,
  tag: number,
  name: string,
  flags: number,
  keyType: number,
): void {
  switch (tag) {
    case Tag.topic:
    case Tag.allTopics:
      list.add(needs.topic, 'topic', name);
      // The coordinator makes the topics that a topology is lacking.
      if (apiKey === ApiKey.streamsGroupHeartbeat) list.add('create', 'topic', name);
      if (apiKey === ApiKey.metadata && tag === Tag.topic && (flags & CREATES) !== 0) list.add('create', 'topic', name);
      return;
    case Tag.group:
      list.add(needs.group, 'group', name);
      return;
    case Tag.transactionalId:
      list.add(needs.transactionalId, 'transactional_id', name);
      return;
    case Tag.cluster:
      list.add(needs.topic, 'cluster', CLUSTER);
      return;
    case Tag.coordinated:
      if (keyType === TRANSACTION_KEY) list.add(needs.transactionalId, 'transactional_id', name);
      else list.add(needs.group, 'group', name);
      return;
  }
}

/** Accesses, each once. */
class AccessList {
  readonly accesses: Access[] = [];
  readonly #seen = new Set<string>();

  add(verb: Verb | '', type: ResourceType | '', name: string): void {
    if (verb === '') return;
    const id = `${verb} ${type} ${name}`;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.accesses.push({ verb, type, schema: '', name });
  }
}
