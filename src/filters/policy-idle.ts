import type { ConnectionHandle } from '../net/filter.ts';
import { limited, tooIdle } from '../policy/denials.ts';
import type { LimitRule } from '../policy/limits.ts';
import type { Standing } from '../policy/standing.ts';
import type { PolicyCounters } from './policy-counters.ts';

/** Since when a connection's transaction has been idle. */
interface Idle {
  since: number;
  /** Exchanges begun by then: one more, and it was not idle all the time. */
  readonly exchanges: number;
  /** Limits in shadow mode that have been told of. */
  readonly told: Set<LimitRule>;
}

/**
 * Closes connections whose transaction is open while nothing is under way, with the protocol's own words where they can stand.
 * Looked at from time to time, and by operations, not by bytes: a client that sends half a message a minute is idle too.
 */
export class IdleWatch {
  readonly #counters: PolicyCounters;
  readonly #idle = new Map<ConnectionHandle, Idle>();

  constructor(counters: PolicyCounters) {
    this.#counters = counters;
  }

  /** How often to look: a limit is kept to an eighth of it, or a second. */
  static intervalMs(limits: readonly LimitRule[]): number {
    const least = Math.min(...limits.map(({ limit }) => limit.idleInTransactionMs));
    return Math.min(Math.max(least / 8, 10), 1000);
  }

  forget(connection: ConnectionHandle): void {
    this.#idle.delete(connection);
  }

  look(connection: ConnectionHandle, limits: readonly LimitRule[], standing: Standing, now: number): void {
    const { drainable, facts } = connection;
    const isOpen = facts.transactionState === 'in_transaction' || facts.transactionState === 'failed';
    if (drainable === null || !isOpen || drainable.underWay > 0) {
      this.#idle.delete(connection);
      return;
    }
    const { exchanges } = drainable;
    const known = this.#idle.get(connection);
    if (known === undefined || known.exchanges !== exchanges) {
      // The last byte of either side is the nearest that is known of the end of the last operation.
      this.#idle.set(connection, { since: Math.min(connection.lastActivityAt, now), exchanges, told: new Set() });
      return;
    }
    const idleMs = now - known.since;
    for (const limit of limits) {
      if (idleMs < limit.limit.idleInTransactionMs || !standing.limits.includes(limit) || known.told.has(limit))
        continue;
      known.told.add(limit);
      this.#counters.onLimited(limit, 'idle');
      if (!limit.enforced) continue;
      const why = limited(limit.rule.policy, tooIdle(limit.limit.idleInTransactionMs));
      try {
        drainable.expel(why);
      } catch (error) {
        connection.fail(error);
      }
      return;
    }
  }
}
