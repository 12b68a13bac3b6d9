import { caseOf, FINE, type MongoRow, no, ok, on, TOUCHES, unreadable } from './support/mongodb.ts';

const BULK = {
  bulkWrite: 1,
  ops: [{ insert: 0, document: { _id: 99 } }],
  nsInfo: [{ ns: 'shop.secret' }],
  $db: 'admin',
};

/** The player compares what each cut of a stream tells with what the whole one told. */
export const row: MongoRow = {
  id: 'X-13',
  title: 'the same stream tells the same',
  rules: ['R14', 'R15'],
  cases: [
    on(
      'of all kinds',
      ok(FINE),
      no(TOUCHES),
      ok({ count: 'orders' }, { by: 'zlib' }),
      no(BULK),
      unreadable({ find: '' }),
      ok({ ping: 1 }),
    ),
    on('twice in one', ok(FINE), no(TOUCHES), ok(FINE), no(TOUCHES)),
    caseOf(
      'with a filter chain of its own each time',
      { fresh: true },
      ok(FINE),
      no(TOUCHES),
      ok({ count: 'orders' }),
      no({ drop: 'secret' }),
    ),
    on('only denied ones', no(TOUCHES), no(BULK), no({ find: 'secret' }), no({ drop: 'secret' })),
  ],
};
