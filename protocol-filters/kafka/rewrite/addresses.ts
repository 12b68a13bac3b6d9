import type { Fault } from '../../../src/exchange/fault.ts';
import type { SessionHost } from '../../../src/exchange/protocol-filter.ts';
import type { Place } from './address-walk.ts';
import { BypassHints } from './bypass-hints.ts';
import { OwnAddresses, upstreamOf } from './host-port.ts';
import { type AddressConfig, type AddressOptions, doorsOf } from './options.ts';
import { ReplyAddresses } from './reply-addresses.ts';
import { ReplyRewriter } from './reply-rewriter.ts';
import { ApiKeyRules, RequestGate } from './request-gate.ts';

/** What is counted here; part of the filter's stats. */
export interface AddressStats {
  /** A reply left with other addresses than it came with. */
  rewritten(apiKey: number): void;
  /** How long a reply that names brokers was held, and its bytes. */
  rewrite(ms: number, bytes: number): void;
  /** An ApiVersions reply left with fewer versions. */
  clamped(): void;
  /** A broker was named for which there is no rule. */
  unmapped(): void;
  noDoor(): void;
  undecodable(apiKey: number): void;
  /** A reply that leads clients past this proxy. */
  bypassHint(): void;
  deniedKey(apiKey: number): void;
}

/** A host (IPv6 without brackets) and port as replies name them. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface Choice {
  /** False: the address stays. */
  readonly rewrites: boolean;
  /** Null: that of a door to `upstream`. */
  readonly target: Target | null;
  /** '' = nobody can be reached there. */
  readonly upstream: string;
}

/** What the operator may have set up wrong. */
const WHY_UNREAD: ReadonlyMap<Fault, string> = new Map([
  ['encrypted', 'a client speaks TLS, which cannot be read'],
  ['foreign_protocol', "a client speaks another protocol than Kafka's"],
  ['unexpected_reply', 'the server sends what is no reply to any request, as if it were no Kafka broker'],
]);

const STAYS: Choice = { rewrites: false, target: null, upstream: '' };

/** What a listener's configuration says about broker addresses and API keys; once a filter chain and worker. */
export class Addresses {
  readonly stats: AddressStats;
  readonly advertise: string | undefined;
  /** Doors that one reply may have opened: there cannot be more, and one broker may be led by the listener's own port. */
  readonly maxDoors: number;
  readonly #warn: (text: string) => void;
  readonly #isAuto: boolean;
  readonly #allowsRawTokens: boolean;
  /** By node id. */
  readonly #rules = new Map<number, Target>();
  readonly #own: OwnAddresses;
  readonly #keys: ApiKeyRules;

  constructor(
    config: AddressConfig,
    options: AddressOptions & { readonly sasl_v0?: 'deny' | 'allow' },
    warn: (text: string) => void,
    stats: AddressStats,
  ) {
    this.stats = stats;
    this.advertise = options.advertise;
    this.maxDoors = (doorsOf(options)?.count ?? -1) + 1;
    this.#warn = warn;
    this.#isAuto = options.rewrite === 'auto';
    this.#allowsRawTokens = options.sasl_v0 === 'allow';
    this.#own = new OwnAddresses(options.addresses);
    this.#keys = new ApiKeyRules(config.api_keys_allowed, config.api_keys_denied);
    for (const { id, host, port } of config.id_based_broker_address_rewrite_spec?.rules ?? [])
      if (!this.#rules.has(id)) this.#rules.set(id, { host, port });
  }

  /** Null: replies go as they are. */
  rewriter(host: SessionHost): ReplyRewriter | null {
    const { enforces } = host;
    if (!this.#rewrites && !enforces && !host.cuts) return null;
    return new ReplyRewriter(host, this, {
      rewrites: this.#rewrites,
      enforces,
      allowsRawTokens: this.#allowsRawTokens,
    });
  }

  get #rewrites(): boolean {
    return this.#isAuto || this.#rules.size > 0;
  }

  /** Null: replies are rewritten. */
  hints(host: SessionHost): BypassHints | null {
    if (this.#rewrites) return null;
    return new BypassHints(this.#own, host.facts.localAddress, () => this.#onBypass());
  }

  /** Null: all API keys are allowed. */
  requestGate(host: SessionHost): RequestGate | null {
    return this.#keys.allowsAll ? null : new RequestGate(host, this.#keys, (apiKey) => this.stats.deniedKey(apiKey));
  }

  /** The addresses of one reply. */
  reply(host: SessionHost): ReplyAddresses {
    return new ReplyAddresses(host, this);
  }

  /** What an address becomes for a client that came by `local`: Envoy's rules first, then a door of our own. */
  choose({ nodeId, host, port }: Place, local: string): Choice {
    const target = this.#rules.get(nodeId);
    if (target !== undefined) return { rewrites: true, target, upstream: '' };
    const upstream = upstreamOf(host, port);
    if (upstream !== '' && this.#isOwn(upstream, local)) return STAYS;
    if (this.#isAuto) return { rewrites: true, target: null, upstream };
    this.stats.unmapped();
    this.#warn(
      'a broker is named that no rule of id_based_broker_address_rewrite_spec has: its address passes unchanged and leads clients past this proxy (add a rule, or set rewrite: auto; counted as unmapped_brokers)',
    );
    return STAYS;
  }

  #isOwn(upstream: string, local: string): boolean {
    if (this.#own.has(upstream, local)) return true;
    if (this.advertise === undefined) return false;
    const port = Number(local.slice(local.lastIndexOf(':') + 1));
    return upstream === upstreamOf(this.advertise, port);
  }

  onUnreadable(apiKey: number): void {
    this.stats.undecodable(apiKey);
    this.#warn(
      'a reply that may name brokers cannot be read, so the connection was closed rather than lead the client past this proxy (a client that uses versions which ApiVersions did not offer; counted as closed_undecodable)',
    );
  }

  onNoDoor(): void {
    this.stats.noDoor();
    this.#warn(
      'a broker is named for which no port could be opened, so the connection was closed rather than lead the client past this proxy (see broker_ports; counted as closed_no_door)',
    );
  }

  onGaveUp(fault: Fault): void {
    const why = WHY_UNREAD.get(fault) ?? 'a connection cannot be read';
    this.#warn(
      `${why} (${fault}): the connection was closed, because the broker addresses in it could not be rewritten (to let such connections pass unseen, turn rewriting off; counted as opaque)`,
    );
  }

  #onBypass(): void {
    this.stats.bypassHint();
    this.#warn(
      'brokers are named by addresses that lead clients past this proxy, which will not see what they do there: set rewrite: auto for this listener, or, if these addresses are its own, list them in addresses (counted as bypass_hint)',
    );
  }
}
