import { type Exchange, VerdictCode } from './exchange.ts';

/**
 * What the policies said of a message that becomes an exchange only if something goes wrong with it: a statement that is
 * prepared, a portal that is bound (threats R15). Reused: one a place where such messages wait.
 */
export class Said {
  #verdict: VerdictCode = VerdictCode.none;
  #policy = '';
  #shadowVerdict: VerdictCode = VerdictCode.none;
  #shadowPolicy = '';
  #policySnapshot = '';
  #requestOffset = 0;

  /** Keeps the marks of an exchange that was asked about, and will be dropped. */
  keep(x: Exchange): void {
    this.#verdict = x.verdict;
    this.#policy = x.policy;
    this.#shadowVerdict = x.shadowVerdict;
    this.#shadowPolicy = x.shadowPolicy;
    this.#policySnapshot = x.policySnapshot;
    this.#requestOffset = x.requestOffset;
  }

  /** Marks the exchange that is made of it after all. What was leased for it was given back. */
  mark(x: Exchange): void {
    x.verdict = this.#verdict;
    x.policy = this.#policy;
    x.shadowVerdict = this.#shadowVerdict;
    x.shadowPolicy = this.#shadowPolicy;
    x.policySnapshot = this.#policySnapshot;
    x.requestOffset = this.#requestOffset;
  }

  forget(): void {
    this.#verdict = this.#shadowVerdict = VerdictCode.none;
    this.#policy = this.#shadowPolicy = this.#policySnapshot = '';
    this.#requestOffset = 0;
  }
}

export function saidOf(asked: Exchange): Said {
  const said = new Said();
  said.keep(asked);
  return said;
}
