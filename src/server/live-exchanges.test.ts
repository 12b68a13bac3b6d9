import { expect, test } from 'vitest';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../events/columns.ts';
import { EventBatch } from '../events/event-batch.ts';
import { type Exchange, Flag, Outcome, VerdictCode } from '../exchange/exchange.ts';
import { exchangeEvents } from './live-exchanges.ts';

const CASES: readonly [name: string, change: Partial<Exchange>, want: object][] = [
  ['ok', {}, { outcome: 'ok', code: '', waits: false, hit: null, duration_ms: 1000 }],
  ['error', { outcome: Outcome.error, code: '42P01' }, { outcome: 'error', code: '42P01' }],
  ['redirected', { outcome: Outcome.redirected, code: 'MOVED' }, { outcome: 'redirected', code: 'MOVED' }],
  ['a hit', { flags: Flag.hit }, { hit: true }],
  ['a miss', { flags: Flag.miss }, { hit: false }],
  ['some there, some not', { flags: Flag.hit | Flag.miss }, { hit: false }],
  [
    'judged',
    { verdict: VerdictCode.denied, policy: 'no cards', shadowVerdict: VerdictCode.allowed, shadowPolicy: 'later' },
    { verdict: 'denied', policy: 'no cards', shadow_verdict: 'allowed', shadow_policy: 'later' },
  ],
  ['not judged', {}, { verdict: '', policy: '', shadow_verdict: '', shadow_policy: '' }],
  ['a wait', { flags: Flag.waits }, { waits: true, hit: null, duration_ms: 1000 }],
];

test.each(CASES)('%s', (_, change, want) => {
  const encoder = new BatchEncoder();
  encoder.append(exchangeOf(sessionOf(1), digestOf(1), change), 0);
  const batch = EventBatch.from(encoder.finish({ worker: 0, incarnation: 1, origin: 9, sequence: 1, before: 0 }))!;
  expect([...exchangeEvents(batch)]).toEqual([expect.objectContaining(want)]);
});
