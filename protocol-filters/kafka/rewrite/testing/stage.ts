import type { BoundFilter, Session, SessionHost } from '../../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../../src/exchange/side.ts';
import { SessionHarness } from '../../../../test/support/session-harness.ts';
import { TestDoors, type TestDoorsOptions } from '../../../../test/support/test-doors.ts';
import { Addresses } from '../addresses.ts';
import type { AddressConfig, AddressOptions } from '../options.ts';
import type { ReplyRewriter } from '../reply-rewriter.ts';

export interface StageOptions {
  readonly options?: Partial<AddressOptions>;
  readonly config?: Partial<AddressConfig>;
  readonly doors?: TestDoorsOptions;
}

export type Rule = readonly [id: number, host: string, port: number];
export const rules = (...all: readonly Rule[]): Partial<AddressConfig> => ({
  id_based_broker_address_rewrite_spec: { rules: all.map(([id, host, port]) => ({ id, host, port })) },
});

const CONFIG: AddressConfig = { force_response_rewrite: false, api_keys_allowed: [], api_keys_denied: [] };
const OPTIONS: AddressOptions = { rewrite: false, addresses: [] };

/** What was configured, with what it counts and warns of. */
export function addressesOf({ options, config }: StageOptions) {
  const counts: Record<string, number> = {};
  const warnings = new Set<string>();
  const count = (name: string) => () => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const names = ['rewritten', 'clamped', 'unmapped', 'noDoor', 'undecodable', 'bypassHint', 'deniedKey'] as const;
  const stats = {
    ...(Object.fromEntries(names.map((name) => [name, count(name)])) as Record<(typeof names)[number], () => void>),
    rewrite: () => {},
  };
  const addresses = new Addresses(
    { ...CONFIG, ...config },
    { ...OPTIONS, ...options },
    (text) => void warnings.add(text),
    stats,
  );
  return { addresses, counts, warnings };
}

/** A connection of which only the rewriter is there: requests are told, replies are bytes. */
export class Stage {
  readonly harness: SessionHarness;
  readonly rewriter: ReplyRewriter;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: ReadonlySet<string>;

  constructor({ options = { rewrite: 'auto' }, config, doors }: StageOptions = {}) {
    const { addresses, counts, warnings } = addressesOf({ options, ...(config && { config }) });
    this.counts = counts;
    this.warnings = warnings;
    let rewriter: ReplyRewriter | null = null;
    const bound: BoundFilter = {
      open: (host: SessionHost): Session => {
        rewriter = addresses.rewriter(host);
        return session(rewriter!);
      },
    };
    this.harness = new SessionHarness({ bound, doors: new TestDoors(doors) });
    this.rewriter = rewriter!;
  }

  /** A request that will be answered. */
  ask(apiKey: number, version: number, correlationId: number): this {
    this.rewriter.onRequest(apiKey, version, correlationId);
    return this;
  }

  /** The broker says this, in pieces of so many bytes each. */
  reply(bytes: Uint8Array, ...sizes: readonly number[]): this {
    for (let from = 0, i = 0; from < bytes.length; i++) {
      const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!;
      this.harness.feed(Side.upstream, bytes.subarray(from, from + size));
      from += size;
    }
    return this;
  }

  get sent(): Buffer {
    return this.harness.sent(Side.downstream);
  }

  get gear(): string {
    return this.harness.gear(Side.upstream);
  }
}

const session = (rewriter: ReplyRewriter): Session => ({
  onDownstream: (_buf, start, end, at) => at + (end - start),
  onUpstream: (buf, start, end, at) => rewriter.push(buf, start, end, at),
  onEnd: (side, how) => {
    if (side === Side.upstream && how === 'fin') rewriter.onEnd();
  },
  refuse: () => ({ kind: 'close', last: null }),
  quiet: true,
  farewell: () => null,
});
