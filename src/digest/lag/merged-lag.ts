import type { LagLimits } from '../../exchange/lag-sink.ts';
import { DEFAULT_LIMITS, REMEMBER_MS } from './lag-table.ts';
import { type GroupTold, type LagClock, type Place, readLag, type Told } from './lag-wire.ts';

/** For so long a lower end is one that a slower connection saw; after that the topic was made anew. */
const END_STANDS_MS = 10_000;
const GENERATION_STANDS_MS = 120_000;
/** Ends and commits are remembered for so long while there is room for all. */
const ROOMY_MS = 86_400_000;
/** Times of two buffers are as exact as wall time and ages are: of two words as close as that, the one that comes later. */
const CLOSE_MS = 2;
/** The forgotten are looked for at most so often. */
const SWEEP_MS = 10_000;
const MAX_GROUPS = 4096;
const MAX_LISTENERS = 1024;

interface Known {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  heardAt: number;
}

/** Partition of a topic → where it ends; or of one reader. */
type Topics = Map<string, Map<number, Known>>;

/** A group or a client. */
interface Reader {
  readonly topics: Topics;
  /** Topic → by how much its committed offsets have risen, all together. */
  readonly moved: Map<string, number>;
}

/** -1: not known. */
interface GroupState {
  readonly generation: number;
  readonly members: number;
  /** When somebody said how many members there are. */
  readonly saidAt: number;
  readonly heardAt: number;
}

/** How far a reader is behind in one partition. */
export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly lag: number;
}

/** Ends and readers of one listener, as far as its workers have told. */
export class ListenerLag {
  limits: LagLimits = DEFAULT_LIMITS;
  readonly groups = new Map<string, GroupState>();
  readonly ends: Topics = new Map();
  readonly committed = new Map<string, Reader>();
  readonly fetched = new Map<string, Reader>();
  /** Ends, places of groups, places of clients. */
  readonly counts = { ends: 0, committed: 0, fetched: 0 };
  /** How often an offset found no room, in a worker or here. */
  untracked = 0;

  take({ limits, untracked, groups, ends, committed, fetched }: Told): void {
    this.limits = limits;
    this.untracked += untracked;
    for (const group of groups) this.#group(group);
    for (const place of ends) this.#end(place);
    for (const place of committed) this.#place('committed', place);
    for (const place of fetched) this.#place('fetched', place);
  }

  /** Where the end is known. */
  *lagOf({ topics }: Reader): Generator<PartitionLag> {
    for (const partitions of topics.values())
      for (const { topic, partition, offset } of partitions.values()) {
        const end = this.ends.get(topic)?.get(partition);
        if (end !== undefined) yield { topic, partition, lag: Math.max(0, end.offset - offset) };
      }
  }

  forget(now: number): void {
    const { groups, counts, limits } = this;
    // A group whose consumers are dead is what lag is looked at for: it goes only when others want its room, or its name.
    const isTight = Math.max(counts.ends, counts.committed) >= limits.partitions || this.committed.size > limits.groups;
    const remember = isTight ? REMEMBER_MS : { ...REMEMBER_MS, end: ROOMY_MS, committed: ROOMY_MS };
    for (const [group, { heardAt }] of groups) if (now - heardAt > REMEMBER_MS.group) groups.delete(group);
    counts.ends -= forgetIn(this.ends, now - remember.end);
    for (const kind of ['committed', 'fetched'] as const)
      for (const [reader, { topics }] of this[kind]) {
        // A group that is there has not forgotten its offsets.
        const since = now - remember[kind];
        if (kind === 'committed' && (groups.get(reader)?.heardAt ?? -Infinity) >= since) continue;
        counts[kind] -= forgetIn(topics, since);
        if (topics.size === 0) this[kind].delete(reader);
      }
  }

