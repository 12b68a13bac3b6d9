import type { StatGroup } from '../../../src/stats/registry.ts';
import type { KAFKA_CLIENT_STATS, KAFKA_GROUP_STATS, KAFKA_TOPIC_STATS } from '../stat-groups.ts';
import type { Counts, Named } from './slots.ts';

type KeyOf<G> = G extends StatGroup<infer K> ? K : never;
export type TopicKey = KeyOf<typeof KAFKA_TOPIC_STATS>;
export type ClientKey = KeyOf<typeof KAFKA_CLIENT_STATS>;
export type GroupKey = KeyOf<typeof KAFKA_GROUP_STATS>;

export type TopicCounts = Counts<TopicKey>;
export type ClientCounts = Counts<ClientKey>;
export type GroupCounts = Counts<GroupKey>;

/** What the stats read of a topic, a client and a group. */
export type NamedTopic = Named<TopicKey>;
export type NamedClient = Named<ClientKey>;
export type NamedGroup = Named<GroupKey>;

/** How far a message was read. */
export const Status = { whole: 0, unknown: 1, malformed: 2, trailing: 3 } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** What the stats read of a request. */
export interface CountedRequest {
  readonly apiKey: number;
  readonly status: number;
  readonly bytes: number;
  readonly replyBytes: number;
  readonly client: NamedClient;
  readonly group: NamedGroup | null;
  /** Of the group, as the client has it; -1: it does not say. */
  readonly generation: number;
  /** Of the response: the first error code that is not 0. */
  readonly error: number;
  /** The broker was asked to wait: the time is no latency. */
  readonly waits: boolean;
  readonly throttleMs: number;
  /** From the request's first byte to the response's last, ms; -1: nobody knows. */
  readonly tookMs: number;
}
