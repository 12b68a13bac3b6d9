import { keyText } from '../../src/digest/keys/key-text.ts';
import type { Digest, DigestCache, ShapeDigests, Target } from '../../src/exchange/digest.ts';
import { aclWordsOf } from './acl-words.ts';
import type { NamePattern, Names } from './name-patterns.ts';
import type { Topic } from './request.ts';
import { apiOf } from './schema/api.ts';

const PROTOCOL = 'kafka';
/** Kafka's own limit; a longer name is none of a topic, and is cut. */
const MAX_TOPIC_BYTES = 249;
/** key, about, topic's length, group's, transactional id's. */
const HEAD_BYTES = 7;
/** API keys that the tables have not: the first so many have a digest of their own. */
const MAX_UNKNOWN = 64;
const MAX_SUMMARY = 255;

/** What of topics a digest tells. */
const About = { none: 0, topic: 1, all: 2, rest: 3, unknownId: 4 } as const;
const MORE_GROUPS = 0x10;
const MORE_IDS = 0x20;
const CUT_TOPIC = 0x40;

const EVERYTHING = '*';
const REST = '…';
/** A topic that was named by an id that no reply has explained. No topic can be called so. */
export const UNKNOWN_TOPIC = '?';
const NOBODY_KNOWS: Pick<Digest, 'targets' | 'confidence'> = { targets: [], confidence: 'none' };

/**
 * The digests of a filter chain: the API, its topic as it is, groups and transactional ids as patterns: `OffsetCommit orders
 * group=billing`. A digest seen before costs a hash and a comparison.
 */
export class KafkaDigests {
  readonly #cache: DigestCache;
  readonly #shapes: ShapeDigests;
  /** Of an id that no reply has explained. */
  readonly unknownTopic: Topic;
  readonly #words = new Int32Array(256);
  readonly #bytes = Buffer.from(this.#words.buffer);
  readonly #unknown = new Set<number>();

  constructor(cache: DigestCache, unknownTopic: Topic) {
    this.#cache = cache;
    this.unknownTopic = unknownTopic;
    this.#shapes = cache.shapes(PROTOCOL);
  }

  holds(digest: Digest): boolean {
    return this.#cache.holds(digest);
  }

