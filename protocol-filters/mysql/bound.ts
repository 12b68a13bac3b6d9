import { mysqlReadingsAgree } from '../../src/digest/facts/mysql-agreement.ts';
import { mysqlUtilityFacts } from '../../src/digest/facts/mysql-utility.ts';
import { whenParsed } from '../../src/digest/when-parsed.ts';
import type { Digest, DigestCache, MysqlSqlMode } from '../../src/exchange/digest.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import { COMMANDS } from './commands.ts';
import type { MysqlOptions } from './config.ts';
import { Resolver } from './resolve.ts';
import type { MysqlStats } from './stats.ts';

/** What all sessions of one filter chain share. */
export class Bound {
  readonly stats: MysqlStats;
  readonly digests: DigestCache;
  readonly options: MysqlOptions;
  readonly resolver: Resolver;
  /** Tells the operator, once. */
  readonly warn: (text: string) => void;
  /** Facts of statements that are no queries, or that read in two ways; false: the parser has read it. */
  readonly #utilities = new WeakMap<Digest, OperationFacts | false>();
  /** Of executions whose statement was not seen being prepared. */
  readonly unknown: Digest;
  /** Of a text in which no statement was found, and of results that no statement of their text asked for. */
  readonly nothing: Digest;
  /** Of commands without a text, by command byte. */
  readonly #commands: readonly Digest[];

  constructor(stats: MysqlStats, digests: DigestCache, options: MysqlOptions, warn: (text: string) => void) {
    this.stats = stats;
    this.digests = digests;
    this.options = options;
    this.warn = warn;
    this.resolver = new Resolver(options.lower_case_table_names !== 0);
    this.unknown = digests.named('mysql', 'EXECUTE', 'execute of a statement not seen prepared');
    this.nothing = digests.named('mysql', 'NONE', 'no statement');
    const byName = new Map<string, Digest>();
    this.#commands = COMMANDS.map(({ name }) => {
      const text = name.replaceAll('_', ' ');
      const digest = byName.get(name) ?? digests.named('mysql', text.toUpperCase(), text);
      byName.set(name, digest);
      return digest;
    });
  }

  /**
   * What policies judge of the statement buf[start..end), whose settled digest this is, with names as it has them. The
   * same object for the same facts. `whole`: more statements may stand there.
   */
  factsOf(mode: MysqlSqlMode, digest: Digest, buf: Buffer, start: number, end: number, whole: boolean): OperationFacts {
    if (!whole && !digest.truncated) {
      let utility = this.#utilities.get(digest);
      if (utility === undefined) {
        utility = mysqlUtilityFacts(digest.operation, digest.text) ?? this.#doubted(digest) ?? false;
        this.#utilities.set(digest, utility);
      }
      if (utility !== false) return utility;
    }
    return this.digests.judgedOf(mode, digest, buf, start, end, whole);
  }

  /** Two readings that do not agree: nothing is claimed. */
  #doubted(digest: Digest): OperationFacts | null {
    const { judged } = digest;
    if (judged === null || judged.unresolved !== '' || mysqlReadingsAgree(digest.text, judged.accesses)) return null;
    return { ...judged, unresolved: 'reads in two ways' };
  }

  commandDigest(command: number): Digest {
    return this.#commands[command]!;
  }

  /**
   * Envoy's queries_parsed and queries_parse_error: one a COM_QUERY, when the parser has said what it thinks of all its
   * statements. `digests` may be reused by the caller afterwards.
   */
  countParsed(digests: readonly Digest[]): void {
    whenParsed(this.digests, digests, this.#count);
  }

  readonly #count = (parsed: boolean): void => {
    const { registry, envoy } = this.stats;
    registry.inc(parsed ? envoy.queries_parsed : envoy.queries_parse_error);
  };
}
