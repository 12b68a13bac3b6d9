import { codecName } from './records/facts.ts';

/** Texts that are remembered; then all are forgotten. */
const MAX_TEXTS = 1024;
/** Exchange.attributes has room for this much. */
const MAX_BYTES = 1024;
/** For what stands beside names. */
const KEPT_BYTES = 300;
const SHORT_NAME = 60;
const MAX_VERSION = 127;
/** 0, 1, 2, 5, 10 … 10^9: throttle times are told in these steps, so that there are few texts. */
const STEPS = [0, ...Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat()];

/** Who asks, where the request says so. */
export interface Identified {
  readonly group: { readonly name: string } | null;
  readonly member: string;
  readonly generation: number;
  readonly transactionalId: string;
}

/** Cluster ids of one filter chain; there is one, unless its cluster is several. */
const MAX_CLUSTERS = 8;
export const MAX_CLUSTER_ID = 64;

/**
 * Exchange.attributes as JSON text, made once a combination: few differ on one connection. One for requests that name neither
 * group nor transactional id serves all connections; else a connection has its own, of whom it spoke for last.
 */
export class AttributeTexts {
  readonly #clusterId: string;
  readonly #texts = new Map<number, string>();
  #group: Identified['group'] = null;
  #member = '';
  #generation = -1;
  #transactionalId = '';
  #who: Record<string, string | number> = {};
  #lastKey = -1;
  #lastText = '';

  /** `clusterId`: '' = nobody has told. */
  constructor(clusterId = '') {
    this.#clusterId = clusterId;
  }

  /** Of whom of() speaks from here on. */
  identify(who: Identified): void {
    if (
      this.#group === who.group &&
      this.#member === who.member &&
      this.#generation === who.generation &&
      this.#transactionalId === who.transactionalId
    )
      return;
    this.#group = who.group;
    this.#member = who.member;
    this.#generation = who.generation;
    this.#transactionalId = who.transactionalId;
    this.#texts.clear();
    this.#lastKey = -1;
    this.#who = fitting(who);
  }

  /** `partition` and `codec`: -1 = none to tell. `throttleMs`: 0 = none. */
  of(version: number, partition: number, codec: number, throttleMs: number): string {
    const shownVersion = version < 0 || version > MAX_VERSION ? MAX_VERSION : version;
    const shownCodec = codec < 0 ? 0 : codec > 4 ? 6 : codec + 1;
    const step = throttleMs > 0 ? stepOf(throttleMs) : 0;
    const key = (((partition < 0 ? 0 : partition + 1) * 8 + shownCodec) * 32 + step) * 128 + shownVersion;
    if (key === this.#lastKey) return this.#lastText;
    let text = this.#texts.get(key);
    if (text === undefined) {
      if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
      text = this.#make(version, partition, codec, step);
      this.#texts.set(key, text);
    }
    this.#lastKey = key;
    this.#lastText = text;
    return text;
  }

  #make(version: number, partition: number, codec: number, step: number): string {
    return JSON.stringify({
      ...(partition >= 0 && { 'messaging.destination.partition.id': String(partition) }),
      ...this.#who,
      ...(codec >= 0 && { 'sluice.kafka.codec': codecName(codec) }),
      ...(this.#clusterId !== '' && { 'messaging.kafka.cluster.id': this.#clusterId }),
      ...(step > 0 && { 'sluice.kafka.throttle_ms': STEPS[step]! }),
      ...(version >= 0 && version <= MAX_VERSION && { 'sluice.kafka.api_version': version }),
    });
  }
}

/** Texts of requests that name neither group nor transactional id: all connections of a filter chain share them. */
export class PlainAttributes {
  readonly #byCluster = new Map<string, AttributeTexts>([['', new AttributeTexts()]]);

  of(clusterId: string): AttributeTexts {
    let texts = this.#byCluster.get(clusterId);
    if (texts === undefined) {
      if (this.#byCluster.size >= MAX_CLUSTERS) return this.#byCluster.get('')!;
      texts = new AttributeTexts(clusterId);
      this.#byCluster.set(clusterId, texts);
    }
    return texts;
  }
}

/** The largest step that is not above. */
function stepOf(ms: number): number {
  let step = 1;
  while (step + 1 < STEPS.length && STEPS[step + 1]! <= ms) step++;
  return step;
}

/** Names are cut where all of them together would be too long. */
function fitting(who: Identified): Record<string, string | number> {
  const whole = identityOf(who, (name) => name);
  if (JSON.stringify(whole).length <= MAX_BYTES - KEPT_BYTES) return whole;
  return identityOf(who, (name) => (name.length > SHORT_NAME ? `${name.slice(0, SHORT_NAME)}…` : name));
}

function identityOf(who: Identified, cut: (name: string) => string): Record<string, string | number> {
  const { group, member, generation, transactionalId } = who;
  return {
    ...(group !== null && { 'messaging.consumer.group.name': cut(group.name) }),
    ...(member !== '' && { 'sluice.kafka.member': cut(member) }),
    ...(generation >= 0 && { 'sluice.kafka.generation': generation }),
    ...(transactionalId !== '' && { 'sluice.kafka.transactional_id': cut(transactionalId) }),
  };
}
