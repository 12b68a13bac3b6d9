import type { RedisOptions } from '../../../protocol-filters/redis/index.ts';
import { type Wish as PolicyWish, policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import { command } from '../../support/redis-wire.ts';
import type { BypassCase, BypassRow } from './row.ts';

/** What becomes of bytes that a client sends. `nothing`: they are no command, and have no reply. */
export type Fate = 'allowed' | 'denied' | 'closes' | 'nothing';

/** Some bytes of a client's stream. */
export interface Part {
  readonly bytes: Buffer;
  readonly fate: Fate;
  /** Replies as show() writes them; `*` = one, whatever it says. Of what is denied `-NOPERM` where it says nothing else. */
  readonly replies: readonly string[];
}

export interface RedisCase extends BypassCase {
  readonly sends: readonly Part[];
  readonly options?: Partial<RedisOptions>;
  /** Keys that must be there after it, besides the canaries, with their values; null = must not be there. */
  readonly keys?: Readonly<Record<string, string | null>>;
  /** What the server must not have seen, in MONITOR's lines. */
  readonly unseen?: RegExp;
  /** False: nothing can be asked on the connection at the end (muted, subscribed in RESP2, blocked). */
  readonly usable?: boolean;
  /** The real server is not asked: why. */
  readonly notReal?: string;
  /** Said to the server before, on a connection of its own. */
  readonly before?: readonly (readonly string[])[];
  /** What a hostile server says to the first, second … command in a play; then there is no real server. `*` = as usual. */
  readonly says?: readonly string[];
  /** The connection ends for what the server said. */
  readonly serverCloses?: boolean;
  /** What it tells is compared: cut by cut, and play by play before a server. */
  readonly retells?: boolean;
  /** Only the first piece of each cut is said: then this side is gone, as this. */
  readonly breaks?: readonly ['client' | 'server', 'reset' | 'error'];
  /** Said on another connection while the client waits for its replies. */
  readonly meanwhile?: readonly (readonly string[])[];
  /** Once the replies to so many parts are there, these policies take the place of the others. */
  readonly reload?: { readonly after: number; readonly policies: PolicySetConfig };
}

export type RedisRow = BypassRow<RedisCase>;

type Word = string | Uint8Array | number;

/** An allowed command with its reply. */
export const ok = (reply: string, ...words: readonly Word[]): Part => ({
  bytes: command(...words),
  fate: 'allowed',
  replies: [reply],
});
/** An allowed command with several replies, or none. */
export const many = (replies: readonly string[], ...words: readonly Word[]): Part => ({ ...ok('', ...words), replies });
/** A denied command. */
export const no = (...words: readonly Word[]): Part => ({
  bytes: command(...words),
  fate: 'denied',
  replies: ['-NOPERM'],
});
/** A denied command without a reply. */
export const mutely = (part: Part): Part => ({ ...part, replies: [] });
/** Bytes as they are. */
export const raw = (fate: Fate, bytes: string | Uint8Array, ...replies: readonly string[]): Part => ({
  bytes: Buffer.from(bytes as string, 'latin1'),
  fate,
  replies: replies.length === 0 && fate === 'denied' ? ['-NOPERM'] : replies,
});
/** Ends the connection; the client may read an error before. */
export const closes = (bytes: string | Uint8Array, ...replies: readonly string[]): Part =>
  raw('closes', bytes, ...replies);

/** Everything is allowed but what touches a key or channel `forbidden:*`. */
export const forbidden: PolicySetConfig = policySet([
  { name: 'canary', action: 'deny', targets: ['forbidden:*', 'channel=forbidden:*'], message: 'hands off' },
]);

/** Only keys and channels `app:*` and `other`. */
export const appOnly: PolicySetConfig = policySet([
  { name: 'app', action: 'allow', targets: ['app:*', 'channel=app:*', 'other'] },
]);

export const policies = (...wishes: readonly PolicyWish[]): PolicySetConfig => policySet(wishes);

export const redisRow = (
  id: string,
  title: string,
  rules: RedisRow['rules'],
  cases: readonly (Omit<RedisCase, 'policies'> & { readonly policies?: PolicySetConfig })[],
): RedisRow => ({ id, title, rules, cases: cases.map((each) => ({ policies: forbidden, ...each })) });
