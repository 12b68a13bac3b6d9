import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { SessionFacts } from '../../src/exchange/session-facts.ts';

/** From MULTI's +OK to EXEC or DISCARD, as the server's replies tell it. */
export class Transaction {
  inside = false;
  /** MULTI was asked for, EXEC or DISCARD not yet: what the client believes. */
  asked = false;
  /** The turn that asked for it. */
  #askedBy = 0;
  #number = 0;
  readonly #facts: SessionFacts;

  constructor(facts: SessionFacts) {
    this.#facts = facts;
  }

  ask(turn: number): void {
    this.asked = true;
    this.#askedBy = turn;
  }

  /** The MULTI of this turn was refused: there is no transaction, unless another asks for one or it is within one. */
  refuse(turn: number): void {
    if (!this.inside && turn === this.#askedBy) this.asked = false;
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
