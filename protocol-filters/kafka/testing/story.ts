import { expect, test } from 'vitest';
import { filterEnv } from '../../../test/support/filter-env.ts';
import {
  byteByByte,
  type Cut,
  pieces,
  playOf,
  type Script,
  type Stage,
  type StoryOptions,
  stageOf,
  told,
} from '../../../test/support/story.ts';
import { type KafkaConfig, type KafkaOptions, kafka } from '../index.ts';

export { byteByByte, type Cut, pieces, type Script, type Stage, told, whole } from '../../../test/support/story.ts';

export interface KafkaStory extends StoryOptions<KafkaOptions> {
  readonly config?: Partial<KafkaConfig>;
}

/** With a configuration of its own a chain is bound here, its stats under the prefix `p`. */
export function optionsOf({ config, ...rest }: KafkaStory): StoryOptions<KafkaOptions> {
  if (config === undefined) return rest;
  const env = filterEnv(rest.env);
  const options = rest.options ?? kafka.options.parse({});
  return { ...rest, env, bound: kafka.bind(kafka.config.parse({ stat_prefix: 'p', ...config }), options, env) };
}

export const stage = (options: KafkaStory = {}): Stage => stageOf(kafka, optionsOf(options));

/** Plays a script to the end and hangs up. */
export const play = (script: Script, options: KafkaStory = {}, cut?: Cut): Stage =>
  playOf(kafka, script, optionsOf(options), cut);

export const own = (on: Stage, name: string): number => on.stats.value(`sluice.kafka.p.${name}`) ?? Number.NaN;
export const envoy = (on: Stage, name: string): number => on.stats.value(`kafka.p.${name}`) ?? Number.NaN;

/** The attributes of the exchanges that ended. */
export const attributes = (on: Stage): Record<string, unknown>[] =>
  on.harness.ended.map((x) => (x.attributes === '' ? {} : (JSON.parse(x.attributes) as Record<string, unknown>)));

/** All stories are told three ways: each line in one read, byte by byte, in odd pieces. */
export function tells(name: string, script: Script, want: readonly string[], more?: (on: Stage) => void): void {
  test(name, () => {
    for (const cut of [undefined, byteByByte, pieces([3, 1, 7, 2])]) {
      const on = play(script, {}, cut);
      expect(told(on)).toEqual(want);
      expect(on.harness.opaqueReasons).toEqual([]);
      more?.(on);
    }
  });
}
