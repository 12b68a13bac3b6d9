import { MsgFlag } from '../../protocol-filters/mongodb/message.ts';
import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { type Answers, caseOf, FINE, type MongoRow, no, ok, TOUCHES } from './support/mongodb.ts';

const MORE = MsgFlag.moreToCome;
const EXHAUST = { flags: MsgFlag.exhaustAllowed };

/** Three answers to one request: each to the one before. */
const stream =
  (name: string): Answers =>
  (command, id) => {
    if (!(name in command)) return undefined;
    const body = { ok: 1, cursor: { nextBatch: [], id: 5n, ns: 'shop.orders' } };
    return [
      opMsg(body, { requestId: 7001, responseTo: id, flags: MORE }),
      opMsg(body, { requestId: 7002, responseTo: 7001, flags: MORE }),
      opMsg(body, { requestId: 7003, responseTo: 7002 }),
    ];
  };
const scripted = 'the strict server streams getMore and hello only: mongodb-gate has both';

export const row: MongoRow = {
  id: 'MG-04',
  title: 'exhaust',
  rules: ['R2', 'R9'],
  cases: [
    caseOf(
      'many answers to one request, a denied one behind it',
      { answers: stream('find'), notReal: scripted },
      ok(FINE, { ...EXHAUST, replies: 3 }),
      no(TOUCHES),
      ok({ count: 'orders' }),
    ),
    caseOf(
      'a denied one before it',
      { answers: stream('find'), notReal: scripted },
      no(TOUCHES),
      ok(FINE, { ...EXHAUST, replies: 3 }),
      no({ find: 'secret' }),
    ),
    caseOf(
      'hello streams, and a denied one comes behind it',
      { answers: stream('hello'), notReal: scripted },
      ok({ hello: 1, topologyVersion: {}, maxAwaitTimeMS: 10, $db: 'admin' }, { ...EXHAUST, replies: 3 }),
      no(TOUCHES),
    ),
    caseOf(
      'a denied request that allows many replies gets one',
      { answers: stream('find'), notReal: scripted },
      no({ find: 'secret' }, EXHAUST),
      ok(FINE, { ...EXHAUST, replies: 3 }),
    ),
    caseOf(
      'a stream that answers a stand-in is no answer to it',
      {
        answers: (command, id) =>
          'ping' in command ? [opMsg({ ok: 1 }, { requestId: 7001, responseTo: id, flags: MORE })] : undefined,
        breaks: true,
      },
      no(TOUCHES),
    ),
  ],
};
