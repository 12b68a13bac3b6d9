import { errorReply } from '../../../protocol-filters/kafka/gate/error-reply.ts';
import { APIS, apiOf } from '../../../protocol-filters/kafka/schema/api.ts';
import { decodeMessage, encodeReply } from '../../../protocol-filters/kafka/wire/message-codec.ts';
import type { Answer, KafkaCase, Sent } from './kafka.ts';

/** Ids of the topics in the harness. */
export const idOf = (topic: string): string =>
  Buffer.from(topic.padEnd(16, '.').slice(0, 16), 'latin1').toString('hex');

export interface Frame {
  readonly bytes: Buffer;
  readonly sent: Sent;
}

/** Whole frames in bytes that were sent to a broker, and what is left of them. */
export function framesIn(bytes: Buffer): { readonly frames: Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readInt32BE(at);
    if (end > bytes.length) break;
    frames.push({ bytes: bytes.subarray(at, end), sent: sentOf(bytes.subarray(at + 4, end)) });
    at = end;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** A request without its size. */
export function sentOf(frame: Buffer): Sent {
  const key = frame.length >= 8 ? frame.readInt16BE(0) : -1;
  const version = frame.length >= 8 ? frame.readInt16BE(2) : -1;
  const api = apiOf(key);
  const body = frame.length >= 10 ? 10 + Math.max(0, frame.readInt16BE(8)) : frame.length;
  return {
    api: api?.name ?? `Api ${key}`,
    version,
    correlationId: frame.length >= 8 ? frame.readInt32BE(4) : 0,
    fields: api === null ? null : decodeMessage(key, version, 'request', frame, body),
  };
}

/**
 * A broker of few words: it takes everything, and everything went well. So what is denied was denied by the filter, and the bytes
 * that it got are the truth.
 */
export class FakeBroker {
  readonly frames: Frame[] = [];
  readonly #answers: KafkaCase['answers'];
  #read = 0;

  constructor(answers: KafkaCase['answers']) {
    this.#answers = answers;
  }

  /** All bytes that it was sent so far; returns what it answers to the new ones. */
  serve(bytes: Buffer): Buffer[] {
    const { frames } = framesIn(bytes.subarray(this.#read));
    const replies: Buffer[] = [];
    for (const frame of frames) {
      this.#read += frame.bytes.length;
      this.frames.push(frame);
      const reply = this.#reply(frame.sent);
      if (reply !== null) replies.push(reply);
    }
    return replies;
  }

  #reply({ api, version, correlationId, fields }: Sent): Buffer | null {
    const count = this.frames.filter(({ sent }) => sent.api === api).length;
    const own: Answer | undefined = this.#answers?.(api, version, count);
    if (own === null) return null;
    if (Buffer.isBuffer(own)) return own;
    const known = APIS.find(({ name }) => name === api);
    if (known === undefined || fields === null) return null;
    const { key } = known;
    if (api === 'Produce' && fields['acks'] === 0) return null;
    if (own !== undefined) return encodeReply(key, version, correlationId, own as never);
    const usual = USUAL[api]?.(fields, version);
    if (usual !== undefined) return encodeReply(key, version, correlationId, usual as never);
    return errorReply(key, version, correlationId, fields as never, 0, '').bytes;
  }
}

type Usual = (fields: Record<string, unknown>, version: number) => Record<string, unknown>;

const USUAL: Readonly<Record<string, Usual>> = {
  ApiVersions: () => ({
    apiKeys: APIS.map(({ key, since, until }) => ({ apiKey: key, minVersion: since, maxVersion: until })),
  }),
  Metadata: (fields, version) => ({
    brokers: [{ nodeId: 1, host: '127.0.0.1', port: 9092 }],
    controllerId: 1,
    topics: ((fields['topics'] ?? [{ name: 'orders' }, { name: 'forbidden' }]) as Record<string, unknown>[]).map(
      ({ name }) => ({
        name,
        ...(version >= 10 && { topicId: idOf(String(name)) }),
        partitions: [{ partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] }],
      }),
    ),
  }),
  Fetch: (fields) => ({
    sessionId: fields['sessionEpoch'] === 0 ? 77 : ((fields['sessionId'] as number | undefined) ?? 0),
    responses: [],
  }),
  SaslHandshake: () => ({ errorCode: 0, mechanisms: ['PLAIN', 'SCRAM-SHA-256'] }),
};
