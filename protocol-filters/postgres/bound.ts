import { whenParsed } from '../../src/digest/when-parsed.ts';
import type { Digest, DigestCache } from '../../src/exchange/digest.ts';
import type { PostgresConfig, PostgresOptions } from './config.ts';
import type { PostgresStats } from './stats.ts';

/** What all sessions of one filter chain share. */
export class Bound {
  readonly config: PostgresConfig;
  readonly options: PostgresOptions;
  readonly stats: PostgresStats;
  readonly digests: DigestCache;
  /** Of executions whose statement was not seen being prepared. */
  readonly unknown: Digest;
  readonly functionCall: Digest;
  /** A startup message that asks for more than a plain session. */
  readonly startup: Digest;
  /** Of errors that belong to no statement: what Sync commits, a text in which no statement was found. */
  readonly nothing: Digest;

  constructor(config: PostgresConfig, options: PostgresOptions, stats: PostgresStats, digests: DigestCache) {
    this.config = config;
    this.options = options;
    this.stats = stats;
    this.digests = digests;
    this.unknown = digests.named('postgres', 'EXECUTE', 'execute of a statement not seen prepared');
    this.functionCall = digests.named('postgres', 'FUNCTION CALL', 'function call by oid');
    this.startup = digests.named('postgres', 'STARTUP', 'startup');
    this.nothing = digests.named('postgres', 'NONE', 'no statement');
  }

  /**
   * Envoy's statements_parsed and statements_parse_error: one a message, when the parser has said what it thinks of all
   * its statements. `digests` may be reused by the caller afterwards.
   */
  countParsed(digests: readonly Digest[]): void {
    if (!this.config.enable_sql_parsing) return;
    whenParsed(this.digests, digests, this.#count);
  }

  readonly #count = (parsed: boolean): void => {
    const { registry, envoy } = this.stats;
    registry.inc(parsed ? envoy.statements_parsed : envoy.statements_parse_error);
  };
}
