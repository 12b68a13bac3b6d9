import { type KeySink, NO_KEYS } from '../../src/exchange/key-sink.ts';
import type { FilterEnv } from '../../src/exchange/protocol-filter.ts';
import type { RedisConfig, RedisOptions } from './config.ts';
import { RedisDigests } from './digests.ts';
import { FoundKeys } from './found-keys.ts';
import { CommandFacts } from './operation-facts.ts';
import { RedisStats } from './stats.ts';

const BYPASS =
  'Redis replies lead clients past this proxy (MOVED, ASK, CLUSTER SLOTS, SENTINEL, ROLE): what they then send to the ' +
  'servers directly is not seen. Remedy: put a listener before every server and let servers announce these ' +
  '(cluster-announce-ip and cluster-announce-port, replica-announce-ip and replica-announce-port, sentinel announce-ip)';

/** What all sessions of one filter chain share. */
export class Bound {
  readonly config: RedisConfig;
  readonly options: RedisOptions;
  readonly stats: RedisStats;
  readonly digests: RedisDigests;
  /** Null: nobody wants to know of keys. */
  readonly keys: KeySink | null;
  /** The keys of the command that is being looked at: used within one call. */
  readonly found = new FoundKeys();
  /** What policies judge. */
  readonly facts = new CommandFacts();
  readonly #env: FilterEnv;
  #warned = false;

  constructor(config: RedisConfig, options: RedisOptions, env: FilterEnv) {
    this.config = config;
    this.options = options;
    this.stats = new RedisStats(env.stats, config.stat_prefix, config.latency_in_micros);
    this.digests = new RedisDigests(env.digests, options.key_patterns);
    this.keys = env.keys === NO_KEYS ? null : env.keys;
    this.#env = env;
  }

  /** A reply leads clients around this proxy: counted, and said once. */
  bypassHint(): void {
    this.stats.registry.inc(this.stats.own.bypass_hint);
    if (this.#warned) return;
    this.#warned = true;
    this.#env.warn(BYPASS);
  }
}
