import { PacketReader, PacketWriter } from '../../stats/packet.ts';
import type { HeavyKey, HeavyKeysSnapshot, KeyCost } from './heavy-keys.ts';

export const KEYS_VERSION = 1;
/** A key that costs nothing: its text's length, whether it was cut, two costs. */
const LEAST_KEY_BYTES = 2 + 2 * 10;

/** What a worker says of one listener: all it has counted so far. */
export interface ListenerKeys {
  readonly listener: string;
  readonly snapshot: HeavyKeysSnapshot;
}

/**
 * Layout: version (1 byte), listener, total and floor, number of keys, then each key: text, cut (a byte), cost, error.
 * A cost is calls and bytes as varints and ms as f64.
 */
export function writeKeys({ listener, snapshot }: ListenerKeys, w = new PacketWriter()): Buffer {
  w.u8(KEYS_VERSION);
  w.text(listener);
  writeCost(w, snapshot.total);
  writeCost(w, snapshot.floor);
  w.varint(snapshot.keys.length);
  for (const one of snapshot.keys) {
    w.text(one.key);
    w.u8(one.cut ? 1 : 0);
    writeCost(w, one);
    writeCost(w, one.over);
  }
  return w.take();
}

/** What writeKeys() wrote, or null if any of it cannot be read. */
export function readKeys(buf: Buffer): ListenerKeys | null {
  const r = new PacketReader(buf);
  if (r.u8() !== KEYS_VERSION) return null;
  const listener = r.text();
  const total = readCost(r);
  const floor = readCost(r);
  const keys: HeavyKey[] = [];
  for (let left = r.count(LEAST_KEY_BYTES); left > 0 && !r.bad; left--) {
    const key = r.text();
    const cut = r.u8() === 1;
    keys.push({ key, cut, ...readCost(r), over: readCost(r) });
  }
  return r.bad || r.left > 0 ? null : { listener, snapshot: { total, floor, keys } };
}

function writeCost(w: PacketWriter, { calls, bytes, ms }: KeyCost): void {
  w.varint(calls);
  w.varint(bytes);
  w.f64(ms);
}

function readCost(r: PacketReader): KeyCost {
  const calls = r.varint();
  const bytes = r.varint();
  const ms = r.f64();
  if (!(ms >= 0 && ms < Infinity)) r.bad = true;
  return { calls, bytes, ms };
}
