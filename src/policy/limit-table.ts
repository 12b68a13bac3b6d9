import { isDeepStrictEqual } from 'node:util';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { hostOf } from './cidr.ts';
import type { LimitConfig } from './policy-config.ts';

/** What one user, application … has used of a limit. */
export interface Account {
  /** May be below zero: a message of more operations than the burst is let in whole, and paid for later. */
  tokens: number;
  /** When `tokens` was right: monotonic ms. */
  at: number;
  /** Places taken among the concurrent ones. */
  taken: number;
}

/** Accounts of one limit before the rest must share one. */
const MAX_ACCOUNTS = 10_000;
/** How many of the oldest accounts are looked at for one to give up. */
const LOOKS = 16;

/**
 * The accounts of one limit in one worker. Bounded: accounts that are as good as new are given up for others, and where there
 * are none, all that come share one: whoever invents names gets no more by it.
 */
export class LimitTable {
  readonly limit: LimitConfig;
  /** This worker's share. */
  readonly burst: number;
  readonly perMs: number;
  readonly concurrent: number;
  readonly #accounts = new Map<string, Account>();
  readonly #shared: Account;

  constructor(limit: LimitConfig, workers: number) {
    this.limit = limit;
    this.burst = limit.rate === null ? 0 : Math.max(1, limit.rate.burst / workers);
    this.perMs = limit.rate === null ? 0 : limit.rate.count / limit.rate.perMs / workers;
    this.concurrent = limit.concurrent === 0 ? 0 : Math.max(1, Math.floor(limit.concurrent / workers));
    this.#shared = this.#fresh(0);
  }

  /** Serves another snapshot as well: who has used up a limit does not get it anew by a reload. */
  fits(limit: LimitConfig, workers: number): boolean {
    return isDeepStrictEqual(limit, this.limit) && new LimitTable(limit, workers).burst === this.burst;
  }

  get size(): number {
    return this.#accounts.size;
  }

  account(session: SessionFacts, digest: string, now: number): Account {
    const key = keyOf(this.limit.per, session, digest);
    const known = this.#accounts.get(key);
    if (known !== undefined) {
      this.#refill(known, now);
      return known;
    }
    if (this.#accounts.size >= MAX_ACCOUNTS && !this.#giveUpOne(now)) {
      this.#refill(this.#shared, now);
      return this.#shared;
    }
    const account = this.#fresh(now);
    this.#accounts.set(key, account);
    return account;
  }

  /** `operations` of one message. More than the burst are never more than a full bucket has to pay at once. */
  affords(account: Account, operations: number): boolean {
    return this.limit.rate === null || account.tokens >= Math.min(operations, this.burst);
  }

  hasRoom(account: Account): boolean {
    return this.concurrent === 0 || account.taken < this.concurrent;
  }

  #fresh(now: number): Account {
    return { tokens: this.burst, at: now, taken: 0 };
  }

  #refill(account: Account, now: number): void {
    if (now <= account.at) return;
    account.tokens = Math.min(this.burst, account.tokens + (now - account.at) * this.perMs);
    account.at = now;
  }

  #giveUpOne(now: number): boolean {
    let looks = 0;
    for (const [key, account] of this.#accounts) {
      this.#refill(account, now);
      this.#accounts.delete(key);
      if (account.taken === 0 && account.tokens >= this.burst) return true;
      this.#accounts.set(key, account); // to the end: the next search looks at others
      if (++looks === LOOKS) return false;
    }
    return false;
  }
}

function keyOf(per: LimitConfig['per'], session: SessionFacts, digest: string): string {
  switch (per) {
    case 'user':
    case 'application':
    case 'database':
      return session[per];
    case 'digest':
      return digest;
    case 'client':
      return hostOf(session.clientAddress);
    case 'connection':
      return String(session.id);
    case 'all':
      return '';
  }
}
