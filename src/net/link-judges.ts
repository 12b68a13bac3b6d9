import type { Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { NetworkFilter } from './filter.ts';

/** The links of a chain that judge turns. */
export class LinkJudges {
  readonly links: readonly NetworkFilter[];
  /** One of them may deny. */
  readonly enforces: boolean;
  /** Who gave the last verdict that was not `allow`. */
  decider: NetworkFilter | null = null;

  constructor(filters: readonly NetworkFilter[]) {
    this.links = filters.filter((link) => link.onTurn !== undefined);
    this.enforces = this.links.some((link) => link.enforces === true);
  }

  /** Asks in chain order, until one does not allow. */
  ask(turn: Turn, facts: SessionFacts): Verdict {
    for (const link of this.links) {
      const verdict = link.onTurn!(turn, facts);
      if (verdict === 'allow') continue;
      this.decider = link;
      return verdict;
    }
    return 'allow';
  }
}
