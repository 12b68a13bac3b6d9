import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import { READS, Reads } from './special.ts';
import type { RedisStats } from './stats.ts';
import type { Told } from './told.ts';
import { Type } from './wire.ts';

/** Counts the reply to a read of keys, and marks its exchange: `miss` where something was asked for and not there. */
export function countRead(stats: RedisStats, x: Exchange, slot: number, told: Told): void {
  const { registry, own } = stats;
  const reads = READS[slot]!;
  if (reads === Reads.each) {
    if (!told.isAggregate) return; // QUEUED is no answer; nor is a null
    x.flags |= told.nulls > 0 ? Flag.miss : Flag.hit;
    registry.add(own.hits, told.count - told.nulls);
    registry.add(own.misses, told.nulls);
    return;
  }
  const miss = isMiss(reads, told);
  x.flags |= miss ? Flag.miss : Flag.hit;
  registry.inc(miss ? own.misses : own.hits);
}

function isMiss(reads: number, told: Told): boolean {
  if (told.isNull) return true;
  if (told.isAggregate) return told.nulls === told.count; // none, or nothing but nulls
  switch (told.type) {
    case Type.bulk:
    case Type.verbatim:
      return false;
    case Type.integer:
      return (reads === Reads.counted && told.value === 0) || (reads === Reads.expiry && told.value === -2);
    case Type.simple:
      return reads === Reads.type && told.says('none');
    default:
      return false;
  }
}
