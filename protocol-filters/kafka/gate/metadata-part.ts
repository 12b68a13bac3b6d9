import { type Access, binaryName, type OperationFacts } from '../../../src/exchange/operation-facts.ts';
import type { Denial } from '../../../src/exchange/protocol-filter.ts';
import type { Topic } from '../request.ts';
import { ApiKey } from '../schema/api.ts';
import type { TopicIds } from '../topic-ids.ts';
import type { Message, Value } from '../wire/message.ts';
import { decodeMessage, encodeMessage } from '../wire/message-codec.ts';
import { codeOf } from './error-codes.ts';

/** Topics of one request that are taken out one by one; who asks for more of what is denied gets nothing. */
const MOST_PARTS = 256;
/** From here on a request says whether topics are to be made. */
const SAYS_CREATE = 4;
const ID_BYTES = 4;
const LENGTH_BYTES = 4;

/**
 * What is left of a Metadata request when single topics are denied. Clients ask for all their topics in one, and learn from the
 * reply where the brokers are: were it denied as a whole, one topic too many would cut them off from all others. So topics that are
 * denied are not asked for, and the reply names them with their error; and nobody makes topics by asking who may not.
 */
export class MetadataPart {
  /** What is asked about next. */
  facts: OperationFacts;
  /** By name, one character a byte; '' = all topics there are. */
  readonly denied = new Map<string, Denial>();
  #keepsCreating = true;
  readonly #version: number;
  #parts = 0;

  constructor(facts: OperationFacts, version: number) {
    this.facts = facts;
    this.#version = version;
  }

  get isChanged(): boolean {
    return this.denied.size > 0 || !this.#keepsCreating;
  }

  /** Nothing of it is left to be asked about. */
  get isEmpty(): boolean {
    return this.facts.accesses.length === 0;
  }

  /** Takes out what was denied. False: that is all of it, or nobody said what. */
  without(why: Denial): boolean {
    const { access } = why;
    if (why.kind !== 'policy' || access === undefined || access === null || access.type !== 'topic') return false;
    if (++this.#parts > MOST_PARTS) return false;
    // Before version 4 nobody can ask without making what is not there.
    if (access.verb === 'create' && this.#version >= SAYS_CREATE) {
      this.#keepsCreating = false;
      this.#keep((each) => each.verb !== 'create');
    } else {
      this.denied.set(access.name, why);
      this.#keep((each) => each.name !== access.name);
    }
    return true;
  }

  #keep(isKept: (access: Access) => boolean): void {
    this.facts = { ...this.facts, accesses: this.facts.accesses.filter(isKept) };
  }

  isDenied({ bytes }: Topic): Denial | null {
    return this.denied.get(latin1(bytes)) ?? null;
  }

  /** The request that is sent: `header` are the bytes up to its body. */
  request(header: Buffer, version: number, request: Message, ids: TopicIds): Buffer {
    const topics = this.denied.has('') ? [] : ((request['topics'] ?? null) as Message[] | null);
    const body = encodeMessage(ApiKey.metadata, version, 'request', {
      ...request,
      topics: topics === null ? null : topics.filter((topic) => this.#denialOf(topic, ids) === null),
      ...(version >= SAYS_CREATE && !this.#keepsCreating && { allowAutoTopicCreation: false }),
    });
    const frame = Buffer.concat([header, body]);
    frame.writeInt32BE(frame.length - LENGTH_BYTES, 0);
    return frame;
  }

  /** The reply that the client gets; null: it does not read as one. */
  reply(frame: Buffer, version: number, request: Message, ids: TopicIds): Buffer | null {
    const reply = decodeMessage(ApiKey.metadata, version, 'response', frame, LENGTH_BYTES + ID_BYTES);
    if (reply === null) return null;
    for (const topic of (request['topics'] ?? []) as Message[]) {
      const why = this.#denialOf(topic, ids);
      if (why === null) continue;
      const [name, topicId] = [topic['name'] ?? null, topic['topicId']];
      (reply['topics'] as Value[]).push({
        errorCode: codeOf(why, ApiKey.metadata, version),
        name: name === null && version < 12 ? '' : name,
        ...(topicId !== undefined && { topicId }),
      });
    }
    const body = encodeMessage(ApiKey.metadata, version, 'response', reply);
    const made = Buffer.concat([frame.subarray(0, LENGTH_BYTES + ID_BYTES), body]);
    made.writeInt32BE(made.length - LENGTH_BYTES, 0);
    return made;
  }

  #denialOf(topic: Message, ids: TopicIds): Denial | null {
    if (this.denied.has('')) return null; // nobody named it
    const { name, topicId } = topic;
    const named = typeof name === 'string' ? this.denied.get(binaryName(name)) : undefined;
    if (named !== undefined) return named;
    const known = typeof topicId === 'string' ? ids.find(Buffer.from(topicId, 'hex'), 0) : null;
    return known === null ? null : this.isDenied(known);
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
