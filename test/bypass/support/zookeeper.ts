import type { ZookeeperOptions } from '../../../protocol-filters/zookeeper/index.ts';
import { type Wish as PolicyWish, policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { Ask } from '../../support/zookeeper-requests.ts';
import { request } from '../../support/zookeeper-wire.ts';
import type { BypassCase, BypassRow } from './row.ts';

/** What becomes of bytes that a client sends. `nothing`: they have no reply, and do not leave. */
export type Fate = 'allowed' | 'denied' | 'closes' | 'nothing';

export interface Part {
  readonly bytes: Buffer;
  readonly fate: Fate;
  /** Error of its reply: '' = none, `*` = any but NOAUTH; null: it has no reply. */
  readonly error: string | null;
}

export interface ZooKeeperCase extends BypassCase {
  /** Behind a ConnectRequest, unless `bare`. */
  readonly sends: readonly Part[];
  /** The connection begins with these bytes. */
  readonly bare?: boolean;
  readonly options?: Partial<ZookeeperOptions>;
  /** What a hostile server says to the first, second … packet; `*` = as usual. Then there is no real server. */
  readonly says?: readonly (string | Buffer)[];
  readonly serverCloses?: boolean;
  /** What it tells is compared: cut by cut, and play by play before a server. */
  readonly retells?: boolean;
  /** Only the first piece of each cut is said: then this side is gone, as this. */
  readonly breaks?: readonly ['client' | 'server', 'reset' | 'error'];
  readonly notReal?: string;
  /** What a word is answered begins so. */
  readonly answer?: RegExp;
}

export type ZooKeeperRow = BypassRow<ZooKeeperCase>;

let lastXid = 0;
/** xids only have to differ within a case. */
const nextXid = (): number => (lastXid = (lastXid % 1_000_000) + 1);
const part = (fate: Fate, asked: Ask, error: string | null, xid?: number): Part => ({
  bytes: request(xid ?? asked.xid ?? nextXid(), asked),
  fate,
  error,
});

/** An allowed request. */
export const ok = (asked: Ask, error = ''): Part => part('allowed', asked, error);
/** A denied one. */
export const no = (asked: Ask, error = 'NOAUTH'): Part => part('denied', asked, error);
/** With a number of its own. */
export const numbered = (fate: Fate, xid: number, asked: Ask, error: string | null = null): Part =>
  part(fate, asked, error ?? (fate === 'denied' ? 'NOAUTH' : fate === 'allowed' ? '' : null), xid);
export const raw = (fate: Fate, bytes: string | Uint8Array, error: string | null = null): Part => ({
  bytes: Buffer.from(bytes as string, 'latin1'),
  fate,
  error,
});
export const closes = (bytes: string | Uint8Array): Part => raw('closes', bytes);
/** A packet with the length that it has. */
export const frame = (...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};
/** Ends the connection, as a request that would touch what is forbidden. */
export const closing = (asked: Ask, change: (bytes: Buffer) => Buffer = (bytes) => bytes, xid?: number): Part =>
  closes(change(request(xid ?? nextXid(), asked)));

export const forbidden: PolicySetConfig = policySet([
  { name: 'canary', action: 'deny', targets: ['/forbidden', '/forbidden/*'] },
]);
export const appOnly: PolicySetConfig = policySet([{ name: 'app', action: 'allow', targets: ['/app', '/app/*'] }]);
export const policies = (...wishes: readonly PolicyWish[]): PolicySetConfig => policySet(wishes);

export const zooKeeperRow = (
  id: string,
  title: string,
  rules: ZooKeeperRow['rules'],
  cases: readonly (Omit<ZooKeeperCase, 'policies'> & { readonly policies?: PolicySetConfig })[],
): ZooKeeperRow => ({ id, title, rules, cases: cases.map((each) => ({ policies: forbidden, ...each })) });
