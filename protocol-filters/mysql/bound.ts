import { whenParsed } from '../../src/digest/when-parsed.ts';
import type { Digest, DigestCache } from '../../src/exchange/digest.ts';
import { COMMANDS } from './commands.ts';
import type { MysqlStats } from './stats.ts';

/** What all sessions of one filter chain share. */
export class Bound {
  readonly stats: MysqlStats;
  readonly digests: DigestCache;
  /** Of executions whose statement was not seen being prepared. */
  readonly unknown: Digest;
  /** Of a text in which no statement was found, and of results that no statement of their text asked for. */
  readonly nothing: Digest;
  /** Of commands without a text, by command byte. */
  readonly #commands: readonly Digest[];

  constructor(stats: MysqlStats, digests: DigestCache) {
    this.stats = stats;
    this.digests = digests;
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
