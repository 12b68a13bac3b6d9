import { Long } from 'bson';
import { policySet } from '../../src/policy/policy.fixture.ts';
import {
  type Answers,
  caseOf,
  FINE,
  type MongoCase,
  type MongoRow,
  no,
  notAllowed,
  ok,
  type Part,
  sends,
  unreadable,
  unresolved,
} from './support/mongodb.ts';

const ID = Long.fromString('7234567890123456789');
const cursor = (ns: string) => ({ cursor: { firstBatch: [], id: ID, ns }, ok: 1 });
const more = (collection: string, id = ID) => ({ getMore: id, collection });
const kill = (collection: string, ...ids: Long[]) => ({ killCursors: collection, cursors: ids });
const answers: Answers = (command) =>
  'aggregate' in command || 'find' in command || 'listCollections' in command
    ? cursor(
        'listCollections' in command
          ? 'shop.$cmd.listCollections'
          : 'aggregate' in command && command['aggregate'] === 1
            ? 'shop.$cmd.aggregate'
            : `shop.${String(Object.values(command)[0])}`,
      )
    : undefined;

const login = (user: string) => ({
  saslStart: 1,
  mechanism: 'PLAIN',
  payload: Buffer.from(`\0${user}\0pw`),
  $db: '$external',
});
const scripted = 'the strict server gives cursors ids of its own: mongodb-gate has them';
const STRICT = { strict_cursors: true };
const of = (name: string, wishes: Partial<MongoCase>, ...steps: ((id: number) => Part)[]): MongoCase => ({
  ...caseOf(name, { fresh: true, stepwise: true, answers, notReal: scripted, ...wishes }),
  sends: sends(...steps),
});
const till = policySet([
  { action: 'allow', name: 'till', operations: ['read'], targets: ['shop.orders'] },
  { action: 'allow', name: 'looks', operations: ['metadata'], targets: ['shop.*'] },
]);

export const row: MongoRow = {
  id: 'MG-14',
  title: 'cursors',
  rules: ['R7', 'R8', 'R14'],
  cases: [
    of('getMore of what was allowed', {}, ok(FINE), ok(more('orders')), ok(kill('orders', ID))),
    of(
      'of a cursor that nobody knows its own collection counts',
      {},
      no(more('secret')),
      ok(more('orders')),
      no(kill('secret', ID)),
    ),
    of(
      'of a cursor that nobody knows, strictly',
      { options: STRICT },
      unreadable(more('orders')),
      unreadable(kill('orders', ID)),
      ok(FINE),
      ok(more('orders')),
    ),
    of(
      'a cursor of two collections, one of them allowed in the lie',
      { policies: till, answers: () => cursor('shop.orders') },
      ok(FINE),
      ok(more('orders')),
      notAllowed(more('products')),
    ),
    of(
      'the namespace of a getMore is a lie',
      {},
      ok({ aggregate: 'orders', pipeline: [], cursor: {} }),
      no(more('secret')),
      no({ ...more('t'), $db: 'forbidden' }),
    ),
    of(
      'a cursor of the database',
      { policies: till },
      notAllowed({ aggregate: 1, pipeline: [], cursor: {} }),
      unresolved(more('$cmd.aggregate')),
    ),
    of(
      'a cursor of listCollections',
      { policies: till },
      ok({ listCollections: 1 }),
      ok(more('$cmd.listCollections')),
      ok(kill('$cmd.listCollections', ID)),
    ),
    of(
      'a cursor of commands, from nowhere',
      {},
      unresolved(more('$cmd.listCollections')),
      unresolved(more('$cmd.aggregate')),
      unresolved(kill('$cmd.aggregate', ID)),
    ),
    of('a cursor of somebody else', {}, ok(login('ann')), ok(FINE), ok(more('orders')), unreadable(login('bob'))),
    of(
      'an id that is no int64',
      {},
      unreadable({ getMore: 5, collection: 'orders' }),
      unreadable({ killCursors: 'orders', cursors: [5] }),
      unreadable({ killCursors: 'orders', cursors: 'x' }),
    ),
    of(
      'killCursors names one of its own and others',
      { options: STRICT },
      ok(FINE),
      unreadable(kill('orders', ID, Long.fromNumber(9))),
      ok(kill('orders', ID)),
    ),
  ],
};
