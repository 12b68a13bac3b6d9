import { type Exchange, VerdictCode } from '../exchange/exchange.ts';
import type { Denial, Judgement, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { NetworkFilter } from './filter.ts';

/** The links of a chain that judge turns. */
export class LinkJudges {
  readonly links: readonly NetworkFilter[];
  /** One of them may deny. */
  readonly enforces: boolean;
  /** One of them may cut replies. */
  readonly cuts: boolean;
  /** Of the last ask(). */
  readonly judgement: Judgement = {
    verdict: VerdictCode.none,
    policy: '',
    shadowVerdict: VerdictCode.none,
    shadowPolicy: '',
    policySnapshot: '',
    maxRows: 0,
    maxReplyBytes: 0,
  };
  /** Who gave the last verdict that was not `allow`. */
  decider: NetworkFilter | null = null;

  constructor(filters: readonly NetworkFilter[]) {
    this.links = filters.filter((link) => link.onTurn !== undefined);
    this.enforces = this.links.some((link) => link.enforces === true);
    this.cuts = this.links.some((link) => link.cuts === true);
  }

  /** Grows with each change of what any of them judges by. */
  get version(): number {
    let sum = 0;
    for (const link of this.links) sum += link.version ?? 0;
    return sum;
  }

  /** Asks in chain order, until one does not allow. The turn's operations are marked with what was said. */
  ask(turn: Turn, facts: SessionFacts): Verdict {
    const { judgement } = this;
    judgement.verdict = judgement.shadowVerdict = VerdictCode.none;
    judgement.policy = judgement.shadowPolicy = judgement.policySnapshot = '';
    judgement.maxRows = judgement.maxReplyBytes = 0;
    let verdict: Verdict = 'allow';
    for (const link of this.links) {
      verdict = link.onTurn!(turn, facts, judgement);
      if (verdict === 'allow') continue;
      this.decider = link;
      break;
    }
    if (verdict === 'later') this.#releaseAll(turn.ops);
    else for (const x of turn.ops) this.mark(x, turn.from);
    if (verdict === 'deny') this.#releaseAll(turn.ops);
    return verdict;
  }

  /** `from`: where its message begins in the client's bytes. */
  mark(x: Exchange, from: number): void {
    const { judgement } = this;
    x.verdict = judgement.verdict;
    x.policy = judgement.policy;
    x.shadowVerdict = judgement.shadowVerdict;
    x.shadowPolicy = judgement.shadowPolicy;
    x.policySnapshot = judgement.policySnapshot;
    x.requestOffset = from;
    x.maxRows = judgement.maxRows;
    x.maxReplyBytes = judgement.maxReplyBytes;
  }

  /** What is judged by now: of the first link that enforces, else of the first that has policies. */
  get policySnapshot(): string {
    const named = (link: NetworkFilter): boolean => (link.policySnapshot ?? '') !== '';
    const link = this.links.find((each) => each.enforces === true && named(each)) ?? this.links.find(named);
    return link?.policySnapshot ?? '';
  }

  /** It has ended, or will not be begun. */
  release(x: Exchange): void {
    if (!x.leased) return;
    for (const link of this.links) link.onRelease?.(x);
    x.leased = false;
  }

  /** Marks, and what is held, pass from one exchange to another. */
  moved(from: Exchange, to: Exchange): void {
    moveMarks(from, to);
    if (to.leased) for (const link of this.links) link.onMoved?.(from, to);
  }

  exceeded(x: Exchange, what: 'rows' | 'bytes'): Denial | null {
    for (const link of this.links) {
      const denial = link.onExceeded?.(x, what) ?? null;
      if (denial === null) continue;
      x.verdict = VerdictCode.denied;
      x.policy = denial.policy;
      return denial;
    }
    if (what === 'rows') x.maxRows = 0;
    else x.maxReplyBytes = 0;
    return null;
  }

  #releaseAll(ops: readonly Exchange[]): void {
    for (const x of ops) this.release(x);
  }
}

/** What sessions do with marked(): the marks, and what is leased, pass from one exchange to another. */
export function moveMarks(from: Exchange, to: Exchange): void {
  to.verdict = from.verdict;
  to.policy = from.policy;
  to.shadowVerdict = from.shadowVerdict;
  to.shadowPolicy = from.shadowPolicy;
  to.policySnapshot = from.policySnapshot;
  to.requestOffset = from.requestOffset;
  to.maxRows = from.maxRows;
  to.maxReplyBytes = from.maxReplyBytes;
  to.leased = from.leased;
  from.leased = false;
}
