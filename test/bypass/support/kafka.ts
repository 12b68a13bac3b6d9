import type { KafkaOptions } from '../../../protocol-filters/kafka/config.ts';
import { APIS } from '../../../protocol-filters/kafka/schema/api.ts';
import { encodeRequest } from '../../../protocol-filters/kafka/wire/message-codec.ts';
import { type Wish as PolicyWish, policySet } from '../../../src/policy/policy.fixture.ts';
import { type BatchInit, recordBatch, requestFrame } from '../../support/kafka-wire.ts';
import type { BypassCase, BypassRow } from './row.ts';

/** What becomes of a message: it leaves as it came, a stand-in leaves, nothing does, or another request of the same API. */
export type Leaves = 'same' | 'standIn' | 'nothing' | ((sent: Sent) => void);

/** A request as the broker got it. */
export interface Sent {
  readonly api: string;
  readonly version: number;
  readonly correlationId: number;
  /** Null: it cannot be read. */
  readonly fields: Record<string, unknown> | null;
}

/** One message of the client. */
export interface Said {
  readonly bytes: Buffer;
  readonly leaves: Leaves;
  /** Error codes in its reply, each once, in ascending order; null: it has no reply. */
  readonly codes: readonly number[] | null;
  /** Its reply is no frame of the protocol's: so many bytes. */
  readonly rawReply?: number;
  /** Looks at the reply that the client got. */
  readonly reply?: (fields: Record<string, unknown>) => void;
}

/** Ids of topics, as the broker has them: 32 hexadecimal digits. */
export type Ids = (topic: string) => string;

/** What a hostile or unhelpful broker answers: fields of the reply, raw bytes, or nothing at all. */
export type Answer = Record<string, unknown> | Buffer | null;

export interface KafkaCase extends BypassCase {
  /** What the client says at once, before it waits for the replies; then the next. */
  readonly rounds: (ids: Ids) => readonly (readonly Said[])[];
  readonly options?: Partial<KafkaOptions>;
  /** How the connection ends, where it does: the reason. */
  readonly closes?: RegExp;
  /** Of the harness' broker, by API: else it says that all is fine. */
  readonly answers?: (api: string, version: number, count: number) => Answer | undefined;
  /** Bytes of a reply that is none pass before the connection ends for it: replies are held only where one is replaced. */
  readonly badReplies?: boolean;
  /** The strict broker is not asked: why. */
  readonly notReal?: string;
  /** Only the first piece of each cut is said: then this side is gone, as this. */
  readonly breaks?: readonly ['client' | 'server', 'reset' | 'error'];
  /** Before the round with this index, the policies change. */
  readonly policiesBefore?: Readonly<Record<number, KafkaCase['policies']>>;
  /** Exchanges that end as denied; unless said one a message that does not leave as it came. */
  readonly denied?: number;
}

export type KafkaRow = BypassRow<KafkaCase>;

/** What applications have in these tests: topics `orders…`, groups `billing…`, transactional ids `tx-…`. */
const APP: readonly PolicyWish[] = [
  { name: 'orders', action: 'allow', operations: ['read', 'write', 'describe'], targets: ['orders*'] },
  { name: 'groups', action: 'allow', operations: ['read', 'describe'], targets: ['group=billing*'] },
  { name: 'transactions', action: 'allow', operations: ['write', 'describe'], targets: ['transactional_id=tx-*'] },
];
/** Nothing else is allowed. */
export const ALLOWED = policySet(APP);
/** Everything is allowed but what is called forbidden. */
export const FORBIDDEN = policySet([
  {
    name: 'no',
    action: 'deny',
    targets: ['forbidden*', 'group=forbidden*', 'transactional_id=forbidden*'],
    message: 'hands off',
  },
]);
export const allowing = (...more: readonly PolicyWish[]): KafkaCase['policies'] => policySet([...APP, ...more]);
export const denying = (...more: readonly PolicyWish[]): KafkaCase['policies'] => policySet(more);

