import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { SessionFacts } from '../../src/exchange/session-facts.ts';
import type { MysqlStats } from './stats.ts';

/** Deadlock: the server has rolled the whole transaction back. An error carries no status that would say so. */
export const ER_LOCK_DEADLOCK = 1213;

/** The explicit transaction of a session, as the status of each OK and EOF tells it. */
export class Transaction {
  inside = false;
  #number = 0;
  readonly #facts: SessionFacts;
  readonly #stats: MysqlStats;

  constructor(facts: SessionFacts, stats: MysqlStats) {
    this.#facts = facts;
    this.#stats = stats;
  }

  /** Marks an exchange with the state it met. */
  mark(x: Exchange): void {
    if (!this.inside) return;
    x.flags |= Flag.inTransaction;
    x.transaction = this.#number;
  }

  /** A statement has ended, and `inside` is what the server says now. `x` is marked, null when there is none. */
  ended(x: Exchange | null, inside: boolean): void {
    if (x !== null && this.inside) this.mark(x);
    if (inside) {
      if (!this.inside || beginsAnew(x)) {
        if (this.inside) this.#stats.registry.inc(rollsBack(x) ? this.#rolledBack : this.#committed);
        this.#enter();
        if (x !== null && (x.flags & Flag.inTransaction) === 0) x.transaction = this.#number;
      }
    } else if (this.inside) {
      this.#stats.registry.inc(rollsBack(x) ? this.#rolledBack : this.#committed);
      this.#leave();
    } else if (this.#facts.transactionState !== 'idle') this.#facts.transactionState = 'idle';
  }

  /** An error that ended the whole transaction, or the connection that it ran on. */
  rolledBack(): void {
    if (!this.inside) return;
    this.#stats.registry.inc(this.#rolledBack);
    this.#leave();
  }

  get #committed(): number {
    return this.#stats.own.transactions_commit;
  }
  get #rolledBack(): number {
    return this.#stats.own.transactions_rollback;
  }

  #enter(): void {
    this.inside = true;
    this.#number++;
    this.#facts.transactionState = 'in_transaction';
    this.#stats.registry.inc(this.#stats.own.transactions);
  }

  #leave(): void {
    this.inside = false;
    this.#facts.transactionState = 'idle';
  }
}

/** ROLLBACK, XA ROLLBACK, COM_RESET_CONNECTION: everything else that ends a transaction commits it. */
function rollsBack(x: Exchange | null): boolean {
  const digest = x?.digest ?? null;
  if (x === null || digest === null) return false;
  if (digest.operation === 'ROLLBACK' || x.kind === 'reset_connection') return true;
  return digest.operation === 'XA' && /^xa\s+rollback/i.test(digest.text);
}

/** BEGIN commits what was open; COMMIT AND CHAIN begins the next transaction at once. */
function beginsAnew(x: Exchange | null): boolean {
  const digest = x?.digest ?? null;
  if (digest === null) return false;
  switch (digest.operation) {
    case 'BEGIN':
      return true;
    case 'START':
      return /^start\s+transaction/i.test(digest.text);
    case 'COMMIT':
    case 'ROLLBACK':
      return /\band\s+chain\b/i.test(digest.text);
    default:
      return false;
  }
}