  /** Of an API and a topic. Those of Produce and Fetch are remembered by the topic itself. */
  topic(key: number, topic: Topic, names: Names): Digest {
    const { bytes, digests } = topic;
    const isKept = key < digests.length && names.isEmpty;
    if (isKept) {
      const known = digests[key]!;
      if (known !== null && this.#cache.holds(known)) return known;
    }
    const digest =
      topic === this.unknownTopic
        ? this.#of(key, About.unknownId, NOTHING, 0, 0, names)
        : this.#of(key, About.topic, bytes, 0, bytes.length, names);
    if (isKept) digests[key] = digest;
    return digest;
  }

  /** Without a topic. */
  plain(key: number, names: Names): Digest {
    return this.#of(key, About.none, NOTHING, 0, 0, names);
  }

  /** Of all topics there are. */
  all(key: number, names: Names): Digest {
    return this.#of(key, About.all, NOTHING, 0, 0, names);
  }

  /** Of the topics beyond those that have an exchange of their own. */
  rest(key: number, names: Names): Digest {
    return this.#of(key, About.rest, NOTHING, 0, 0, names);
  }

  /** Of an API that nobody knows. */
  unknownApi(key: number): Digest {
    const isNamed = this.#unknown.has(key) || this.#unknown.size < MAX_UNKNOWN;
    if (isNamed) this.#unknown.add(key);
    const name = isNamed ? `Api ${key}` : 'Api other';
    return this.#cache.named(PROTOCOL, name, name, NOBODY_KNOWS);
  }

  /** Of a request that cannot be read: what it touches nobody knows. */
  unread(key: number, why: 'unknown_version' | 'malformed' | 'denied'): Digest {
    const name = apiOf(key)?.name ?? `Api ${key}`;
    return this.#cache.named(PROTOCOL, name, `${name} !${why}`, NOBODY_KNOWS);
  }

  /** Of a token of SASL that has no header. */
  token(mechanism: string): Digest {
    return this.#cache.named(PROTOCOL, 'SaslToken', `SaslToken ${mechanism}`);
  }

  #of(key: number, about: number, buf: Uint8Array, start: number, end: number, names: Names): Digest {
    const bytes = this.#bytes;
    const { group, transactionalId } = names;
    const isCut = end - start > MAX_TOPIC_BYTES;
    const topicBytes = isCut ? MAX_TOPIC_BYTES : end - start;
    bytes[0] = key & 255;
    bytes[1] = (key >> 8) & 255;
    bytes[2] =
      about |
      (group.isFirstOfMany ? MORE_GROUPS : 0) |
      (transactionalId.isFirstOfMany ? MORE_IDS : 0) |
      (isCut ? CUT_TOPIC : 0);
    bytes[3] = topicBytes;
    bytes[4] = group.length;
    bytes[5] = transactionalId.length;
    bytes[6] = 0;
    let at = HEAD_BYTES;
    // Loops, not copy(): names are short, and a native call costs more.
    for (let i = 0; i < topicBytes; i++) bytes[at++] = buf[start + i]!;
    for (let i = 0; i < group.length; i++) bytes[at++] = group.bytes[i]!;
    for (let i = 0; i < transactionalId.length; i++) bytes[at++] = transactionalId.bytes[i]!;
    for (let i = at; (i & 3) !== 0; i++) bytes[i] = 0;
    const known = this.#shapes.find(this.#words, at);
    return known ?? this.#add(key, about, isCut, at, topicBytes, names);
  }

  /** Adds what was looked for last: its bytes stand in #bytes. */
  #add(key: number, about: number, isCut: boolean, length: number, topicBytes: number, names: Names): Digest {
    const operation = apiOf(key)?.name ?? `Api ${key}`;
    const words = aclWordsOf(key);
    const name = topicName(about, isCut, keyText(this.#bytes, HEAD_BYTES, HEAD_BYTES + topicBytes));
    const targets: Target[] = [];
    const parts = [operation];
    if (name !== '') {
      parts.push(name);
      if (about !== About.rest) targets.push(target('', name, words.topic));
    }
    const summary = parts.join(' ').slice(0, MAX_SUMMARY);
    addName('group', 'group', names.group, words.group, parts, targets);
    addName('transactional_id', 'transactional_id', names.transactionalId, words.transactionalId, parts, targets);
    const isPartly = about >= About.rest || isCut || names.group.isFirstOfMany || names.transactionalId.isFirstOfMany;
    return this.#shapes.add(this.#words, length, {
      text: parts.join(' '),
      operation,
      summary,
      targets,
      confidence: isPartly ? 'partial' : 'parsed',
      truncated: about === About.rest || isCut,
    });
  }
}

const NOTHING = new Uint8Array(0);

const target = (schema: string, name: string, operation: string): Target => ({
  schema,
  name,
  operations: operation === '' ? [] : [operation],
});

function topicName(about: number, isCut: boolean, name: string): string {
  switch (about) {
    case About.all:
      return EVERYTHING;
    case About.rest:
      return REST;
    case About.unknownId:
      return UNKNOWN_TOPIC;
    case About.topic:
      return isCut ? `${name}${REST}` : name === '' ? '""' : name;
    default:
      return '';
  }
}

function addName(
  label: string,
  schema: string,
  pattern: NamePattern,
  word: string,
  parts: string[],
  targets: Target[],
): void {
  if (pattern.length === 0) return;
  const name = pattern.text;
  parts.push(`${label}=${name}${pattern.isFirstOfMany ? ` ${REST}` : ''}`);
  targets.push(target(schema, name, word));
}
