import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';

/** Commands of one transaction that are remembered, and bytes of the names in them. */
export const MAX_PARKED = 10_000;
export const MAX_PARKED_BYTES = 1_048_576;

/**
 * What waits for EXEC, as it was judged: should what judges have changed since, EXEC is asked about with all of it (threats R14).
 * Bounded: of a transaction that is longer nothing is kept, and it cannot be judged again. Columns, and not an object a command.
 */
export class Parked {
  readonly facts: OperationFacts[] = [];
  readonly #kinds: string[] = [];
  readonly #digests: Digest[] = [];
  readonly #exchanges: Exchange[] = [];
  readonly #seqs: number[] = [];
  isTooLong = false;
  #bytes = 0;
  /** Under which the first of them was judged; -1: there is none. */
  #snapshot = -1;

  /** It was allowed under this snapshot, and waits for EXEC. */
  add(x: Exchange, facts: OperationFacts, snapshot: number): void {
    if (this.#snapshot < 0) this.#snapshot = snapshot;
    if (this.isTooLong) return;
    for (const { name } of facts.accesses) this.#bytes += name.length + ACCESS_BYTES;
    if (this.facts.length >= MAX_PARKED || this.#bytes > MAX_PARKED_BYTES) {
      this.isTooLong = true;
      this.#drop();
      return;
    }
    this.facts.push(facts);
    this.#kinds.push(x.kind);
    this.#digests.push(x.digest!);
    this.#exchanges.push(x);
    this.#seqs.push(x.seq);
  }

  /** Makes an exchange that carries command `i` to a verdict. */
  fill(i: number, x: Exchange): void {
    x.kind = this.#kinds[i]!;
    x.digest = this.#digests[i]!;
  }

  /** The reply of command `i` has the bounds of this exchange; where it has one of its own, and that is still under way. */
  bound(i: number, { maxRows, maxReplyBytes, session }: Exchange): void {
    const x = this.#exchanges[i]!;
    if (x.seq !== this.#seqs[i] || x.session !== session) return;
    x.maxRows = maxRows;
    x.maxReplyBytes = maxReplyBytes;
  }

  /** Was one of them judged under another snapshot? */
  isStale(snapshot: number): boolean {
    return this.#snapshot >= 0 && this.#snapshot !== snapshot;
  }

  /** The transaction is over, however. */
  clear(): void {
    if (this.#snapshot < 0) return;
    this.#snapshot = -1;
    this.isTooLong = false;
    this.#drop();
  }

  /** By pop(), which keeps the arrays' store: most transactions are short. */
  #drop(): void {
    this.#bytes = 0;
    while (this.facts.length > 0) {
      this.facts.pop();
      this.#kinds.pop();
      this.#digests.pop();
      this.#exchanges.pop();
      this.#seqs.pop();
    }
  }
}

/** What an access takes besides its name, counted as names are. */
const ACCESS_BYTES = 16;