export const TOPIC_DENIED = [29];
export const GROUP_DENIED = [30];
export const CLUSTER_DENIED = [31];
export const TRANSACTION_DENIED = [53];

let ids = 100;
type Fields = NonNullable<Parameters<typeof requestFrame>[2]>;
interface How {
  readonly id?: number;
  readonly client?: string | null;
  readonly tags?: Readonly<Record<number, Buffer>>;
  readonly reply?: Said['reply'];
  readonly codes?: readonly number[] | null;
  /** Of a version that the tests' own schemas have not: written by the filter's. */
  readonly isNew?: boolean;
}

export function frameOf(api: string, version: number, fields: Fields = {}, how: How = {}): Buffer {
  if (how.isNew === true) {
    const { key } = APIS.find(({ name }) => name === api)!;
    return encodeRequest(key, version, how.id ?? ++ids, 'app', fields as never);
  }
  return requestFrame(api, version, fields, {
    correlationId: how.id ?? ++ids,
    clientId: how.client === undefined ? 'app' : how.client,
    ...(how.tags && { headerTags: how.tags }),
  });
}

const said = (bytes: Buffer, leaves: Leaves, codes: Said['codes'], reply?: Said['reply']): Said => ({
  bytes,
  leaves,
  codes,
  ...(reply && { reply }),
});

/** It is allowed, and leaves as it came. */
export const passes = (api: string, version: number, fields: Fields = {}, how: How = {}): Said =>
  said(frameOf(api, version, fields, how), 'same', how.codes === undefined ? [] : how.codes, how.reply);

/** It is denied, and told so by these codes. */
export const denied = (api: string, version: number, fields: Fields, codes: readonly number[], how: How = {}): Said =>
  said(frameOf(api, version, fields, how), 'standIn', codes, how.reply);

/** The connection ends with it; nothing of it leaves. */
export const ends = (bytes: Buffer): Said => said(bytes, 'nothing', null);

/** Nothing of it leaves, and the connection goes on: it is not whole. */
export const waits = (bytes: Buffer): Said => said(bytes, 'nothing', null);

/** It goes on as something else. */
export const becomes = (
  api: string,
  version: number,
  fields: Fields,
  codes: readonly number[],
  look: (sent: Sent) => void,
  how: How = {},
): Said => said(frameOf(api, version, fields, how), look, codes, how.reply);

export const batch = (count = 1, init: Partial<BatchInit> = {}): Buffer =>
  recordBatch({ records: Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}` })), ...init });

/** Fields of a Produce to these topics, one record each. */
export const produceTo = (topics: readonly string[], more: Fields = {}, records = batch()): Fields => ({
  transactionalId: null,
  acks: -1,
  timeoutMs: 1000,
  topicData: topics.map((name) => ({ name, partitionData: [{ index: 0, records }] })),
  ...more,
});

/** Fields of a Fetch of these topics, up to version 12. */
export const fetchOf = (topics: readonly string[], more: Fields = {}): Fields => ({
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 100_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: topics.map((topic) => ({
    topic,
    partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 50_000 }],
  })),
  forgottenTopicsData: [],
  ...more,
});

/** The same by ids, of versions 13 and 14. */
export const fetchById = (topicIds: readonly string[], more: Fields = {}): Fields => {
  const { topics: _, ...rest } = fetchOf([], more);
  return {
    ...rest,
    topics: topicIds.map((topicId) => ({
      topicId,
      partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 50_000 }],
    })),
  };
};

export const metadataOf = (topics: readonly string[] | null, more: Fields = {}): Fields => ({
  topics: topics === null ? null : topics.map((name) => ({ name })),
  ...more,
});

/** A frame with bytes behind its last field. */
export const withTail = (frame: Buffer, tail: Buffer): Buffer => {
  const longer = Buffer.concat([frame, tail]);
  longer.writeInt32BE(longer.length - 4, 0);
  return longer;
};

/** A frame whose size says something else. */
export const withSize = (frame: Buffer, size: number): Buffer => {
  const copy = Buffer.from(frame);
  copy.writeInt32BE(size, 0);
  return copy;
};
