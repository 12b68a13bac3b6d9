import type { LagLimits, LagSink } from '../../exchange/lag-sink.ts';
import type { Place, Told } from './lag-wire.ts';

/** How long what nobody speaks of any more is remembered, ms. A group that is stuck commits nothing, and must not vanish. */
export const REMEMBER_MS = { end: 3_600_000, committed: 3_600_000, fetched: 600_000, group: 3_600_000 } as const;
/** What is spoken of and stays the same is told again only so often. */
const TELL_AGAIN_MS = 60_000;
/** A full table is looked through for the forgotten at most so often. */
const SWEEP_MS = 10_000;
/** Groups are few: those that are not can only be remembered so far. */
const MAX_GROUPS = 4096;

/** Offsets of a kind that are told at once: a few milliseconds of the loop. The rest is told the next time. */
const AT_ONCE = 2000;

export const DEFAULT_LIMITS: LagLimits = { partitions: 10_000, series: 200, groups: 50, clients: 50 };

/** One offset that somebody said. */
class Said implements Place {
  readonly reader: string;
  readonly topic: string;
  readonly partition: number;
  offset: number;
  heardAt: number;
  toldAt = -Infinity;
  isDirty = false;

  constructor(reader: string, topic: string, partition: number, offset: number, heardAt: number) {
    this.reader = reader;
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.heardAt = heardAt;
  }
}

/** Offsets by reader, topic and partition. Bounded: what finds no room is counted and left out. */
class Places {
  readonly #byReader = new Map<string, Map<string, Map<number, Said>>>();
  readonly #rememberMs: number;
  #sweptAt = -Infinity;
  count = 0;
  untracked = 0;
  #dirty: Said[] = [];

  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs;
  }

  say(reader: string, topic: string, partition: number, offset: number, now: number, max: number): void {
    const said = this.#byReader.get(reader)?.get(topic)?.get(partition);
    if (said === undefined) {
      this.#add(reader, topic, partition, offset, now, max);
      return;
    }
    said.heardAt = now;
    if (offset === said.offset && now - said.toldAt <= TELL_AGAIN_MS) return;
    said.offset = offset;
    this.#soil(said);
  }

  /** All of it is news again, to a new listener. */
  snapshot(): void {
    for (const topics of this.#byReader.values())
      for (const partitions of topics.values()) for (const said of partitions.values()) this.#soil(said);
  }

  /** What is new and was not told yet, at most AT_ONCE of it. */
  changes(now: number): readonly Said[] {
    const told = this.#dirty.length <= AT_ONCE ? this.#dirty : this.#dirty.slice(0, AT_ONCE);
    this.#dirty = this.#dirty.length <= AT_ONCE ? [] : this.#dirty.slice(AT_ONCE);
    for (const said of told) {
      said.isDirty = false;
      said.toldAt = now;
    }
    return told;
  }

  forget(now: number): void {
    this.#sweptAt = now;
    for (const [reader, topics] of this.#byReader) {
      for (const [topic, partitions] of topics) {
        for (const [partition, said] of partitions)
          if (now - said.heardAt > this.#rememberMs) {
            partitions.delete(partition);
            this.count--;
          }
        if (partitions.size === 0) topics.delete(topic);
      }
      if (topics.size === 0) this.#byReader.delete(reader);
    }
  }

  #add(reader: string, topic: string, partition: number, offset: number, now: number, max: number): void {
    if (this.count >= max && now - this.#sweptAt > SWEEP_MS) this.forget(now);
    if (this.count >= max) {
      this.untracked++;
      return;
    }
    let topics = this.#byReader.get(reader);
    if (topics === undefined) {
      topics = new Map();
      this.#byReader.set(reader, topics);
    }
    let partitions = topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      topics.set(topic, partitions);
    }
    const said = new Said(reader, topic, partition, offset, now);
    partitions.set(partition, said);
    this.count++;
    this.#soil(said);
  }

  #soil(said: Said): void {
    if (said.isDirty) return;
    said.isDirty = true;
    this.#dirty.push(said);
  }
}

interface GroupSaid {
  readonly group: string;
  generation: number;
  members: number;
  /** `members` was said since it was told last. */
  isNews: boolean;
  /** Members that have left since then, where it was not. */
  left: number;
  changedAt: number;
  heardAt: number;
  toldAt: number;
}

/**
 * What one worker has heard of ends and readers on one listener. A word on a known partition costs three looks into maps by
 * strings that have their hash, and no allocation. The last word counts.
 */
