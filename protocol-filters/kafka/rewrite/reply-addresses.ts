import type { SessionHost } from '../../../src/exchange/protocol-filter.ts';
import type { AddressWalk, Place } from './address-walk.ts';
import type { Addresses, Target } from './addresses.ts';
import { Layout } from './walk-plan.ts';

/** Bytes [from, to) of what was received leave as `bytes`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
}

/** Null: it stays as it is; undefined: its door is being opened. */
type Answer = Target | null | undefined;

/** The addresses of one reply and what they become. Each is asked for once, however often the reply names it. */
export class ReplyAddresses {
  readonly #host: SessionHost;
  readonly #addresses: Addresses;
  /** By node, host and port. */
  readonly #known = new Map<string, { readonly upstream: string; answer: Answer }>();
  #waiting = 0;
  /** Upstreams whose door was not there when they were named. */
  readonly #opening = new Set<string>();
  /** An address that nothing can stand for. */
  failed = false;

  constructor(host: SessionHost, addresses: Addresses) {
    this.#host = host;
    this.#addresses = addresses;
  }

  add(place: Place): void {
    const key = keyOf(place);
    if (place.host === '' || place.port <= 0 || this.#known.has(key)) return; // nobody's: a group without coordinator
    const { rewrites, upstream, target } = this.#addresses.choose(place, this.#host.facts.localAddress);
    const entry = { upstream, answer: rewrites ? (target ?? undefined) : null };
    this.#known.set(key, entry);
    if (entry.answer !== undefined) return;
    this.#ask(entry);
    if (entry.answer !== undefined) return;
    this.#waiting++;
    // Doors that are there already, and the listener's own port, take no room.
    if (this.#opening.add(upstream).size > this.#addresses.maxDoors) this.failed = true;
  }

  /** Are all doors known? Asks again for those that were not. */
  isKnown(): boolean {
    if (this.#waiting === 0) return true;
    this.#waiting = 0;
    for (const entry of this.#known.values()) {
      if (entry.answer !== undefined) continue;
      this.#ask(entry);
      if (entry.answer === undefined) this.#waiting++;
    }
    return this.#waiting === 0;
  }

  #ask(entry: { readonly upstream: string; answer: Answer }): void {
    const door = entry.upstream === '' ? NO_DOOR : this.#host.door(entry.upstream);
    if (door === null) return;
    if (door.port === 0) this.failed = true;
    else entry.answer = { host: this.#addresses.advertise ?? door.host, port: door.port };
  }

  /** What is to be changed in the reply, in the order of offsets; without its size. */
  edits({ places, enclosures }: AddressWalk): Edit[] {
    const encoded = new Map<string, Buffer | null>();
    const edits: Edit[] = [];
    /** By place: how much longer all up to it became. */
    const growth = new Float64Array(places.length + 1);
    for (const [i, place] of places.entries()) {
      const key = keyOf(place);
      const answer = this.#known.get(key)?.answer ?? null;
      const bytes = encoded.has(key) ? encoded.get(key)! : answer && encode(answer, place);
      encoded.set(key, bytes);
      growth[i + 1] = growth[i]! + (bytes === null ? 0 : bytes.length - (place.to - place.from));
      if (bytes !== null) edits.push({ from: place.from, to: place.to, bytes });
    }
    for (const { from, to, size, first, last } of enclosures) {
      const grown = growth[last]! - growth[first]!;
      if (grown !== 0) edits.push({ from, to, bytes: varint(size + grown) });
    }
    return enclosures.length === 0 ? edits : edits.sort((a, b) => a.from - b.from);
  }
}

const NO_DOOR = { host: '', port: 0 };

const keyOf = ({ nodeId, host, port }: Place): string => `${nodeId} ${port} ${host}`;

/** Null: it is what stands there already. */
function encode({ host, port }: Target, place: Place): Buffer | null {
  if (host === place.host && port === place.port) return null;
  const text = Buffer.from(host, 'latin1');
  const length = place.layout === Layout.compact ? varint(text.length + 1) : Buffer.alloc(2);
  if (place.layout !== Layout.compact) length.writeInt16BE(text.length);
  const end = Buffer.alloc(place.portBytes);
  end.writeUIntBE(port, 0, place.portBytes);
  return Buffer.concat([length, text, end]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
