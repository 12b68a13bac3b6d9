import type { SharedNames } from '../../src/exchange/shared-names.ts';
import type { Topic } from './request.ts';

const ID_BYTES = 16;
/** Topics in each of the two generations. */
const GENERATION = 32_768;

interface Entry {
  /** A character a byte. */
  readonly name: string;
  /** Made when somebody asks: most topics of a large cluster are told of, and never used here. */
  topic: Topic | null;
}

/** What makes a name a topic. */
export type TopicOf = (buf: Uint8Array, start: number, end: number) => Topic;

/**
 * Names of topics by their ids, as brokers have told them (Metadata, CreateTopics, DescribeTopicPartitions) to this filter chain, or
 * to the listener's other workers. Bounded: two generations, the older one is dropped when the younger is full. A topic
 * that was deleted and made again has another id, so what was learned never becomes wrong.
 */
export class TopicIds {
  readonly #topicOf: TopicOf;
  readonly #shared: SharedNames;
  readonly #most: number;
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  /** The id asked for last, and what it was: consumers ask for one again and again. */
  readonly #last = new Uint8Array(ID_BYTES);
  #lastTopic: Topic | null = null;

  constructor(topicOf: TopicOf, shared: SharedNames, most = GENERATION) {
    this.#topicOf = topicOf;
    this.#shared = shared;
    this.#most = most;
    shared.follow((id, name) => this.#add(Buffer.from(id, 'hex').toString('latin1'), { name, topic: null }));
  }

  /** Null: nobody has told. */
  find(buf: Buffer, start: number): Topic | null {
    if (this.#lastTopic !== null && this.#isLast(buf, start)) return this.#lastTopic;
    const entry = this.#entryOf(buf.toString('latin1', start, start + ID_BYTES));
    if (entry === null) return null;
    entry.topic ??= this.#topicOf(Buffer.from(entry.name, 'latin1'), 0, entry.name.length);
    for (let i = 0; i < ID_BYTES; i++) this.#last[i] = buf[start + i]!;
    this.#lastTopic = entry.topic;
    return entry.topic;
  }

  /** The name stands in names[from..to). */
  learn(buf: Buffer, start: number, names: Uint8Array, from: number, to: number): void {
    const key = buf.toString('latin1', start, start + ID_BYTES);
    const known = this.#entryOf(key);
    if (known !== null && isName(known.name, names, from, to)) return;
    const name = Buffer.from(names.buffer, names.byteOffset + from, to - from).toString('latin1');
    this.#add(key, { name, topic: null });
    this.#lastTopic = null;
    this.#shared.learn(buf.toString('hex', start, start + ID_BYTES), name);
  }

  #entryOf(key: string): Entry | null {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return null;
    this.#add(key, old);
    return old;
  }

  #add(key: string, entry: Entry): void {
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, entry);
  }

  #isLast(buf: Buffer, start: number): boolean {
    for (let i = 0; i < ID_BYTES; i++) if (this.#last[i] !== buf[start + i]) return false;
    return true;
  }
}

function isName(name: string, buf: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== buf[from + i]) return false;
  return true;
}

/** No topic has it: "none" in requests and replies that may name either. */
export function isZeroId(buf: Buffer, start: number): boolean {
  for (let i = 0; i < ID_BYTES; i++) if (buf[start + i] !== 0) return false;
  return true;
}
