/**
 * Where sessions of protocols that have logs (Kafka) say where a partition ends and how far its readers are. One a filter
 * chain and worker. One worker may see the end and another the reader, so lag is made where all that is told meets, in
 * facts. Names are text that may be shown; offsets are whole numbers, and what is none, or negative, is passed over.
 */
export interface LagSink {
  /** What this listener may keep and show; the last word counts. */
  configure(limits: LagLimits): void;
  /** The partition holds what lies below `offset` (its high watermark). */
  end(topic: string, partition: number, offset: number): void;
  /** The group has done with what lies below `offset`. */
  committed(group: string, topic: string, partition: number, offset: number): void;
  /** The client asks for what begins at `offset`. */
  fetched(client: string, topic: string, partition: number, offset: number): void;
  /** The group is there. `generation` and `members`: -1 = not said. */
  group(group: string, generation: number, members: number): void;
  /** So many members have left it. */
  left(group: string, members: number): void;
}

export interface LagLimits {
  /** Partitions whose end is remembered, and places of readers in them: so many each, of groups and of clients. */
  readonly partitions: number;
  /** Partitions of groups that have series of their own. */
  readonly series: number;
  /** Groups and clients with series of their own; the rest is `other`. */
  readonly groups: number;
  readonly clients: number;
}

/** Listens to nobody. */
export const NO_LAG: LagSink = {
  configure() {},
  end() {},
  committed() {},
  fetched() {},
  group() {},
  left() {},
};
