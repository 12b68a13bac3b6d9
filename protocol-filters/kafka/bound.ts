import type { FilterEnv } from '../../src/exchange/protocol-filter.ts';
import { PlainAttributes } from './attributes.ts';
import type { KafkaConfig, KafkaOptions } from './config.ts';
import { KafkaDigests, UNKNOWN_TOPIC } from './digests.ts';
import { FetchEnds } from './fetch-ends.ts';
import { FactsBook } from './gate/facts-book.ts';
import { NameTable } from './names.ts';
import { type Client, RequestPool, type Topic } from './request.ts';
import { Addresses } from './rewrite/addresses.ts';
import type { ClientCounts, GroupCounts, TopicCounts } from './stats/facts.ts';
import { KafkaStats } from './stats/kafka-stats.ts';
import { TopicIds } from './topic-ids.ts';

const MAX_ENDS = 16_384;

/** What all sessions of one filter chain share. */
export class Bound {
  readonly options: KafkaOptions;
  readonly stats: KafkaStats;
  readonly digests: KafkaDigests;
  readonly addresses: Addresses;
  readonly topics: NameTable<TopicCounts>;
  readonly clients: NameTable<ClientCounts>;
  readonly groups: NameTable<GroupCounts>;
  readonly topicIds: TopicIds;
  /** Of a topic id that no reply has explained. */
  readonly unknownTopic: Topic;
  /** Who has sent no client id. */
  readonly nobody: Client;
  readonly requests = new RequestPool();
  /** Of partitions, as any connection was told. */
  readonly ends = new FetchEnds(MAX_ENDS);
  readonly attributes = new PlainAttributes();
  /** What requests ask for, where policies judge them. */
  readonly factsBook = new FactsBook();
  /** Bytes of requests that are not whole yet and are held, in all sessions. */
  heldBytes = 0;

  constructor(config: KafkaConfig, options: KafkaOptions, env: FilterEnv) {
    const stats = new KafkaStats(env, config.stat_prefix, options);
    this.options = options;
    this.stats = stats;
    this.addresses = new Addresses(config, options, (text) => env.warn(text), stats.addresses);
    this.topics = new NameTable((name) => stats.topic(name));
    this.topicIds = new TopicIds((buf, start, end) => this.topics.of(buf, start, end), env.shared);
    this.clients = new NameTable((name) => stats.client(name));
    this.nobody = this.clients.of(new Uint8Array(0), 0, 0);
    this.groups = new NameTable((name) => stats.group(name));
    const unknown = Buffer.from(UNKNOWN_TOPIC);
    this.unknownTopic = this.topics.of(unknown, 0, unknown.length);
    this.digests = new KafkaDigests(env.digests, this.unknownTopic);
  }
}
