import type { Target } from './digest.ts';

/**
 * What a policy may judge of one operation: of this very message, and all of it. An exchange's digest is folded and bounded
 * for statistics; these facts are neither. Built only where a chain judges.
 *
 * Names are bytes, one character a byte (latin1), as the server folds them: two names are the same where their bytes are
 * (threats R11). `binaryName()` makes one of text.
 *
 * A protocol filter hands on the same object where the same facts are meant (it keeps them with the digest): who judges may
 * remember its verdict by identity. The object is frozen in meaning: nobody changes it after it was handed on.
 */
export interface OperationFacts {
  /** `SELECT`, `find`, `GET`, `Produce`, `multi`: as Digest.operation has it, and never folded. */
  readonly operation: string;
  /** All that it does, and to what. Empty only where it truly does nothing that can be told of. */
  readonly accesses: readonly Access[];
  /**
   * Not '' where more may be done than `accesses` say, and why: `does not parse`, `runs text`, `prepared out of sight`. Such
   * an operation touches the target `$unresolved` besides, which only a policy that names it can allow (threats R7).
   */
  readonly unresolved: string;
  /** False for an UPDATE or DELETE of all rows, and for what has no condition. */
  readonly hasWhere: boolean;
  /** Rows or documents that it asks for at most; -1 = as many as there are, or not known. */
  readonly limit: number;
  /** MongoDB: aggregation stages at any depth, `$lookup`; of others none. */
  readonly stages: readonly string[];
  /** Redis: ACL categories without the @, `write`, `dangerous`; of others none. */
  readonly categories: readonly string[];
}

/** One thing done to one resource. */
export interface Access {
  /** A word of the protocol's PolicyVocabulary: `select`, `insert`, `read`, `write`, `create` … */
  readonly verb: string;
  /** `table`, `function`, `collection`, `key`, `channel`, `topic`, `group`, `path` …; '' = the verb has no resource. */
  readonly type: string;
  /** Schema, database, or the like; '' = the query did not say, and the session does not know: it may be any. */
  readonly schema: string;
  /** '' = all of the schema. `*` is a name like any other here. */
  readonly name: string;
  /** All names that begin with `name`: a subtree, a pattern of channels. Allowed where all of them are, denied where one is. */
  readonly open?: true;
}

/** Text as a binary name: its UTF-8 bytes, one character each. ASCII is itself. */
export const binaryName = (text: string): string =>
  /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');

/** For people: a binary name as text, what is no UTF-8 escaped as \xHH. */
export function shownName(name: string): string {
  const bytes = Buffer.from(name, 'latin1');
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  return name.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}

/** A resource as a policy names it: globs over binary names, in which `*` stands for any bytes and `\` takes the next as it is. */
export interface TargetPattern {
  /** '' = any type. */
  readonly type: string;
  /** '*' = any. */
  readonly schema: string;
  readonly name: string;
}

/** What policies for a protocol can be written of; also told by `sluice check` where a word is none of these. */
export interface PolicyVocabulary {
  /** Verbs of accesses, each with what it means. */
  readonly verbs: Readonly<Record<string, string>>;
  /** Verbs that every session needs and that touch nothing (`transaction`, `session`): allowed unless a policy denies them by name. */
  readonly harmless: readonly string[];
  /**
   * Verbs that are denied wherever policies are enforced, by deny policies alone too, unless an allow policy names the verb
   * itself (`code`, `internal`): what nobody means who allows everything.
   */
  readonly guarded?: readonly string[];
  /**
   * The server may take names that differ in ASCII case only for the same (MySQL on some disks): the targets of deny and limit
   * match without regard to it, those of allow do not.
   */
  readonly foldsDenied?: boolean;
  /** Values of OperationFacts.operation in a policy's `operations`, compared without regard to ASCII case; null: any word may be one. */
  readonly operations: ReadonlySet<string> | null;
  /** Limits that mean nothing to it, or that it cannot keep: replies it cannot cut, transactions it does not have. */
  readonly cannotLimit?: readonly ('rows' | 'bytes' | 'idle_in_transaction')[];
  /** Reads what an operator wrote as a target: `orders`, `shop.orders`, `app:*`, `group=billing`; `fault`: why it can match nothing. */
  target(text: string): TargetPattern | { readonly fault: string };
  /**
   * What an operation does as far as its digest tells, whose names may be patterns; null where that does not tell. Of protocols
   * whose digests judge nothing.
   */
  seen?(operation: string, targets: readonly Target[]): readonly Access[] | null;
}
