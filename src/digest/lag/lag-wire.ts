import type { LagLimits } from '../../exchange/lag-sink.ts';
import { PacketReader, type PacketWriter } from '../../stats/packet.ts';

export const LAG_VERSION = 3;

/** Times count by `now`, monotonic ms; `wall`, ms since the epoch, is what the processes of one machine have in common. */
export interface LagClock {
  now(): number;
  wall(): number;
}

/** A buffer was not longer on its way; if it seems so, somebody has set the clock. Milliseconds. */
const MAX_DELAY_MS = 60_000;

/** An offset: the end of a partition, or a reader's place in it. */
export interface Place {
  /** Group or client; '' for ends. */
  readonly reader: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** By the clock of who tells. */
  readonly heardAt: number;
}

/** Of a group. -1: not known. */
export interface GroupTold {
  readonly group: string;
  readonly generation: number;
  /** As somebody has just said; -1: nobody has since it was told last. */
  readonly members: number;
  /** So many have left since, and are in `members` still. */
  readonly left: number;
  /** When `members` was said, or the last of those left. */
  readonly changedAt: number;
  readonly heardAt: number;
}

/** What a worker has to say of a listener. Times count by `now`. */
export interface Told {
  readonly limits: LagLimits;
  readonly now: number;
  /** How often an offset found no room since it was told last. */
  readonly untracked: number;
  readonly groups: readonly GroupTold[];
  readonly ends: readonly Place[];
  readonly committed: readonly Place[];
  readonly fetched: readonly Place[];
}

export const PLACE_KINDS = ['ends', 'committed', 'fetched'] as const;

/** Three one-byte numbers, an offset and an age; of a group six numbers. */
const LEAST_PLACE_BYTES = 5;
const LEAST_GROUP_BYTES = 6;

/**
 * Layout: version (1 byte), wall time in ms when it was told, listener, the four limits, untracked, names (count, texts), groups, then ends, committed and fetched (count,
 * each with its number of a reader's name and a topic's). All numbers are varints; times are ages in ms, so that the
 * monotonic clocks of two processes need not agree; generation and members are one more than they are.
 */
export function writeLag(listener: string, told: Told, wall: number, w: PacketWriter): Buffer {
  const { limits, now } = told;
  const names = new Map<string, number>();
  const name = (text: string): number => {
    const known = names.get(text);
    if (known !== undefined) return known;
    names.set(text, names.size);
    return names.size - 1;
  };
  for (const { group } of told.groups) name(group);
  for (const kind of PLACE_KINDS)
    for (const { reader, topic } of told[kind]) {
      name(reader);
      name(topic);
    }
  w.u8(LAG_VERSION);
  w.varint(Math.max(0, Math.floor(wall)));
  w.text(listener);
  for (const limit of [limits.partitions, limits.series, limits.groups, limits.clients]) w.varint(limit);
  w.varint(told.untracked);
  w.varint(names.size);
  for (const text of names.keys()) w.text(text);
  w.varint(told.groups.length);
  for (const { group, generation, members, left, changedAt, heardAt } of told.groups) {
    w.varint(name(group));
    w.varint(generation + 1);
    w.varint(members + 1);
    w.varint(left);
    w.varint(age(now, changedAt));
    w.varint(age(now, heardAt));
  }
  for (const kind of PLACE_KINDS) {
    w.varint(told[kind].length);
    for (const { reader, topic, partition, offset, heardAt } of told[kind]) {
      w.varint(name(reader));
      w.varint(name(topic));
      w.varint(partition);
      w.varint(offset);
      w.varint(age(now, heardAt));
    }
  }
  return w.take();
}

/** What writeLag() wrote, times by the clock of the reader; null if any of it cannot be read. */
export function readLag(buf: Buffer, clock: LagClock): { readonly listener: string; readonly told: Told } | null {
  const r = new PacketReader(buf);
  if (r.u8() !== LAG_VERSION) return null;
  // A reader that was busy has had buffers waiting: of two, the ages alone would say that the later one is the older.
  const delay = clock.wall() - r.varint();
  const now = clock.now() - Math.min(Math.max(0, delay), MAX_DELAY_MS);
  const listener = r.text();
  const limits = { partitions: r.varint(), series: r.varint(), groups: r.varint(), clients: r.varint() };
  const untracked = r.varint();
  const names: string[] = [];
  for (let left = r.count(1); left > 0 && !r.bad; left--) names.push(r.text());
  const name = (): string => {
    const text = names[r.varint()];
    if (text === undefined) r.bad = true;
    return text ?? '';
  };
  const groups: GroupTold[] = [];
  for (let left = r.count(LEAST_GROUP_BYTES); left > 0 && !r.bad; left--)
    groups.push({
      group: name(),
      generation: r.varint() - 1,
      members: r.varint() - 1,
      left: r.varint(),
      changedAt: now - r.varint(),
      heardAt: now - r.varint(),
    });
  const places = (): Place[] => {
    const read: Place[] = [];
    for (let left = r.count(LEAST_PLACE_BYTES); left > 0 && !r.bad; left--)
      read.push({
        reader: name(),
        topic: name(),
        partition: r.varint(),
        offset: r.varint(),
        heardAt: now - r.varint(),
      });
    return read;
  };
  const [ends, committed, fetched] = [places(), places(), places()];
  return r.bad || r.left > 0 ? null : { listener, told: { limits, now, untracked, groups, ends, committed, fetched } };
}

const age = (now: number, heardAt: number): number => Math.max(0, Math.round(now - heardAt));
