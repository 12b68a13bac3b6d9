import { type Exchange, Flag, Outcome, Replies, VerdictCode } from '../exchange/exchange.ts';

export interface SamplerOptions {
  /** Exchanges a second that this worker hands on before sampling begins; above 0. Infinity: never. */
  readonly perSecond: number;
  /** As slow or slower is always kept, ms. */
  readonly slowMs: number;
  /** Any whole number: the same seed, the same choices. */
  readonly seed: number;
}

/** At least one in so many is kept. */
const MAX_WEIGHT = 1000;
/** So many of a digest in a second are not chosen by chance. */
const RARE = 2;
/** Digests are told apart by the low bits of their slot: two that share them share their count, and lose only rarity. */
const SLOTS = 2 ** 16;
const WINDOW_MS = 1000;

/**
 * Which exchanges are handed on one by one, and for how many each stands. Up to the budget all are. Above it errors,
 * denials, what was cut off, slow ones and the first few of each digest are kept for what they are; each other one is kept
 * by chance, and stands for as many as its chance was small. That chance is known before the dice fall, so the
 * expectation of a sum of weights is the true sum, whatever the traffic does.
 *
 * The chance of a second follows from the second before; when more comes than that second promised, it is halved on the
 * way, so that no burst is handed on whole. No clock is read and nothing is allocated: exchanges say when they ended.
 */
export class Sampler {
  /** Exchanges that were not handed on. */
  out = 0;
  slowMs: number;
  /** Kept of each digest in this second. */
  readonly #ofDigest = new Uint8Array(SLOTS);
  readonly #random: Int32Array;
  #budget = 1;
  /** Of them, what may go to rare digests: a flood of digests that come once is no reason to keep it. */
  #rareBudget = 1;
  #step = 1;
  /** From the next second on. */
  #share: number;
  #windowEnds = 0;
  #weight = 1;
  /** 1 / weight of 2^32. */
  #chance = 2 ** 32;
  #seen = 0;
  #kept = 0;
  /** Kept for what they were. */
  #special = 0;
  #rare = 0;
  /** With so many kept, the chance is halved. */
  #limit = 1;

  constructor({ perSecond, slowMs, seed }: SamplerOptions) {
    this.slowMs = slowMs;
    this.#random = new Int32Array([seed]);
    this.#share = perSecond;
    this.#takeShare();
    this.#limit = this.#budget;
  }

  /** What this worker may hand on a second. */
  get perSecond(): number {
    return this.#share;
  }

  /** What this worker may hand on from the next second on. */
  share(perSecond: number): void {
    this.#share = perSecond;
  }

  #takeShare(): void {
    this.#budget = Math.max(1, this.#share);
    this.#rareBudget = this.#budget / 4;
    this.#step = Math.max(1, this.#budget / 8);
  }

  /** For how many exchanges this one stands; 0 = it is not handed on. To be asked once for each, as they end. */
  weigh(x: Exchange): number {
    let at = x.replyLastByteAt;
    if (at === 0) at = x.requestLastByteAt;
    if (at >= this.#windowEnds) this.#turn(at);
    this.#seen++;
    if (this.#weight === 1) {
      if (++this.#kept > this.#limit) this.#less();
      return 1;
    }
    if (this.#isSpecial(x)) {
      this.#special++;
      if (++this.#kept > this.#limit) this.#less();
      return 1;
    }
    if (this.#next() >= this.#chance) {
      this.out++;
      return 0;
    }
    const weight = this.#weight;
    if (++this.#kept > this.#limit) this.#less();
    return weight;
  }

  #isSpecial(x: Exchange): boolean {
    if ((x.outcome !== Outcome.ok && x.outcome !== Outcome.redirected) || (x.flags & Flag.denied) !== 0) return true;
    if (x.shadowVerdict === VerdictCode.denied) return true;
    if (x.replies === Replies.endless) return true;
    const latency = (x.flags & (Flag.waits | Flag.untimed)) === 0 && x.requestFirstByteAt > 0;
    if (latency && x.replyLastByteAt - x.requestFirstByteAt >= this.slowMs) return true;
    const place = x.digest === null ? 0 : x.digest.slot & (SLOTS - 1);
    if (this.#ofDigest[place]! >= RARE || this.#rare >= this.#rareBudget) return false;
    this.#ofDigest[place]!++;
    this.#rare++;
    return true;
  }

  /** A new second begins; after a pause nothing is known that would hold anything back. */
  #turn(at: number): void {
    const next = at < this.#windowEnds + WINDOW_MS;
    if (this.#share !== this.#budget) this.#takeShare();
    const others = this.#seen - this.#special;
    const left = this.#budget - this.#special;
    this.#hold(next && this.#seen > this.#budget ? (left > 0 ? others / left : MAX_WEIGHT) : 1);
    // Above the aim, or chance itself would halve the chance in every other second.
    this.#limit = this.#weight === 1 ? this.#budget : this.#budget + this.#step;
    this.#windowEnds = (Math.floor(at / WINDOW_MS) + 1) * WINDOW_MS;
    this.#seen = this.#kept = this.#special = 0;
    if (this.#rare > 0) this.#ofDigest.fill(0);
    this.#rare = 0;
  }

  #less(): void {
    this.#hold(this.#weight * 2);
    this.#limit += this.#step;
  }

  /** A weight as it stands in its column, and the chance that belongs to exactly that. */
  #hold(weight: number): void {
    this.#weight = Math.fround(Math.min(MAX_WEIGHT, Math.max(1, weight)));
    this.#chance = 2 ** 32 / this.#weight;
  }

  /** 0 … 2^32 − 1: a Weyl sequence, mixed by two multiplications. */
  #next(): number {
    const state = (this.#random[0]! + 0x6d2b79f5) | 0;
    this.#random[0] = state;
    let n = Math.imul(state ^ (state >>> 15), state | 1);
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61);
    return (n ^ (n >>> 14)) >>> 0;
  }
}
