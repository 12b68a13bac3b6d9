import { type Cut, playOf, type Script, type Stage, type StoryOptions, stageOf } from '../../../test/support/story.ts';
import { type MysqlOptions, mysql } from '../index.ts';
import { CAPABILITIES, client, type LoginParts, server } from './builders.ts';

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

export const stage = (options: StoryOptions<MysqlOptions> = {}): Stage => stageOf(mysql, options);

/** Plays a script to the end and hangs up. */
export const play = (script: Script, options: StoryOptions<MysqlOptions> = {}, cut?: Cut): Stage =>
  playOf(mysql, script, options, cut);

/** Greeting, login and OK: what most scripts begin with. Both sides have the same capabilities. */
export const loginAs = (parts: LoginParts & { capabilities?: number } = {}): Script => {
  const capabilities = parts.capabilities ?? CAPABILITIES;
  return [
    ['<', server.greeting({ capabilities })],
    ['>', client.login41({ ...parts, capabilities })],
    ['<', server.ok({ capabilities }, 2)],
  ];
};
export const login: Script = loginAs();

/** The same with a MariaDB, and these of its own capabilities. */
export const mariadbLogin = (mariadb = 0): Script => [
  ['<', server.mariadbGreeting({ mariadb })],
  ['>', client.login41({ mariadb, capabilities: CAPABILITIES & ~1 })],
  ['<', server.ok({}, 2)],
];

export const own = (on: Stage, name: string): number => on.stats.value(`sluice.mysql.p.${name}`) ?? Number.NaN;
export const envoy = (on: Stage, name: string): number => on.stats.value(`mysql.p.${name}`) ?? Number.NaN;
