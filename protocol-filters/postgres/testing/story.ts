import { type Cut, playOf, type Script, type Stage, type StoryOptions, stageOf } from '../../../test/support/story.ts';
import { type PostgresOptions, postgres } from '../index.ts';
import { client, server } from './builders.ts';

export { digests } from '../../../test/support/filter-env.ts';
export {
  byteByByte,
  type Cut,
  type Line,
  pieces,
  type Script,
  type Stage,
  said,
  tell,
  told,
  whole,
} from '../../../test/support/story.ts';

export const stage = (options: StoryOptions<PostgresOptions> = {}): Stage => stageOf(postgres, options);

/** Plays a script to the end and hangs up. */
export const play = (script: Script, options: StoryOptions<PostgresOptions> = {}, cut?: Cut): Stage =>
  playOf(postgres, script, options, cut);

/** Startup and trust: what most scripts begin with. */
export const login: Script = [
  ['>', client.startup()],
  ['<', server.welcome()],
];

export const own = (on: Stage, name: string): number => on.stats.value(`sluice.postgres.p.${name}`) ?? Number.NaN;
export const envoy = (on: Stage, name: string): number => on.stats.value(`postgres.p.${name}`) ?? Number.NaN;
