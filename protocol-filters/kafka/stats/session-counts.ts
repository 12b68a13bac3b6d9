import type { StatIds, StatsRegistry } from '../../../src/stats/registry.ts';
import { KAFKA_LOGIN_STATS, KAFKA_SOFTWARE_STATS } from '../stat-groups.ts';
import { OTHER } from './slots.ts';

/** Ways to log in; the last stands for all that have no name here. */
export const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'GSSAPI', 'AWS_MSK_IAM', OTHER];

/** Pairs of a client software and its version. */
const MAX_SOFTWARE = 64;
const MAX_TEXT = 64;
/** What Kafka allows; whatever else comes is made to look like it. */
const ODD = /[^A-Za-z0-9.-]/g;

/** Who connects, by what they say they are and how they log in. */
export class SessionCounts {
  readonly #registry: StatsRegistry;
  readonly #statPrefix: string;
  readonly #software = new Map<string, number>();
  readonly #logins: readonly StatIds<keyof typeof KAFKA_LOGIN_STATS.stats>[];

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.#registry = registry;
    this.#statPrefix = statPrefix;
    this.#logins = MECHANISMS.map((mechanism) =>
      registry.open(KAFKA_LOGIN_STATS, { stat_prefix: statPrefix, mechanism }),
    );
  }

  software(name: string, said: string): void {
    // A dot in the name would make a part of its own of what follows it.
    const software = plain(name).replaceAll('.', '_');
    const version = plain(said);
    const key = `${software} ${version}`;
    let id = this.#software.get(key);
    if (id === undefined) {
      const isTold = this.#software.size < MAX_SOFTWARE;
      const parts = isTold ? { software, version } : { software: OTHER, version: OTHER };
      id = this.#registry.open(KAFKA_SOFTWARE_STATS, { stat_prefix: this.#statPrefix, ...parts }).connections;
      if (isTold) this.#software.set(key, id);
    }
    this.#registry.inc(id);
  }

  login(said: string, isAccepted: boolean): void {
    const ids = this.#logins[MECHANISMS.indexOf(said)] ?? this.#logins.at(-1)!;
    this.#registry.inc(isAccepted ? ids.logins : ids.login_failures);
  }
}

const plain = (text: string): string => text.slice(0, MAX_TEXT).replace(ODD, '_') || '_';
