import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { SessionFacts } from '../../src/exchange/session-facts.ts';
import { type Tag, Verb } from './messages.ts';
import { chains, isRollbackTo } from './reading.ts';
import type { PostgresStats } from './stats.ts';

const IN_BLOCK = 0x54; // T
const FAILED = 0x45; // E
const STATES: Readonly<Record<number, 'in_transaction' | 'failed'>> = {
  [IN_BLOCK]: 'in_transaction',
  [FAILED]: 'failed',
};

/**
 * The explicit transaction of a session. ReadyForQuery's status is the truth; between two of them, command tags tell
 * which of several statements stood inside.
 */
export class Transaction {
  inside = false;
  #number = 0;
  readonly #facts: SessionFacts;
  readonly #stats: PostgresStats;

  constructor(facts: SessionFacts, stats: PostgresStats) {
    this.#facts = facts;
    this.#stats = stats;
  }

  /** Marks an exchange with the state it met. */
  mark(x: Exchange): void {
    if (!this.inside) return;
    x.flags |= Flag.inTransaction;
    x.transaction = this.#number;
  }

  /** A statement completed with this tag. `x` is marked, null when it is not told apart. */
  complete(tag: Tag, x: Exchange | null): void {
    if (x !== null) this.mark(x);
    const { registry, envoy } = this.#stats;
    switch (tag.verb) {
      case Verb.begin:
      case Verb.start:
        if (!this.inside) this.#enter();
        if (x !== null) x.transaction = this.#number;
        return;
      case Verb.commit:
        if (!this.inside) return;
        registry.inc(envoy.transactions_commit);
        this.#leave(x);
        return;
      case Verb.rollback:
        if (!this.inside || isRollbackTo(x?.digest ?? null)) return;
        registry.inc(envoy.transactions_rollback);
        this.#leave(x);
        return;
      default:
        if (tag.twoPhase) this.inside = false;
        if (this.inside || tag.twoPhase) return;
        registry.inc(envoy.transactions);
        registry.inc(envoy.transactions_commit);
    }
  }

  /** ReadyForQuery's status byte. */
  ready(status: number): void {
    const inside = status === IN_BLOCK || status === FAILED;
    if (inside && !this.inside) this.#enter();
    this.inside = inside;
    const state = STATES[status] ?? 'idle';
    if (this.#facts.transactionState !== state) this.#facts.transactionState = state;
  }

  /** The client left with Terminate. */
  abandon(): void {
    if (this.inside) this.#stats.registry.inc(this.#stats.envoy.transactions_rollback);
  }

  #enter(): void {
    this.inside = true;
    this.#number++;
    this.#stats.registry.inc(this.#stats.envoy.transactions);
  }

  #leave(x: Exchange | null): void {
    this.inside = false;
    if (x !== null && chains(x.digest)) this.#enter();
  }
}
