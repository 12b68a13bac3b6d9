import { seeded } from '../../src/net/simulated.ts';
import { caseOf, FINE, type MongoRow, no, ok, on, TOUCHES } from './support/mongodb.ts';

/** Allowed and denied ones in one write, seeded. */
function mixed(count: number, seed: number) {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const at = Math.floor(random() * 5);
    if (at === 0) return no(TOUCHES);
    if (at === 1) return no({ find: 'secret' }, { by: 'snappy' });
    if (at === 2) return ok(FINE, { by: 'zlib' });
    return at === 3 ? ok(FINE) : ok({ count: 'orders' });
  });
}

export const row: MongoRow = {
  id: 'X-05',
  title: 'many messages in one segment, one message in many',
  rules: ['R1', 'R2', 'R9'],
  cases: [
    on('two', ok(FINE), no(TOUCHES)),
    on('the second of three', ok(FINE), no(TOUCHES), ok({ count: 'orders' })),
    on('each second one', ...Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? ok(FINE) : no(TOUCHES)))),
    on('the last of forty', ...Array.from({ length: 39 }, () => ok(FINE)), no(TOUCHES)),
    caseOf('a thousand, mixed', {}, ...mixed(1000, 1)),
    caseOf('another thousand, mixed', {}, ...mixed(1000, 2)),
    on(
      'one of 100 KB in many segments',
      no({ insert: 'secret', documents: [{ _id: 5, text: 'x'.repeat(100_000) }] }),
      ok(FINE),
    ),
    on(
      'one of 100 KB that is allowed',
      ok({ insert: 'orders', documents: [{ _id: 90, text: 'x'.repeat(100_000) }] }),
      no(TOUCHES),
    ),
    on(
      'what is denied stands behind 70 KB of the same command',
      no({
        aggregate: 'orders',
        pipeline: [{ $match: { a: { $in: Array.from({ length: 9000 }, (_, i) => i) } } }, { $out: 'secret' }],
        cursor: {},
      }),
    ),
  ],
};
