import type { KeySink } from '../../../src/exchange/key-sink.ts';
import { type Cut, playOf, type Script, type Stage, type StoryOptions, stageOf } from '../../../test/support/story.ts';
import { type RedisOptions, redis } from '../index.ts';

export {
  byteByByte,
  type Cut,
  type Line,
  pieces,
  type Script,
  type Stage,
  tell,
  told,
  whole,
} from '../../../test/support/story.ts';

export const stage = (options: StoryOptions<RedisOptions> = {}): Stage => stageOf(redis, options);

/** Plays a script to the end and hangs up. */
export const play = (script: Script, options: StoryOptions<RedisOptions> = {}, cut?: Cut): Stage =>
  playOf(redis, script, options, cut);

export const own = (on: Stage, name: string): number => on.stats.value(`sluice.redis.p.${name}`) ?? Number.NaN;
export const envoy = (on: Stage, name: string): number => on.stats.value(`redis.p.${name}`) ?? Number.NaN;

/** Remembers what it was told of keys: `key bytes`. */
export class RememberedKeys implements KeySink {
  readonly touched: string[] = [];
  readonly ms: number[] = [];

  touch(buf: Uint8Array, start: number, end: number, bytes: number, ms: number): void {
    this.touched.push(`${Buffer.from(buf.subarray(start, end)).toString('latin1')} ${bytes}`);
    this.ms.push(ms);
  }
}
