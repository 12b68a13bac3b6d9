import type { EventBatch } from '../events/event-batch.ts';
import { OUTCOME_NAMES, VERDICT_NAMES, VerdictCode } from '../exchange/exchange.ts';
import { NO_POLICY } from '../net/verdict-counter.ts';

/** `would_be_denied`: by a policy in shadow mode; `would_be_allowed`: such a policy covers it. */
export const RECENT_KINDS = ['denied', 'would_be_denied', 'allowed', 'would_be_allowed'] as const;
export type RecentKind = (typeof RECENT_KINDS)[number];
/** What may be asked for: `any_denied` is `denied` and `would_be_denied`. */
export const RECENT_FILTERS = ['any_denied', ...RECENT_KINDS] as const;
export type RecentFilter = (typeof RECENT_FILTERS)[number];

/** One exchange that policies have judged, as `/api/verdicts` tells it. What clients name is cut at MAX_TEXT characters. */
export interface RecentVerdict {
  /** ISO 8601: when the request came. */
  readonly at: string;
  /** Number of its connection, and its own in it: together they are no other's. */
  readonly connection: number;
  readonly seq: number;
  readonly listener: string;
  readonly protocol: string;
  readonly database: string;
  readonly user: string;
  readonly application: string;
  readonly client: string;
  readonly digest: string;
  /** Of the digest: without literals. */
  readonly text: string;
  readonly summary: string;
  readonly operation: string;
  /** Tables, collections, keys' patterns … of its digest. */
  readonly target: string;
  readonly outcome: string;
  readonly code: string;
  readonly duration_ms: number;
  /** `allowed`, `denied` or '': nothing was enforced. */
  readonly verdict: string;
  /** The policy that decided; '' = none had to. */
  readonly policy: string;
  readonly shadow_verdict: string;
  readonly shadow_policy: string;
  /** Which snapshot of the policies judged, and where the message stood in its connection's client bytes. */
  readonly policy_snapshot: string;
  readonly request_offset: number;
  readonly request_bytes: number;
}

export interface RecentRequest {
  /** Undefined: any. */
  readonly kind?: RecentFilter | undefined;
  readonly policy?: string | undefined;
  readonly listener?: string | undefined;
  readonly protocol?: string | undefined;
  readonly limit: number;
}

/** Kept of one policy of one listener and one kind of verdict. */
export const KEPT = 20;
/** Such lists at most; the one that was told of longest ago goes first. */
const MAX_LISTS = 256;
/** In characters: what a client names may be long, and is only to be recognised here. */
const MAX_TEXT = 200;

/** Exchanges of one policy of one listener with one kind of verdict. */
interface Kept {
  readonly kind: RecentKind;
  readonly listener: string;
  readonly policy: string;
  /** Oldest first. */
  readonly rows: RecentVerdict[];
}

/** Of one batch: places of rows, newest first. */
interface Found {
  readonly kind: RecentKind;
  readonly listener: string;
  readonly policy: number;
  readonly rows: number[];
}

/**
 * The newest exchanges of every policy and verdict: a policy that denies once a day keeps that one, whatever others say a
 * thousand times a second. Bounded: KEPT rows in each of MAX_LISTS lists. Of a batch no more rows are made than are kept.
 */
export class RecentVerdicts {
  /** In the order of their last rows. */
  readonly #lists = new Map<string, Kept>();

  /** Takes the judged exchanges of a batch. */
  take(batch: EventBatch): void {
    const made = new Map<number, RecentVerdict>();
    for (const { kind, listener, policy, rows } of newestOf(batch)) {
      const kept = this.#list(kind, batch.string(policy) || NO_POLICY, listener);
      for (const row of rows.reverse()) {
        const known = made.get(row) ?? rowOf(batch, row);
        made.set(row, known);
        kept.rows.push(known);
      }
      if (kept.rows.length > KEPT) kept.rows.splice(0, kept.rows.length - KEPT);
    }
  }

  #list(kind: RecentKind, policy: string, listener: string): Kept {
    const key = keyOf(kind, policy, listener);
    const kept = this.#lists.get(key) ?? { kind, listener, policy, rows: [] };
    this.#lists.delete(key);
    this.#lists.set(key, kept);
    if (this.#lists.size > MAX_LISTS) this.#lists.delete(this.#lists.keys().next().value!);
    return kept;
  }

