import { type Exchange, VERDICT_NAMES } from '../../../src/exchange/exchange.ts';

interface Range {
  readonly from: number;
  readonly to: number;
  readonly seq: number;
  readonly kind: string;
}

/**
 * What each verdict must say of itself (threats R15): which policies judged, and which of the client's bytes. Bytes belong to
 * one message: ranges of one connection do not overlap.
 */
export class Audit {
  readonly #wrong: string[] = [];
  readonly #ranges = new Map<number, Range[]>();

  take(x: Exchange): void {
    const isJudged = x.verdict !== 0 || x.shadowVerdict !== 0;
    if (isJudged ? !/^[0-9a-f]{12}$/.test(x.policySnapshot) : x.policySnapshot !== '')
      this.#wrong.push(`${whatOf(x)} was judged by "${x.policySnapshot}"`);
    if (!isJudged || x.requestBytes === 0) return;
    const { requestOffset: from, seq, kind } = x;
    const { id, received } = x.session;
    const to = from + x.requestBytes;
    if (to > received[0]) this.#wrong.push(`${whatOf(x)} ends at ${to}, and ${received[0]} bytes have come`);
    const known = this.#ranges.get(id);
    // The data of a COPY may come behind another message.
    const range = { from, to: x.digest?.operation === 'COPY' ? from + 1 : to, seq, kind };
    if (known === undefined) this.#ranges.set(id, [range]);
    else known.push(range);
  }

  /** Of a connection that is over: no more of it is kept. */
  sessionEnd(id: number): void {
    const ranges = this.#ranges.get(id) ?? [];
    this.#ranges.delete(id);
    ranges.sort((a, b) => a.from - b.from);
    for (const [i, range] of ranges.entries()) {
      const before = ranges[i - 1];
      if (before !== undefined && before.to > range.from)
        this.#wrong.push(`${id}: ${named(before)} and ${named(range)}`);
    }
  }

  /** Throws what is wrong. */
  check(): void {
    for (const id of [...this.#ranges.keys()]) this.sessionEnd(id);
    if (this.#wrong.length > 0)
      throw new Error(`what verdicts say of themselves:\n${this.#wrong.slice(0, 20).join('\n')}`);
  }
}

const named = ({ seq, kind, from, to }: Range): string => `${seq} ${kind} [${from}, ${to})`;

const whatOf = (x: Exchange): string =>
  `${x.session.protocol} ${x.session.id}.${x.seq} ${x.kind} ${x.digest?.text ?? ''} ` +
  `(${VERDICT_NAMES[x.verdict]} ${x.policy}, shadow ${VERDICT_NAMES[x.shadowVerdict]})`;
