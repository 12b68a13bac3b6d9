import { loadSqlParser, SqlDigestCache } from '../../../src/digest/cache.ts';
import { OUTCOME_NAMES } from '../../../src/exchange/exchange.ts';
import { Side } from '../../../src/exchange/side.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import { type EndedExchange, type Judge, SessionHarness } from '../../../test/support/session-harness.ts';
import { type PostgresOptions, postgres } from '../index.ts';
import { client, server } from './builders.ts';

/** A conversation: who speaks, and what. */
export type Line = readonly ['>' | '<', Uint8Array];
export type Script = readonly Line[];

export interface StoryOptions {
  readonly judge?: Judge;
  readonly enforces?: boolean;
  readonly options?: PostgresOptions;
  readonly issuedKeys?: ReadonlySet<string>;
}

const parser = await loadSqlParser();
/** One cache for all stories: the real one, with the real parser. Time stands still, so the parse budget is never spent. */
export const digests = new SqlDigestCache({ parser, now: () => 0 });

export interface Stage {
  readonly harness: SessionHarness;
  readonly stats: StatsRegistry;
}

export function stage(options: StoryOptions = {}): Stage {
  const stats = new StatsRegistry();
  const config = postgres.config.parse({ stat_prefix: 'p' });
  const bound = postgres.bind(config, options.options ?? { refuse_ssl: false }, { stats, digests });
  const harness = new SessionHarness({
    bound,
    ...(options.judge && { judge: options.judge }),
    ...(options.enforces && { enforces: true }),
    ...(options.issuedKeys && { issuedKeys: options.issuedKeys }),
  });
  return { harness, stats };
}

/** How a line is cut into reads. */
export type Cut = (bytes: Uint8Array, line: number) => Uint8Array[];
export const whole: Cut = (bytes) => [bytes];
export const byteByByte: Cut = (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
/** Pieces of the given sizes, again and again. */
export const pieces =
  (sizes: readonly number[]): Cut =>
  (bytes) => {
    const out: Uint8Array[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = Math.max(1, sizes[i % sizes.length]!);
      out.push(bytes.subarray(at, at + size));
      at += size;
    }
    return out;
  };

/** Plays a script to the end and hangs up. */
export function play(script: Script, options: StoryOptions = {}, cut: Cut = whole): Stage {
  const on = stage(options);
  script.forEach(([who, bytes], line) => {
    for (const piece of cut(bytes, line)) on.harness.feed(who === '>' ? Side.downstream : Side.upstream, piece);
  });
  on.harness.finish();
  return on;
}

export const said = (script: Script, who: '>' | '<'): Buffer =>
  Buffer.concat(script.filter(([speaker]) => speaker === who).map(([, bytes]) => bytes));

/** One line an exchange: what a test reads. */
export const tell = (x: EndedExchange): string =>
  [
    x.kind,
    x.text,
    OUTCOME_NAMES[x.outcome],
    x.code,
    x.rowsReturned > 0 ? `returned ${x.rowsReturned}` : '',
    x.rowsAffected > 0 ? `affected ${x.rowsAffected}` : '',
    flagNames(x.flags),
    x.transaction > 0 ? `transaction ${x.transaction}` : '',
    x.story > 0 ? `story ${x.story}` : '',
    x.replies === 3 ? 'endless' : '',
    x.policy === '' ? '' : `policy ${x.policy}`,
    x.disorder,
  ]
    .filter((part) => part !== '')
    .join(' | ');

const FLAGS = [
  'prepared',
  'inTransaction',
  'pipelined',
  'truncated',
  'staleTrace',
  'denied',
  'sampled',
  'batch',
  'continuation',
  'untimed',
  'waits',
];
const flagNames = (flags: number): string => FLAGS.filter((_, bit) => flags & (1 << bit)).join(' ');

export const told = (on: Stage): string[] => on.harness.ended.map(tell);

/** Startup and trust: what most scripts begin with. */
export const login: Script = [
  ['>', client.startup()],
  ['<', server.welcome()],
];

export const own = (on: Stage, name: string): number => on.stats.value(`sluice.postgres.p.${name}`) ?? Number.NaN;
export const envoy = (on: Stage, name: string): number => on.stats.value(`postgres.p.${name}`) ?? Number.NaN;
