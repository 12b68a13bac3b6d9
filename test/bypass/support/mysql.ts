import type { MysqlOptions } from '../../../protocol-filters/mysql/index.ts';
import { client, type GreetingParts, type LoginParts } from '../../../protocol-filters/mysql/testing/builders.ts';
import { type Wish as PolicyWish, policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { BypassCase, BypassRow } from './row.ts';

/** What becomes of a packet of a client. `mute`: it has no reply. `closes`: the connection ends, nothing behind it is read. */
export type Fate = 'allowed' | 'denied' | 'mute' | 'closes';

export interface Part {
  readonly fate: Fate;
  readonly bytes: Buffer;
}

export interface MysqlCase extends BypassCase {
  /** After the login, in one stream. */
  readonly says: readonly Part[];
  /** Of the hand-made client; `user` is one who may log in without a password. */
  readonly login?: LoginParts;
  /** Instead of the login, before the server has answered anything: these bytes. */
  readonly opens?: Buffer;
  readonly options?: Partial<MysqlOptions>;
  /** The real server must not have been told of this; nor may it stand in any byte that leaves. `forbidden` and `vault` unless said. */
  readonly hidden?: RegExp;
  /** The real server is not asked: why. */
  readonly notReal?: string;
  /** What a scripted server greets with, in a play. */
  readonly greeting?: GreetingParts;
  /** What a scripted server answers to its n-th command, in a play; null: as usual. */
  readonly answers?: (command: Buffer, n: number) => Buffer | null;
  /** The connection ends for what the server said. */
  readonly serverCloses?: boolean;
  /** Only the first piece of each cut is said: then this side is gone, as this. */
  readonly breaks?: readonly ['client' | 'server', 'reset' | 'error'];
  /** A stream of both sides, in the place of `says` and of the login: who speaks, and what. For the harness alone. */
  readonly lines?: readonly (readonly ['>' | '<', Buffer])[];
  /** Everything that the client reads, in a play of lines. */
  readonly hears?: Buffer;
  /** May stand in nothing that is told of the connection. */
  readonly secret?: string;
  /** Another case has the same bytes at every cut: some are enough. */
  readonly fewCuts?: boolean;
}

export type MysqlRow = BypassRow<MysqlCase>;

export const ok = (bytes: Buffer): Part => ({ fate: 'allowed', bytes });
export const no = (bytes: Buffer): Part => ({ fate: 'denied', bytes });
export const mute = (bytes: Buffer): Part => ({ fate: 'mute', bytes });
export const closes = (bytes: Buffer): Part => ({ fate: 'closes', bytes });

export const yes = (text: string): Part => ok(client.query(text));
export const deny = (text: string): Part => no(client.query(text));

/** A table and a database that nobody may touch; all else may be done. */
export const GUARD = policySet([{ name: 'guard', action: 'deny', targets: ['forbidden', 'vault.*'] }]);
/** Only the table `t` of the database `shop`, and reading a few things; nothing of what stands elsewhere. */
export const LIST = policySet([
  {
    name: 'list',
    action: 'allow',
    operations: ['select', 'insert', 'update', 'delete', 'lock', 'describe'],
    targets: ['shop.t', 'shop.u'],
  },
]);
export const rules = (...wishes: readonly PolicyWish[]): PolicySetConfig => policySet(wishes);

/** One case a text: denied, with allowed ones before and behind it. */
export const denies = (
  texts: Readonly<Record<string, string>>,
  policies: PolicySetConfig = GUARD,
  more: Partial<MysqlCase> = {},
): MysqlCase[] =>
  Object.entries(texts).map(([name, text]) => ({
    name,
    policies,
    says: [yes('select 1'), deny(text), yes('select 2')],
    ...more,
  }));

/** The same texts in an allow list. */
export const alsoListed = (cases: readonly MysqlCase[]): MysqlCase[] => [
  ...cases,
  ...cases.map((one) => ({ ...one, name: `${one.name}, allow list`, policies: LIST, fewCuts: true })),
];
