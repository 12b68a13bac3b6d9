import { bodySection, opMsgOf, sequenceSection } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { closes, ends, FINE, type MongoRow, no, ok, on, raw, TOUCHES, withSequence } from './support/mongodb.ts';

const orders = { _id: 9, total: 1 };
const body = (command: Record<string, unknown>) => bodySection({ ...command, $db: 'shop' });
const documents = sequenceSection({ identifier: 'documents', documents: [orders] });

export const row: MongoRow = {
  id: 'MG-01',
  title: 'sections of OP_MSG',
  rules: ['R2', 'R4', 'R6', 'R7'],
  cases: [
    on(
      'a denied insert with its documents in a sequence',
      ok(FINE),
      no({ insert: 'secret' }, withSequence('documents', orders)),
    ),
    on(
      'the sequence before the body',
      no({ insert: 'secret' }, { ...withSequence('documents', orders), sequencesFirst: true }),
      ok({ insert: 'orders' }, { ...withSequence('documents', orders), sequencesFirst: true }),
    ),
    on('deletes in a sequence', no({ delete: 'secret' }, withSequence('deletes', { q: {}, limit: 0 })), ok(FINE)),
    on(
      'updates in a sequence',
      no({ update: 'secret' }, withSequence('updates', { q: {}, u: { $set: { a: 1 } }, multi: true })),
    ),
    on('two bodies', ok(FINE), ends(opMsgOf([body(FINE), body(TOUCHES)]))),
    on('two bodies, the denied one first', ends(opMsgOf([body(TOUCHES), body(FINE)]))),
    on('no body', ends(opMsgOf([documents]))),
    on('the same sequence twice', ends(opMsgOf([body({ insert: 'orders' }), documents, documents]))),
    on(
      'a sequence that is in the body too',
      closes({ insert: 'orders', documents: [orders] }, withSequence('documents', orders)),
    ),
    on(
      'namespaces of a bulkWrite in the body and in a sequence',
      closes(
        { bulkWrite: 1, nsInfo: [{ ns: 'shop.orders' }], $db: 'admin' },
        {
          sequences: [
            { identifier: 'ops', documents: [{ delete: 0, filter: {}, multi: true }] },
            { identifier: 'nsInfo', documents: [{ ns: 'shop.log_a' }] },
          ],
        },
      ),
    ),
    on('a sequence named $db', closes({ find: 'orders' }, withSequence('$db', { a: 1 }))),
    on('a sequence named as the command', closes(FINE, withSequence('find', { a: 1 }))),
    on('a sequence with a dot in its name', closes(FINE, withSequence('a.b', { a: 1 }))),
    on(
      'a pipeline as a sequence',
      closes({ aggregate: 'orders', cursor: {} }, withSequence('pipeline', { $out: 'secret' })),
    ),
    on(
      'deletes beside an insert',
      closes({ insert: 'orders', documents: [orders] }, withSequence('deletes', { q: {}, limit: 0 })),
    ),
    on('kind 2', ends(opMsgOf([body(FINE), Buffer.concat([Buffer.of(2), Buffer.from([5, 0, 0, 0, 0])])]))),
    on(
      'kind 3, a document of telemetry, is passed over',
      raw('allowed', opMsgOf([body(FINE), Buffer.from([3, 5, 0, 0, 0, 0])], { requestId: 1 }), {
        says: 'find shop.orders',
      }),
    ),
    on(
      'kind 3 does not hide what is denied',
      raw('denied', opMsgOf([body(TOUCHES), Buffer.from([3, 5, 0, 0, 0, 0])], { requestId: 1 })),
    ),
    on('kind 4', ends(opMsgOf([body(FINE), Buffer.from([4, 5, 0, 0, 0, 0])]))),
    on('kind 255', ends(opMsgOf([body(FINE), Buffer.from([255])]))),
    on(
      'nine sequences',
      ends(
        opMsgOf([
          body({ insert: 'orders' }),
          ...Array.from({ length: 9 }, (_, i) => sequenceSection({ identifier: `s${i}`, documents: [] })),
        ]),
      ),
    ),
  ],
};
