import type { MongodbOptions } from '../../../protocol-filters/mongodb/index.ts';
import { Compressor } from '../../../protocol-filters/mongodb/message.ts';
import {
  type CompressorName,
  type Doc,
  type MsgOptions,
  opCompressed,
  opMsg,
  type SequenceOf,
} from '../../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { policySet } from '../../../src/policy/policy.fixture.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';
import type { BypassCase, BypassRow } from './row.ts';

/** What becomes of a message. `held`: neither sent on nor answered. `closes`: the connection ends with it. */
export type Fate = 'allowed' | 'denied' | 'held' | 'closes';

/** One message of the client. */
export interface Part {
  readonly bytes: Buffer;
  readonly fate: Fate;
  readonly id: number;
  /** Replies that the client gets to it. */
  readonly replies: number;
  /** Of what is denied: 13 unless said. */
  readonly code: number;
  /** The policy that is named, where it is not `hands_off`; null: any. */
  readonly policy: string | null;
  /** As the server's journal has it: `find shop.orders`. */
  readonly says: string;
}

/** What a scripted server says to a command: a document, several messages, or nothing at all. */
export type Answer = Doc | readonly Buffer[] | null;
export type Answers = (command: Record<string, unknown>, id: number, bytes: Buffer) => Answer | undefined;

export interface MongoCase extends BypassCase {
  readonly sends: readonly Part[];
  readonly options?: Partial<MongodbOptions>;
  /** Of the scripted server; undefined: what it says otherwise. */
  readonly answers?: Answers;
  /** Cursors or transactions outlive their connections: each play has a filter chain of its own. */
  readonly fresh?: boolean;
  /** Each message is said when the one before it was answered. */
  readonly stepwise?: boolean;
  /** What the client does when it has said all. */
  readonly ends?: 'fin' | 'reset';
  /** The scripted server's answers break the protocol: the connection closes, and the client has at most these replies. */
  readonly breaks?: boolean;
  /** The strict server is not asked: why. */
  readonly notReal?: string;
  /** Said to it before, on a connection of its own. */
  readonly before?: readonly Record<string, unknown>[];
}
export type MongoRow = BypassRow<MongoCase>;

type Step = (id: number) => Part;
export interface Wishes extends MsgOptions {
  readonly by?: CompressorName;
  readonly code?: number;
  readonly policy?: string | null;
  readonly says?: string;
  readonly replies?: number;
}

/** The steps of a client; ids count up from 1. */
export const sends = (...steps: readonly Step[]): readonly Part[] => steps.map((step, i) => step(i + 1));

function wordsOf(doc: Doc): string {
  if (Buffer.isBuffer(doc)) return '';
  const [name = ''] = Object.keys(doc);
  const collection = name === 'getMore' ? doc['collection'] : doc[name];
  return `${name} ${String(doc['$db'])}.${typeof collection === 'string' ? collection : ''}`;
}

const MORE_TO_COME = 2;

const say =
  (fate: Fate) =>
  (command: Doc, wishes: Wishes = {}): Step =>
  (next) => {
    const { by, code = 13, policy = 'hands_off', says, replies, ...options } = wishes;
    const id = options.requestId ?? next;
    const doc = Buffer.isBuffer(command) || '$db' in command ? command : { ...command, $db: 'shop' };
    const plain = opMsg(doc, { ...options, requestId: id });
    const isSilent = ((options.flags ?? 0) & MORE_TO_COME) !== 0;
    return {
      bytes: by === undefined ? plain : opCompressed(plain, by),
      fate,
      id,
      replies: replies ?? (isSilent || fate === 'held' || fate === 'closes' ? 0 : 1),
      code,
      policy,
      says: says ?? wordsOf(doc),
    };
  };

export const ok = say('allowed');
export const no = say('denied');
export const held = say('held');
/** Ends the connection. */
export const closes = say('closes');
/** Denied by the protocol filter itself: it cannot be judged. */
export const unreadable = (command: Doc, wishes: Wishes = {}): Step =>
  no(command, { policy: 'sluice.unreadable', ...wishes });
/** Denied as what nobody can know for certain: by any deny policy with targets, or as such. */
export const unresolved = (command: Doc, wishes: Wishes = {}): Step => no(command, { policy: null, ...wishes });
/** Denied as what no policy allows. */
export const notAllowed = (command: Doc, wishes: Wishes = {}): Step =>
  no(command, { policy: 'sluice.not_allowed', ...wishes });
/** Bytes as they are. */
export const raw =
  (fate: Fate, bytes: Buffer, wishes: Partial<Part> = {}): Step =>
  (next) => ({
    bytes,
    fate,
    id: bytes.length >= 8 ? bytes.readInt32LE(4) : next,
    replies: fate === 'allowed' || fate === 'denied' ? 1 : 0,
    code: 13,
    policy: 'hands_off',
    says: '',
    ...wishes,
  });
export const ends = (bytes: Buffer): Step => raw('closes', bytes);

export const withSequence = (identifier: string, ...documents: Doc[]): { sequences: SequenceOf[] } => ({
  sequences: [{ identifier, documents }],
});

/** All is allowed but what touches the collection `secret` of any database, or anything in the database `forbidden`. */
export const forbidden: PolicySetConfig = policySet([
  { action: 'deny', name: 'hands_off', targets: ['secret', 'forbidden.*'], message: 'hands off' },
]);
/** What a till may do; all else is not allowed. */
export const allowList: PolicySetConfig = policySet([
  { action: 'allow', name: 'till', operations: ['read', 'insert', 'update', 'delete'], targets: ['shop.orders'] },
  { action: 'allow', name: 'looks', operations: ['read'], targets: ['shop.products', 'shop.log*'] },
]);

/** A case with the policies `forbidden`. */
export const on = (name: string, ...steps: readonly Step[]): MongoCase => ({
  name,
  policies: forbidden,
  sends: sends(...steps),
});
export const caseOf = (name: string, more: Partial<MongoCase>, ...steps: readonly Step[]): MongoCase => ({
  ...on(name, ...steps),
  ...more,
});
/** A case with an allow list. */
export const listed = (name: string, ...steps: readonly Step[]): MongoCase =>
  caseOf(name, { policies: allowList }, ...steps);

export const COMPRESSORS = Object.keys(Compressor).filter((name) => name !== 'none') as CompressorName[];
/** A command that is allowed, and one that touches the canary. */
export const FINE = { find: 'orders', filter: {} } as const;
export const TOUCHES = { delete: 'secret', deletes: [{ q: {}, limit: 0 }] } as const;
