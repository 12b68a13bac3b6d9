import type { MergedStat } from '../../stats/merged.ts';
import { type StatGroup, statGroup } from '../../stats/registry.ts';
import type { ListenerLag } from './merged-lag.ts';

const gauge = (help: string) => ({ kind: 'gauge', help, merge: 'max' }) as const;

/** Made in facts from what all workers have heard: nothing here is a sum of what each of them thinks. */
export const GROUP_STATS = statGroup('sluice.consumer_group.<sluice_listener>.<group>.', {
  members: gauge('Members of the group, as its leader was told at the last rebalance; none where nobody has heard it.'),
  generation: gauge("The group's generation (or its greatest member epoch)."),
});
export const GROUP_LAG_STATS = statGroup('sluice.consumer_group.<sluice_listener>.<group>.<topic>.', {
  lag_sum: gauge(
    "Messages that the group has not committed yet: high watermark minus committed offset, of the topic's partitions together.",
  ),
  lag_max: gauge('The same, of the partition that is behind most.'),
  lag_partitions: gauge('Partitions of the topic whose lag is known for the group.'),
  committed_messages: {
    kind: 'counter',
    help: "By how much the group's committed offsets have risen: messages that it has done with.",
  },
});
export const PARTITION_LAG_STATS = statGroup('sluice.consumer_group.<sluice_listener>.<group>.<topic>.<partition>.', {
  lag: gauge(
    'Messages of the partition that the group has not committed yet; of the first partitions, up to lag_partitions.',
  ),
});
export const CLIENT_LAG_STATS = statGroup('sluice.consumer_client.<sluice_listener>.<client>.<topic>.', {
  lag_sum: gauge(
    "Messages that the client has not fetched yet: high watermark minus the offset it asked for, of the topic's partitions together.",
  ),
  lag_max: gauge('The same, of the partition that is behind most.'),
});
export const LAG_TABLE_STATS = statGroup('sluice.consumer_lag.<sluice_listener>.', {
  partitions: gauge('Partitions whose high watermark is remembered.'),
  committed: gauge('Committed offsets that are remembered, one a group and partition.'),
  fetched: gauge('Places of clients that are remembered, one a client and partition.'),
  untracked: { kind: 'counter', help: 'How often an offset was told that found no room (option partitions).' },
});

export const LAG_STAT_GROUPS: readonly StatGroup[] = [
  GROUP_STATS,
  GROUP_LAG_STATS,
  PARTITION_LAG_STATS,
  CLIENT_LAG_STATS,
  LAG_TABLE_STATS,
];

/** Pairs of a reader and a topic that have series of their own, a listener and kind of reader. */
export const MAX_PAIRS = 500;
const OTHER = 'other';

interface Sum {
  readonly reader: string;
  readonly topic: string;
  sum: number;
  max: number;
  partitions: number;
}

/** Names in the order of their coming; those above the bound are `other`. Names that are forgotten make room. */
class Bounded {
  readonly #named = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  name(wanted: string): string {
    if (this.#named.has(wanted)) return wanted;
    if (this.#named.size >= this.#max) return OTHER;
    this.#named.add(wanted);
    return wanted;
  }
}

/** The gauges of all listeners. Costs a look at every offset that is remembered: some milliseconds for 20,000. */
export function lagStats(listeners: Iterable<readonly [name: string, lag: ListenerLag]>): MergedStat[] {
  const stats: MergedStat[] = [];
  for (const [sluice_listener, lag] of listeners) {
    const parts = { sluice_listener };
    const { limits, counts } = lag;
    for (const kind of ['ends', 'committed', 'fetched'] as const)
      stats.push(statOf(LAG_TABLE_STATS, kind === 'ends' ? 'partitions' : kind, parts, counts[kind]));
    stats.push(statOf(LAG_TABLE_STATS, 'untracked', parts, lag.untracked));
    const names = new Bounded(limits.groups);
    for (const [group, { generation, members }] of lag.groups) {
      // One that was only asked for may not even be there: it takes nobody's name.
      if ((generation < 0 && members < 0) || names.name(group) !== group) continue;
      if (generation >= 0) stats.push(statOf(GROUP_STATS, 'generation', { ...parts, group }, generation));
      if (members >= 0) stats.push(statOf(GROUP_STATS, 'members', { ...parts, group }, members));
    }
    let left = limits.series;
    const groups = sums(lag, lag.committed, names, ({ group, topic, partition, lag: behind }) => {
      if (left-- <= 0) return;
      const its = { ...parts, group, topic, partition: String(partition) };
      stats.push(statOf(PARTITION_LAG_STATS, 'lag', its, behind));
    });
    for (const { reader, topic, sum, max, partitions } of groups) {
      const its = { ...parts, group: reader, topic };
      stats.push(statOf(GROUP_LAG_STATS, 'lag_sum', its, sum));
      stats.push(statOf(GROUP_LAG_STATS, 'lag_max', its, max));
      stats.push(statOf(GROUP_LAG_STATS, 'lag_partitions', its, partitions));
      // `other` may lose a group that comes to a name of its own: a counter must not fall.
      if (reader !== OTHER)
        stats.push(
          statOf(GROUP_LAG_STATS, 'committed_messages', its, lag.committed.get(reader)?.moved.get(topic) ?? 0),
        );
    }
    for (const { reader, topic, sum, max } of sums(lag, lag.fetched, new Bounded(limits.clients))) {
      const its = { ...parts, client: reader, topic };
      stats.push(statOf(CLIENT_LAG_STATS, 'lag_sum', its, sum));
      stats.push(statOf(CLIENT_LAG_STATS, 'lag_max', its, max));
    }
  }
  return stats;
}

type OnPartition = (
  one: Readonly<Record<'group' | 'topic', string>> & { readonly partition: number; readonly lag: number },
) => void;

/** Lag by reader and topic: the first MAX_PAIRS, and what is left under `other`. */
function sums(lag: ListenerLag, readers: ListenerLag['committed'], names: Bounded, each?: OnPartition): Sum[] {
  const pairs = new Map<string, Sum>();
  for (const [name, reader] of readers) {
    const named = names.name(name);
    for (const one of lag.lagOf(reader)) {
      if (named === name) each?.({ group: name, ...one });
      const key = `${named}\n${one.topic}`;
      const isFull = pairs.size >= MAX_PAIRS && !pairs.has(key);
      const pair = isFull || named !== name ? pairOf(pairs, OTHER, OTHER) : pairOf(pairs, named, one.topic);
      pair.sum += one.lag;
      pair.max = Math.max(pair.max, one.lag);
      pair.partitions++;
    }
  }
  return [...pairs.values()];
}

function pairOf(pairs: Map<string, Sum>, reader: string, topic: string): Sum {
  const key = `${reader}\n${topic}`;
  let pair = pairs.get(key);
  if (pair === undefined) {
    pair = { reader, topic, sum: 0, max: 0, partitions: 0 };
    pairs.set(key, pair);
  }
  return pair;
}

function statOf<K extends string>(
  { prefix, stats }: StatGroup<K>,
  key: K,
  labels: Readonly<Record<string, string>>,
  value: number,
): MergedStat {
  const name = prefix.replace(/<(\w+)>/g, (_, part: string) => (labels[part] ?? '').replaceAll(':', '_')) + key;
  return { name, pattern: prefix + key, labels, kind: stats[key].kind, help: stats[key].help, value, histogram: null };
}
