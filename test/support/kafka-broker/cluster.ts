import { randomBytes } from 'node:crypto';
import type { Broker } from './broker.ts';
import { codeOf } from './errors.ts';
import { Group } from './group.ts';
import { PartitionLog } from './log.ts';
import type { Settings } from './options.ts';
import { Transactions } from './transactions.ts';

export interface Topic {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly partitions: PartitionLog[];
  readonly configs: Map<string, string>;
}

export interface Fault {
  readonly broker: number;
  readonly client: string;
  readonly what: string;
}

export interface Where {
  readonly broker?: number;
  readonly topic?: string;
}

export interface ForcedError extends Where {
  readonly api: string;
  readonly code: number;
  times: number;
}

/** Said by Kafka of names: letters, digits, dot, underscore, hyphen; at most 249 of them. */
export const isTopicName = (name: string): boolean => /^[\w.-]{1,249}$/.test(name) && name !== '.' && name !== '..';

function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) >>> 0;
  return value;
}

/** What the brokers share. */
export class Cluster {
  readonly settings: Settings;
  readonly clusterId = randomBytes(16).toString('base64url');
  readonly brokers: Broker[] = [];
  readonly topics = new Map<string, Topic>();
  readonly topicsById = new Map<string, Topic>();
  readonly groups = new Map<string, Group>();
  readonly transactions = new Transactions(this);
  readonly faults: Fault[] = [];
  readonly forced: ForcedError[] = [];
  readonly throttles = new Map<string, number>();
  readonly delays = new Map<string, number>();
  /** API to how many of its requests are never answered. */
  readonly silences = new Map<string, number>();
  readonly rawAnswers = new Map<number, Buffer>();
  #nextLeader = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    for (const [name, partitions] of Object.entries(settings.topics)) this.createTopic(name, partitions);
  }

  createTopic(name: string, partitions: number, leaders?: readonly number[]): Topic {
    const topic: Topic = { name, id: randomBytes(16).toString('hex'), partitions: [], configs: new Map() };
    this.topics.set(name, topic);
    this.topicsById.set(topic.id, topic);
    this.addPartitions(topic, partitions, leaders);
    return topic;
  }

  addPartitions(topic: Topic, upTo: number, leaders?: readonly number[]): void {
    const { brokers, retentionBytes } = this.settings;
    while (topic.partitions.length < upTo) {
      const index = topic.partitions.length;
      const leader = leaders?.[index] ?? (this.#nextLeader++ % brokers) + 1;
      topic.partitions.push(new PartitionLog(topic.name, index, leader, retentionBytes));
    }
  }

  deleteTopic(name: string): boolean {
    const topic = this.topics.get(name);
    if (topic === undefined) return false;
    this.topics.delete(name);
    this.topicsById.delete(topic.id);
    for (const partition of topic.partitions) partition.wake();
    return true;
  }

  /** Clients learn of it when they ask the one that led before. */
  moveLeader(topic: string, index: number, broker: number): void {
    const partition = this.partition(topic, index);
    if (partition === undefined || this.brokers[broker - 1] === undefined)
      throw new Error('no such partition or broker');
    partition.leader = broker;
    partition.leaderEpoch++;
    partition.wake();
  }

  partition(topic: string, index: number): PartitionLog | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  /** The broker that coordinates a group or a transactional id. */
  coordinator(key: string): Broker {
    return this.brokers[hash(key) % this.brokers.length]!;
  }

  group(id: string): Group {
    let group = this.groups.get(id);
    if (group === undefined) {
      group = new Group(id, this.settings.rebalanceDelayMs);
      this.groups.set(id, group);
    }
    return group;
  }

  failNext(api: string, error: string | number, times: number, where: Where): void {
    this.forced.push({ api, code: codeOf(error), times, ...where });
  }

  stop(): void {
    for (const group of this.groups.values()) group.stop();
    for (const { partitions } of this.topics.values()) for (const partition of partitions) partition.wake();
  }
}
