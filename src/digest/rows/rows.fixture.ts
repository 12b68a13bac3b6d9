import type { Digest } from '../../exchange/digest.ts';
import { Exchange } from '../../exchange/exchange.ts';
import { SessionFacts } from '../../exchange/session-facts.ts';
import type { RowNumbers } from './rows-numbers.ts';

/** A settled digest; the number makes its id, slot, text and table. */
export const digestOf = (n: number, change: Partial<Digest> = {}): Digest => ({
  id: n.toString(16).padStart(16, '0'),
  protocol: 'postgres',
  text: `select * from t${n} where id = ?`,
  summary: `SELECT t${n}`,
  operation: 'SELECT',
  targets: [{ schema: '', name: `t${n}`, operations: ['select'] }],
  confidence: 'parsed',
  settled: true,
  literalSensitive: false,
  judged: null,
  truncated: false,
  sample: '',
  slot: n,
  ...change,
});

export function sessionOf(id: number, change: Partial<SessionFacts> = {}): SessionFacts {
  const session = new SessionFacts(id, 'postgres', 'shop', '10.0.0.1:5000', '127.0.0.1:15432', 1_700_000_000_000);
  return Object.assign(session, { user: 'ann', database: 'shop', application: 'web', cluster: 'db' }, change);
}

/** An exchange that took 1 s, an eighth of it to the first reply byte: sums of such numbers are exact. */
export function exchangeOf(session: SessionFacts, digest: Digest | null, change: Partial<Exchange> = {}): Exchange {
  return Object.assign(
    new Exchange(),
    {
      session,
      digest,
      seq: 1,
      turn: 1,
      kind: 'query',
      requestFirstByteAt: 1000,
      requestLastByteAt: 1000,
      forwardedAt: 1000,
      replyFirstByteAt: 1125,
      replyLastByteAt: 2000,
      requestBytes: 100,
      replyBytes: 1000,
      rowsReturned: 10,
    },
    change,
  );
}

/** All that must add up, in a form that compares exactly. */
export const plain = (n: RowNumbers) => ({
  values: [...n.values],
  codes: Object.fromEntries([...(n.codes ?? [])].filter(([, count]) => count !== 0).sort()),
  time: buckets(n.time),
  firstByte: buckets(n.firstByte),
  wait: n.wait === null ? null : buckets(n.wait),
});
const buckets = (h: RowNumbers['time']) => ({
  count: h.count,
  sum: h.sum,
  max: h.max,
  at: [...h.counts].flatMap((n, i) => (n === 0 ? [] : [[h.first + i, n]])),
});