  #group({ group, generation, members, left, changedAt, heardAt }: GroupTold): void {
    const known = this.groups.get(group);
    if (known === undefined) {
      if (this.groups.size < MAX_GROUPS) this.groups.set(group, { generation, members, saidAt: changedAt, heardAt });
      return;
    }
    // A lower generation is what a worker knows that hears nothing new of it; long after, a group that was made anew.
    if (generation >= 0 && generation < known.generation && heardAt - known.heardAt <= GENERATION_STANDS_MS) return;
    const isSame = generation < 0 || generation === known.generation;
    const isNews = members >= 0 && (!isSame || known.members < 0 || changedAt >= known.saidAt);
    const before = isSame ? known.members : -1;
    const less = changedAt >= known.saidAt ? left : 0;
    this.groups.set(group, {
      generation: generation < 0 ? known.generation : generation,
      members: isNews ? members : before < 0 ? -1 : Math.max(0, before - less),
      saidAt: isNews ? changedAt : known.saidAt,
      heardAt: Math.max(heardAt, known.heardAt),
    });
  }

  #end(place: Place): void {
    const known = placeIn(this.ends, place);
    if (known === undefined) {
      if (this.counts.ends >= this.limits.partitions) {
        this.untracked++;
        return;
      }
      add(this.ends, place);
      this.counts.ends++;
    } else if (place.offset >= known.offset || place.heardAt - known.heardAt > END_STANDS_MS) {
      known.offset = place.offset;
      known.heardAt = place.heardAt;
    }
  }

  #place(kind: 'committed' | 'fetched', place: Place): void {
    const readers = this[kind];
    const reader = readers.get(place.reader) ?? { topics: new Map(), moved: new Map() };
    const known = placeIn(reader.topics, place);
    if (known === undefined) {
      if (this.counts[kind] >= this.limits.partitions) {
        this.untracked++;
        return;
      }
      readers.set(place.reader, reader);
      add(reader.topics, place);
      this.counts[kind]++;
    } else if (place.heardAt >= known.heardAt - CLOSE_MS) {
      const by = place.offset - known.offset;
      if (by > 0) reader.moved.set(place.topic, (reader.moved.get(place.topic) ?? 0) + by);
      known.offset = place.offset;
      known.heardAt = place.heardAt;
    }
  }
}

/**
 * What all workers have heard of logs and their readers, as one: of what two say, the later word counts. A worker's death
 * takes nothing away; what nobody speaks of any more is forgotten by itself.
 */
export class MergedLag {
  /** Buffers that could not be read: a dying worker's. */
  malformed = 0;
  readonly #listeners = new Map<string, ListenerLag>();
  readonly #clock: LagClock;
  #sweptAt = -Infinity;

  constructor(clock: LagClock) {
    this.#clock = clock;
  }

  /** Applies a WorkerLag.changes() buffer. False: it was malformed, and counted. */
  apply(buf: Buffer): boolean {
    const read = readLag(buf, this.#clock);
    if (read === null) {
      this.malformed++;
      return false;
    }
    let listener = this.#listeners.get(read.listener);
    if (listener === undefined) {
      if (this.#listeners.size >= MAX_LISTENERS) return true;
      listener = new ListenerLag();
      this.#listeners.set(read.listener, listener);
    }
    listener.take(read.told);
    return true;
  }

  *listeners(): Generator<readonly [name: string, lag: ListenerLag]> {
    const now = this.#clock.now();
    const isTime = now - this.#sweptAt > SWEEP_MS;
    if (isTime) this.#sweptAt = now;
    for (const [name, listener] of this.#listeners) {
      if (isTime) listener.forget(now);
      yield [name, listener];
    }
  }
}

const placeIn = (topics: Topics, { topic, partition }: Place): Known | undefined => topics.get(topic)?.get(partition);

function add(topics: Topics, { topic, partition, offset, heardAt }: Place): void {
  let partitions = topics.get(topic);
  if (partitions === undefined) {
    partitions = new Map();
    topics.set(topic, partitions);
  }
  partitions.set(partition, { topic, partition, offset, heardAt });
}

/** How many were heard of last before `since`, and are gone. */
function forgetIn(topics: Topics, since: number): number {
  let gone = 0;
  for (const [topic, partitions] of topics) {
    for (const [partition, { heardAt }] of partitions)
      if (heardAt < since) {
        partitions.delete(partition);
        gone++;
      }
    if (partitions.size === 0) topics.delete(topic);
  }
  return gone;
}
