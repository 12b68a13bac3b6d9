import type { OperationFacts } from '../exchange/operation-facts.ts';
import type { Turn } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { Span } from './condition-facts.ts';
import type { LimitRule } from './limits.ts';
import { type Asking, judgeOperation, NO_RULING, type Rule, type RuleSet, type Ruling } from './rules.ts';

/** What the enforced policies and those in shadow mode say of one operation. */
export interface Verdicts {
  readonly enforced: Ruling;
  readonly shadow: Ruling;
}

/** Marks an operation about which the message or the time decides as well: it is judged anew each time. */
const VOLATILE: Verdicts = { enforced: NO_RULING, shadow: NO_RULING };

/** After so many new operations with hardly a known one between, remembering is given up for a while. */
const TRIAL = 512;
const REST = 8192;

/**
 * The policies that concern a session: all sessions with the same ones share it. It remembers the verdict of each operation
 * by the identity of its facts, for as long as those live; protocol filters keep them with the digest.
 */
export class Standing {
  readonly limits: readonly LimitRule[];
  readonly enforces: boolean;
  readonly shadows: boolean;
  /** There are allows and denies, whomever they concern. */
  readonly judges: boolean;
  /** Conditions look at the session itself: not to be shared with another, nor kept when its facts change. */
  readonly isPersonal: boolean;
  readonly #enforced: RuleSet;
  readonly #shadow: RuleSet;
  readonly #known = new WeakMap<OperationFacts, Verdicts>();
  #asked = 0;
  #found = 0;
  #resting = 0;

  constructor(enforced: RuleSet, shadow: RuleSet, limits: readonly LimitRule[]) {
    this.#enforced = enforced;
    this.#shadow = shadow;
    this.limits = limits;
    this.judges = enforced.decides || shadow.decides;
    this.enforces = enforced.decides || limits.some((limit) => limit.enforced && limit.counts);
    this.shadows = shadow.decides || limits.some((limit) => !limit.enforced && limit.counts);
    const conditions = [enforced, shadow].flatMap(({ denies, allows }) => [...denies, ...allows]);
    this.isPersonal = conditions.some(({ when }: Rule) => when?.span === Span.session);
  }

  /** `place` of the operation in its turn. */
  verdicts(op: OperationFacts, asking: Asking, turn: Turn, place: number, session: SessionFacts): Verdicts {
    const known = this.#known.get(op);
    if (known !== undefined && known !== VOLATILE) {
      this.#found++;
      return known;
    }
    asking.facts.about(op, turn, place, session);
    asking.begin();
    const enforced = judgeOperation(this.#enforced, op, asking);
    const shadow = judgeOperation(this.#shadow, op, asking);
    const verdicts = { enforced, shadow };
    if (known === undefined) this.#remember(op, asking.span === Span.turn ? VOLATILE : verdicts);
    return verdicts;
  }

  /** Where operations hardly ever come again, remembering them costs more than judging them. */
  #remember(op: OperationFacts, verdicts: Verdicts): void {
    if (this.#resting > 0) {
      this.#resting--;
      return;
    }
    this.#known.set(op, verdicts);
    if (++this.#asked < TRIAL) return;
    if (this.#found < TRIAL / 4) this.#resting = REST;
    this.#asked = this.#found = 0;
  }
}