  /** Newest first; an exchange that an enforced and a shadow policy judged stands there once. */
  rows({ kind, policy, listener, protocol, limit }: RecentRequest): RecentVerdict[] {
    const rows = new Set<RecentVerdict>();
    for (const list of this.#lists.values()) {
      if (!isAsked(kind, list.kind)) continue;
      if (policy !== undefined && list.policy !== policy) continue;
      if (listener !== undefined && list.listener !== listener) continue;
      for (const row of list.rows) if (protocol === undefined || row.protocol === protocol) rows.add(row);
    }
    return [...rows].sort(newestFirst).slice(0, limit);
  }

  /** The last one that this policy of this listener denied, or would have; null where none is kept. */
  lastDenied(listener: string, policy: string, shadow: boolean): RecentVerdict | null {
    return this.#lists.get(keyOf(shadow ? 'would_be_denied' : 'denied', policy, listener))?.rows.at(-1) ?? null;
  }
}

const isAsked = (asked: RecentFilter | undefined, kind: RecentKind): boolean =>
  asked === 'any_denied' ? kind.endsWith('denied') : asked === undefined || asked === kind;

const keyOf = (kind: RecentKind, policy: string, listener: string): string => JSON.stringify([kind, policy, listener]);

const newestFirst = (a: RecentVerdict, b: RecentVerdict): number =>
  a.at === b.at ? b.seq - a.seq : a.at < b.at ? 1 : -1;

/** Of each listener, policy and kind at most KEPT rows: the last of the batch. */
function newestOf(batch: EventBatch): Found[] {
  const { session, verdict, shadow_verdict, policy, shadow_policy } = batch.columns;
  const found = new Map<number, Found[]>();
  const note = (kind: number, code: number, row: number): void => {
    const key = code * RECENT_KINDS.length + kind;
    const { listener } = batch.session(session[row]!);
    let lists = found.get(key);
    if (lists === undefined) {
      lists = [];
      found.set(key, lists);
    }
    let one = lists.find((known) => known.listener === listener);
    if (one === undefined) {
      one = { kind: RECENT_KINDS[kind]!, listener, policy: code, rows: [] };
      lists.push(one);
    }
    if (one.rows.length < KEPT) one.rows.push(row);
  };
  for (let row = batch.rows - 1; row >= 0; row--) {
    if (verdict[row] !== VerdictCode.none) note(verdict[row] === VerdictCode.denied ? 0 : 2, policy[row]!, row);
    if (shadow_verdict[row] !== VerdictCode.none)
      note(shadow_verdict[row] === VerdictCode.denied ? 1 : 3, shadow_policy[row]!, row);
  }
  return [...found.values()].flat();
}

function rowOf(batch: EventBatch, row: number): RecentVerdict {
  const { columns } = batch;
  const session = batch.session(columns.session[row]!);
  const { digest, text, summary, operation, collection } = batch.digest(columns.digest[row]!);
  return {
    at: new Date(columns.ts_us[row]! / 1000).toISOString(),
    connection: session.session_id,
    seq: columns.seq[row]!,
    listener: session.listener,
    protocol: session.protocol,
    database: cut(session.database),
    user: cut(session.user),
    application: cut(session.application),
    client: session.client,
    digest,
    text: cut(text),
    summary: cut(summary),
    operation: cut(operation),
    target: cut(collection),
    outcome: OUTCOME_NAMES[columns.error_class[row]!] ?? '',
    code: batch.string(columns.status[row]!),
    duration_ms: columns.duration_ns[row]! / 1e6,
    verdict: VERDICT_NAMES[columns.verdict[row]!] ?? '',
    policy: batch.string(columns.policy[row]!),
    shadow_verdict: VERDICT_NAMES[columns.shadow_verdict[row]!] ?? '',
    shadow_policy: batch.string(columns.shadow_policy[row]!),
    policy_snapshot: batch.string(columns.policy_snapshot[row]!),
    request_offset: columns.request_offset[row]!,
    request_bytes: columns.request_bytes[row]!,
  };
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
