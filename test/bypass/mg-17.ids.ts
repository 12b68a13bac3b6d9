import { opMsg } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { caseOf, closes, FINE, held, type MongoCase, type MongoRow, no, ok, on, TOUCHES } from './support/mongodb.ts';

const never = (): null => null;
const scripted = 'a scripted server';
const ID = { requestId: 7 };
const of = (name: string, wishes: Partial<MongoCase>, ...steps: Parameters<typeof on>[1][]): MongoCase =>
  caseOf(name, { notReal: scripted, ...wishes }, ...steps);

export const row: MongoRow = {
  id: 'MG-17',
  title: 'ids of requests and answers',
  rules: ['R3', 'R6', 'R9'],
  cases: [
    of('an id that is still open', { answers: never }, ok(FINE, { ...ID, replies: 0 }), closes(FINE, ID)),
    of(
      'the id of a stand-in that is still open',
      { answers: never },
      no(TOUCHES, { ...ID, replies: 0 }),
      closes(FINE, ID),
    ),
    of(
      'the same id, one after the other',
      { answers: (_, id) => [opMsg({ ok: 1 }, { requestId: 90, responseTo: id })] },
      ok(FINE),
    ),
    of(
      'many writes without answers of one id',
      {},
      ...Array.from({ length: 50 }, () => ok({ insert: 'orders', documents: [{ a: 1 }] }, { ...ID, flags: 2 })),
      ok(FINE),
    ),
    on(
      'ids of all sizes',
      no(TOUCHES, { requestId: 0 }),
      ok(FINE, { requestId: -1 }),
      no(TOUCHES, { requestId: -(2 ** 31) }),
      ok(FINE, { requestId: 2 ** 31 - 1 }),
    ),
    of(
      'an answer to nobody',
      { answers: (_, id) => [opMsg({ ok: 1 }, { requestId: 90, responseTo: id + 1000 })], breaks: true },
      ok(FINE),
    ),
    of(
      'an answer to nobody behind the right one',
      {
        answers: (_, id) => [
          opMsg({ ok: 1 }, { requestId: 90, responseTo: id }),
          opMsg({ ok: 1 }, { requestId: 91, responseTo: id }),
        ],
        breaks: true,
      },
      ok(FINE, { replies: 2 }),
    ),
    of(
      'an answer before its question',
      {
        answers: (_, id) => [
          opMsg({ ok: 1 }, { requestId: 90, responseTo: id + 1 }),
          opMsg({ ok: 1 }, { requestId: 91, responseTo: id }),
        ],
        breaks: true,
      },
      ok(FINE, { replies: 2 }),
    ),
    of('answers in another order', { answers: inOrder() }, ok(FINE), no(TOUCHES), ok({ count: 'orders' })),
    of(
      'what is not answered is held no longer than it is',
      { answers: never },
      ok({ saslStart: 1, mechanism: 'PLAIN', payload: Buffer.alloc(2), $db: 'admin' }, { replies: 0 }),
      held(FINE),
    ),
  ],
};

/** As it comes. */
function inOrder() {
  return (_: unknown, id: number) => [opMsg({ ok: 1 }, { requestId: 500 + id, responseTo: id })];
}
