import { expect, test } from 'vitest';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../events/columns.ts';
import { EventBatch } from '../events/event-batch.ts';
import { type Exchange, Outcome, VerdictCode } from '../exchange/exchange.ts';
import { KEPT, type RecentRequest, RecentVerdicts } from './recent-verdicts.ts';

const { allowed, denied } = VerdictCode;
const by = (policy: string): Partial<Exchange> => ({ verdict: denied, policy, outcome: Outcome.denied, code: '42501' });
const shop = sessionOf(1);
const cache = sessionOf(2, { listener: 'cache', protocol: 'redis' });
let seq = 0;

/** A batch of exchanges, one after the other. */
function batchOf(...changes: readonly Partial<Exchange>[]): EventBatch {
  const encoder = new BatchEncoder({ maxRows: 2 ** 16, maxBytes: 2 ** 28 });
  for (const change of changes) {
    const at = { seq: ++seq, requestFirstByteAt: seq, replyLastByteAt: seq + 1 };
    encoder.append(exchangeOf(shop, digestOf(1), { ...at, ...change }), 0);
  }
  return EventBatch.from(encoder.finish({ worker: 0, incarnation: 1, origin: 9, sequence: 1, before: 0 }))!;
}

const taken = (...batches: readonly EventBatch[]): RecentVerdicts => {
  const recent = new RecentVerdicts();
  for (const batch of batches) recent.take(batch);
  return recent;
};
const policiesOf = (recent: RecentVerdicts, request: Partial<RecentRequest> = {}) =>
  recent.rows({ limit: 1000, ...request }).map(({ policy, shadow_policy }) => policy || shadow_policy);

test('who was denied what, by which policy', () => {
  const recent = taken(batchOf({}, by('no cards')));
  expect(recent.rows({ limit: 10 })).toEqual([
    expect.objectContaining({
      listener: 'shop',
      protocol: 'postgres',
      user: 'ann',
      application: 'web',
      database: 'shop',
      summary: 'SELECT t1',
      operation: 'SELECT',
      outcome: 'denied',
      code: '42501',
      verdict: 'denied',
      policy: 'no cards',
      shadow_verdict: '',
    }),
  ]);
  expect(recent.lastDenied('shop', 'no cards', false)).toMatchObject({ user: 'ann' });
  expect(recent.lastDenied('shop', 'no cards', true)).toBeNull();
  expect(recent.lastDenied('cache', 'no cards', false)).toBeNull();
});

const SHADOW = { verdict: allowed, shadowVerdict: denied, shadowPolicy: 'later' } as const;
const CASES: readonly [name: string, request: Partial<RecentRequest>, want: readonly string[]][] = [
  ['all, newest first, each exchange once', {}, ['here', 'later', 'reads', 'b', 'a']],
  ['denied', { kind: 'denied' }, ['here', 'b', 'a']],
  ['in shadow mode', { kind: 'would_be_denied' }, ['later']],
  ['either', { kind: 'any_denied' }, ['here', 'later', 'b', 'a']],
  ['allowed, with what only an enforced one allows', { kind: 'allowed' }, ['later', 'reads']],
  ['a policy', { policy: 'b' }, ['b']],
  ['what no policy had to decide', { policy: 'sluice.default' }, ['later']],
  ['a listener', { listener: 'cache' }, ['here']],
  ['a protocol', { protocol: 'redis' }, ['here']],
  ['so many', { limit: 2 }, ['here', 'later']],
];
test.each(CASES)('asked for: %s', (_, request, want) => {
  const recent = taken(
    batchOf(by('a'), by('b'), { verdict: allowed, policy: 'reads' }, SHADOW),
    batchOf({ ...by('here'), session: cache }),
  );
  expect(policiesOf(recent, request)).toEqual(want);
});

test('a flood of one policy leaves the few of another', () => {
  const flood = Array.from({ length: 5000 }, () => by('loud'));
  const recent = taken(batchOf(by('quiet'), ...flood), batchOf(...flood));
  expect(policiesOf(recent, { policy: 'quiet' })).toHaveLength(1);
  const loud = recent.rows({ policy: 'loud', limit: 1000 });
  expect(loud).toHaveLength(KEPT);
  expect(loud[0]!.seq).toBe(seq); // the newest
});

test('the same policy of two listeners in one batch: each keeps its own', () => {
  const flood = Array.from({ length: 100 }, () => by('all'));
  const recent = taken(batchOf({ ...by('all'), session: cache }, ...flood));
  expect(recent.lastDenied('cache', 'all', false)).not.toBeNull();
  expect(recent.rows({ policy: 'all', listener: 'shop', limit: 1000 })).toHaveLength(KEPT);
});

test('bounded in lists and in the length of names', () => {
  const recent = new RecentVerdicts();
  for (let i = 0; i < 300; i++) recent.take(batchOf(by(`p${i}`)));
  expect(policiesOf(recent)).toHaveLength(256);
  expect(recent.lastDenied('shop', 'p0', false)).toBeNull();
  expect(recent.lastDenied('shop', 'p299', false)).not.toBeNull();
  const long = sessionOf(3, { user: 'u'.repeat(10_000) });
  recent.take(batchOf({ ...by('long'), session: long }));
  expect(recent.lastDenied('shop', 'long', false)!.user).toHaveLength(200);
});
