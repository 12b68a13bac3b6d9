import { caseOf, closes, FINE, type MongoRow, ok, on, TOUCHES, withSequence } from './support/mongodb.ts';

const MORE = { flags: 2 };
const write = { insert: 'orders', documents: [{ _id: 50 }], writeConcern: { w: 0 } };

export const row: MongoRow = {
  id: 'MG-03',
  title: 'moreToCome from the client',
  rules: ['R1', 'R9'],
  cases: [
    on(
      'an unacknowledged denied delete ends the connection',
      ok(FINE),
      closes({ ...TOUCHES, writeConcern: { w: 0 } }, MORE),
    ),
    on('nothing behind it passes', closes(TOUCHES, MORE), ok(FINE), ok(FINE)),
    on(
      'its documents in a sequence',
      closes({ insert: 'secret' }, { ...MORE, ...withSequence('documents', { _id: 5 }) }),
    ),
    on(
      'an unacknowledged allowed write, then a read whose answer is its own',
      ok(write, MORE),
      ok(FINE),
      ok({ count: 'orders' }),
    ),
    on(
      'many unacknowledged writes, then a denied one',
      ok(write, MORE),
      ok({ ...write, documents: [{ _id: 51 }] }, MORE),
      closes(TOUCHES, MORE),
    ),
    on('compressed', closes(TOUCHES, { ...MORE, by: 'zlib' })),
    on('with exhaustAllowed beside', closes(TOUCHES, { flags: 2 | (1 << 16) })),
    on(
      'a login that wants no answer',
      closes({ saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0a\0b'), $db: 'admin' }, MORE),
    ),
    caseOf(
      'what cannot be resolved',
      {},
      closes({ aggregate: 'orders', pipeline: [{ $newStage: {} }], cursor: {} }, MORE),
    ),
  ],
};
