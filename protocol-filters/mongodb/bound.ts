import type { FilterEnv } from '../../src/exchange/protocol-filter.ts';
import type { MongodbConfig, MongodbOptions } from './config.ts';
import { Cursors } from './cursors.ts';
import { CommandScan } from './gate/command-scan.ts';
import { FactsCache } from './gate/facts-record.ts';
import { ownAddresses } from './hello-reply.ts';
import { RequestPool } from './in-flight.ts';
import { Reply } from './reply.ts';
import { CommandReader } from './shape/command-reader.ts';
import { MongoStats } from './stats.ts';
import { Transactions } from './transactions.ts';

const BYPASS =
  'MongoDB replies to hello name other addresses than this proxy’s (hosts, me, primary): clients whose connection string does ' +
  'not say directConnection=true go there directly, and what they say there is not seen. If all of them say so, nothing is ' +
  'amiss: the replies are the same. Remedy otherwise: directConnection=true in the connection strings, or the listener’s ' +
  'option rewrite_hello: { address: "host:port" } with the address under which clients reach this proxy';

/** Sets of addresses that are kept; one a local address, so one in most places. */
const MAX_ADDRESSES = 64;

/** What all sessions of one filter chain share. */
export class Bound {
  readonly config: MongodbConfig;
  readonly options: MongodbOptions;
  readonly stats: MongoStats;
  readonly reader: CommandReader;
  readonly requests = new RequestPool();
  readonly cursors: Cursors;
  readonly transactions = new Transactions();
  /** The reply that is being looked at: used within one call. */
  readonly reply = new Reply();
  #scan: CommandScan | null = null;
  #facts: FactsCache | null = null;
  readonly #env: FilterEnv;
  readonly #own = new Map<string, ReadonlySet<string>>();
  #warned = false;

  constructor(config: MongodbConfig, options: MongodbOptions, env: FilterEnv) {
    this.config = config;
    this.options = options;
    this.stats = new MongoStats(env.stats, config.stat_prefix, config.commands, options.collections);
    this.reader = new CommandReader({ digests: env.digests });
    this.cursors = new Cursors(this.stats, options.cursors);
    this.#env = env;
  }

  /** Where policies judge: the command that is being judged, used within one call, and facts that were met. */
  get scan(): CommandScan {
    this.#scan ??= new CommandScan();
    return this.#scan;
  }

  get facts(): FactsCache {
    this.#facts ??= new FactsCache();
    return this.#facts;
  }

  /** The addresses that lead a client which came to this one back to us. */
  ownAddresses(localAddress: string): ReadonlySet<string> {
    let own = this.#own.get(localAddress);
    if (own === undefined) {
      own = ownAddresses(localAddress, this.options.addresses);
      if (this.#own.size < MAX_ADDRESSES) this.#own.set(localAddress, own);
    }
    return own;
  }

  /** A reply leads clients around this proxy: counted, and said once. */
  bypassHint(): void {
    this.stats.registry.inc(this.stats.own.bypass_hint);
    if (this.#warned) return;
    this.#warned = true;
    this.#env.warn(BYPASS);
  }
}
