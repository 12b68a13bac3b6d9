import type { OperationFacts } from '../exchange/operation-facts.ts';
import type { Denial, Judgement, Turn } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { limited, tooFast, tooLarge, tooManyAtOnce } from './denials.ts';
import type { Account, LimitTable } from './limit-table.ts';
import type { LimitConfig } from './policy-config.ts';
import type { Asking, Rule } from './rules.ts';

export type LimitKind = 'rate' | 'concurrent' | 'rows' | 'bytes' | 'idle';

/** A policy of action `limit`. */
export interface LimitRule {
  readonly rule: Rule;
  readonly limit: LimitConfig;
  readonly table: LimitTable;
  readonly enforced: boolean;
  /** Looks at single operations, and not at the session alone. */
  readonly counts: boolean;
}

export interface LimitObserver {
  /** A limit is reached. */
  onLimited(limit: LimitRule, kind: LimitKind): void;
}

/** What one message holds until its last exchange has ended. */
export interface Lease {
  /** Exchanges of the message that are under way. */
  left: number;
  readonly places: readonly Account[];
  /** Limits of its replies, in order. */
  readonly replies: readonly LimitRule[];
}

/** What the limits say of one message. */
export interface Admission {
  readonly denial: Denial | null;
  /** The first limit in shadow mode that would have denied it. */
  readonly shadow: Denial | null;
  readonly lease: Lease | null;
}

const FREE: Admission = { denial: null, shadow: null, lease: null };

/** One message before the limits that concern its session. Nothing is taken of any where one of them denies. */
export function admit(
  limits: readonly LimitRule[],
  turn: Turn,
  session: SessionFacts,
  asking: Asking,
  now: number,
  judgement: Judgement,
  observer: LimitObserver,
): Admission {
  if (limits.length === 0 || turn.prepares === true) return FREE;
  if (turn.parked === turn.facts.length) {
    boundReplies(limits, turn, session, asking, judgement);
    return FREE;
  }
  let shadow: Denial | null = null;
  const met: { readonly limit: LimitRule; readonly account: Account; readonly operations: number }[] = [];
  for (const limit of limits) {
    if (!limit.counts) continue;
    const { operations, digest } = countTouched(limit.rule, turn, session, asking);
    if (operations === 0) continue;
    const account = limit.table.account(session, digest, now);
    const kind = reached(limit.table, account, operations);
    if (kind !== null) {
      observer.onLimited(limit, kind);
      const text = kind === 'rate' ? tooFast(limit.limit) : tooManyAtOnce(limit.limit);
      const denial = limited(limit.rule.policy, text);
      if (limit.enforced) return { denial, shadow, lease: null };
      shadow ??= denial;
    }
    met.push({ limit, account, operations });
  }
  if (met.length === 0) return FREE;
  const places: Account[] = [];
  const replies: LimitRule[] = [];
  for (const { limit, account, operations } of met) {
    // A limit in shadow mode lets in what it would not have: that must not keep it reached for ever.
    const most = limit.enforced ? Number.POSITIVE_INFINITY : Math.max(0, account.tokens);
    if (limit.limit.rate !== null) account.tokens -= Math.min(operations, most);
    if (limit.limit.concurrent > 0) {
      account.taken++;
      places.push(account);
    }
    if (limit.limit.rows > 0 || limit.limit.bytes > 0) replies.push(limit);
    if (limit.enforced) lower(judgement, limit.limit);
  }
  const lease = places.length > 0 || replies.length > 0 ? { left: turn.ops.length, places, replies } : null;
  return { denial: null, shadow, lease };
}

/** What was counted when it came: only how much it may return is looked up anew. */
function boundReplies(
  limits: readonly LimitRule[],
  turn: Turn,
  session: SessionFacts,
  asking: Asking,
  judgement: Judgement,
): void {
  for (const { rule, limit, enforced, counts } of limits)
    if (enforced && counts && countTouched(rule, turn, session, asking, turn.facts.length).operations > 0)
      lower(judgement, limit);
}

function reached(table: LimitTable, account: Account, operations: number): LimitKind | null {
  if (!table.affords(account, operations)) return 'rate';
  return table.hasRoom(account) ? null : 'concurrent';
}

function lower(judgement: Judgement, { rows, bytes }: LimitConfig): void {
  if (rows > 0 && (judgement.maxRows === 0 || rows < judgement.maxRows)) judgement.maxRows = rows;
  if (bytes > 0 && (judgement.maxReplyBytes === 0 || bytes < judgement.maxReplyBytes)) judgement.maxReplyBytes = bytes;
}

/** How many operations of the turn, before `end`, a limit concerns, and the digest of the first. Parked ones were counted when they came. */
function countTouched(
  rule: Rule,
  turn: Turn,
  session: SessionFacts,
  asking: Asking,
  end = turn.facts.length - (turn.parked ?? 0),
): { operations: number; digest: string } {
  let operations = 0;
  let digest = '';
  for (let i = 0; i < end; i++) {
    const op: OperationFacts = turn.facts[i]!;
    if (rule.scope.touches(op) === null) continue;
    if (rule.when !== null) {
      asking.facts.about(op, turn, i, session);
      if (!asking.holds(rule)) continue;
    }
    if (operations++ === 0) digest = turn.ops[Math.min(i, turn.ops.length - 1)]?.digest?.id ?? '';
  }
  return { operations, digest };
}

/** The places are free again once the last exchange of the message has ended. */
export function giveBack(lease: Lease): void {
  if (--lease.left !== 0) return;
  for (const account of lease.places) account.taken--;
}

/** The limit of a reply that was exceeded, of those that are enforced: the one that was reached first. */
export function exceededLimit(replies: readonly LimitRule[], what: 'rows' | 'bytes', seen: number): LimitRule | null {
  const over = replies.filter(({ enforced, limit }) => enforced && limit[what] > 0 && seen > limit[what]);
  return over.sort((a, b) => a.limit[what] - b.limit[what])[0] ?? null;
}

export const replyDenial = ({ rule, limit }: LimitRule, what: 'rows' | 'bytes'): Denial =>
  limited(rule.policy, tooLarge(what, limit[what]));
