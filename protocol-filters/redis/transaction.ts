import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { SessionFacts } from '../../src/exchange/session-facts.ts';

/** From MULTI's +OK to EXEC or DISCARD, as the server's replies tell it. */
export class Transaction {
  inside = false;
  /** MULTI was asked for, EXEC or DISCARD not yet: what the client believes. */
  asked = false;
  #number = 0;
  readonly #facts: SessionFacts;

  constructor(facts: SessionFacts) {
    this.#facts = facts;
  }

  /** MULTI was accepted. */
  enter(x: Exchange | null): void {
    this.inside = true;
    this.#number++;
    if (x !== null) x.transaction = this.#number;
    this.#facts.transactionState = 'in_transaction';
  }

  /** A command was refused: EXEC will run nothing. */
  spoil(): void {
    this.#facts.transactionState = 'failed';
  }

  leave(): void {
    this.inside = false;
    this.#facts.transactionState = 'idle';
  }

  mark(x: Exchange): void {
    if (!this.inside) return;
    x.flags |= Flag.inTransaction;
    x.transaction = this.#number;
  }
}