export class LagTable implements LagSink {
  limits = DEFAULT_LIMITS;
  readonly #now: () => number;
  readonly #ends = new Places(REMEMBER_MS.end);
  readonly #committed = new Places(REMEMBER_MS.committed);
  readonly #fetched = new Places(REMEMBER_MS.fetched);
  readonly #groups = new Map<string, GroupSaid>();
  #untrackedTold = 0;
  /** When forgotten groups were looked for last. */
  #sweptAt = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How often an offset found no room, so far. */
  get untracked(): number {
    return this.#ends.untracked + this.#committed.untracked + this.#fetched.untracked;
  }

  configure(limits: LagLimits): void {
    this.limits = limits;
  }

  end(topic: string, partition: number, offset: number): void {
    if (isOffset(offset)) this.#ends.say('', topic, partition, offset, this.#now(), this.limits.partitions);
  }

  committed(group: string, topic: string, partition: number, offset: number): void {
    if (isOffset(offset)) this.#committed.say(group, topic, partition, offset, this.#now(), this.limits.partitions);
  }

  fetched(client: string, topic: string, partition: number, offset: number): void {
    if (isOffset(offset)) this.#fetched.say(client, topic, partition, offset, this.#now(), this.limits.partitions);
  }

  group(group: string, generation: number, members: number): void {
    // A name that is only asked for may be anybody's invention.
    const isKnown = generation >= 0 || members >= 0 || this.#groups.has(group);
    const said = isKnown ? this.#group(group) : null;
    if (said === null) return;
    const now = said.heardAt;
    if (generation >= 0 && generation !== said.generation) {
      said.generation = generation;
      said.members = -1;
      said.isNews = false;
      said.left = 0;
      said.toldAt = -Infinity;
    }
    if (members >= 0 && members !== said.members) {
      said.members = members;
      said.isNews = true;
      said.left = 0;
      said.changedAt = now;
      said.toldAt = -Infinity;
    }
  }

  /** Another worker, which has the leader's connection, may know how many there are. */
  left(group: string, members: number): void {
    const said = this.#group(group);
    if (said === null) return;
    if (said.members >= 0) said.members = Math.max(0, said.members - members);
    if (!said.isNews) said.left += members;
    said.changedAt = said.heardAt;
    said.toldAt = -Infinity;
  }

  /** Everything with the next changes(). */
  snapshot(): void {
    for (const places of [this.#ends, this.#committed, this.#fetched]) places.snapshot();
    for (const said of this.#groups.values()) {
      said.isNews = said.members >= 0;
      said.left = 0;
      said.toldAt = -Infinity;
    }
  }

  /** What is new since it was last asked; null: nothing. Of very much the rest is left for the next time. */
  changes(): Told | null {
    const now = this.#now();
    const told = [...this.#groups.values()].filter(
      ({ heardAt, toldAt }) => heardAt > toldAt && (toldAt === -Infinity || now - toldAt > TELL_AGAIN_MS),
    );
    const groups = told.map((said) => ({ ...said, members: said.isNews ? said.members : -1 }));
    for (const said of told) {
      said.toldAt = now;
      said.isNews = false;
      said.left = 0;
    }
    const [ends, committed, fetched] = [this.#ends, this.#committed, this.#fetched].map((all) => all.changes(now)) as [
      readonly Said[],
      readonly Said[],
      readonly Said[],
    ];
    const untracked = this.untracked - this.#untrackedTold;
    if (groups.length + ends.length + committed.length + fetched.length + untracked === 0) return null;
    this.#untrackedTold = this.untracked;
    return { limits: this.limits, now, untracked, groups, ends, committed, fetched };
  }

  /** Heard of just now. Null: there is no room. */
  #group(group: string): GroupSaid | null {
    const now = this.#now();
    let said = this.#groups.get(group);
    if (said === undefined) {
      if (this.#groups.size >= MAX_GROUPS && now - this.#sweptAt > SWEEP_MS) this.#forgetGroups(now);
      if (this.#groups.size >= MAX_GROUPS) return null;
      const nothing = { generation: -1, members: -1, isNews: false, left: 0 };
      said = { group, ...nothing, changedAt: now, heardAt: now, toldAt: -Infinity };
      this.#groups.set(group, said);
    }
    said.heardAt = now;
    return said;
  }

  #forgetGroups(now: number): void {
    this.#sweptAt = now;
    for (const [group, { heardAt }] of this.#groups) if (now - heardAt > REMEMBER_MS.group) this.#groups.delete(group);
  }
}

/** -1 and its like mean that there is none. */
const isOffset = (offset: number): boolean => Number.isSafeInteger(offset) && offset >= 0;
