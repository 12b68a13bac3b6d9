import { policySet } from '../../src/policy/policy.fixture.ts';
import {
  caseOf,
  listed,
  type MongoRow,
  no,
  notAllowed,
  ok,
  on,
  unreadable,
  unresolved,
  withSequence,
} from './support/mongodb.ts';

type Stage = Record<string, unknown>;
const pipe = (...pipeline: Stage[]) => ({ aggregate: 'orders', pipeline, cursor: {} });
const lookup = (from: unknown, ...pipeline: Stage[]): Stage => ({ $lookup: { from, pipeline, as: 'x' } });
const nested = (levels: number): Stage => (levels === 0 ? lookup('secret') : lookup('orders', nested(levels - 1)));

const STAGES: readonly (readonly [name: string, stage: Stage])[] = [
  ['$lookup', { $lookup: { from: 'secret', localField: 'a', foreignField: 'b', as: 'x' } }],
  ['$lookup of another database', lookup({ db: 'forbidden', coll: 't' })],
  [
    '$graphLookup',
    { $graphLookup: { from: 'secret', startWith: '$a', connectFromField: 'a', connectToField: 'b', as: 'x' } },
  ],
  ['$unionWith', { $unionWith: 'secret' }],
  ['$unionWith with a pipeline', { $unionWith: { coll: 'secret', pipeline: [] } }],
  ['$unionWith of another database', { $unionWith: { db: 'forbidden', coll: 't' } }],
  ['$out', { $out: 'secret' }],
  ['$out of another database', { $out: { db: 'forbidden', coll: 't' } }],
  ['$merge', { $merge: 'secret' }],
  ['$merge into', { $merge: { into: 'secret' } }],
  ['$merge into another database', { $merge: { into: { db: 'forbidden', coll: 't' }, whenMatched: 'replace' } }],
];
/** Where a pipeline stands within another. */
const AROUND: readonly (readonly [name: string, around: (stage: Stage) => Stage])[] = [
  ['a $facet', (stage) => ({ $facet: { ok: [{ $match: {} }], x: [{ $limit: 1 }, stage] } })],
  ['a $lookup', (stage) => lookup('orders', stage)],
  ['a $unionWith', (stage) => ({ $unionWith: { coll: 'orders', pipeline: [stage] } })],
  ['a $facet in a $lookup', (stage) => lookup('orders', { $facet: { a: [stage] } })],
  [
    'a $lookup in a $facet in a $unionWith',
    (stage) => ({ $unionWith: { coll: 'orders', pipeline: [{ $facet: { a: [lookup('orders', stage)] } }] } }),
  ],
  ['whenMatched of a $merge', (stage) => ({ $merge: { into: 'orders', whenMatched: [stage] } })],
  ['a $rankFusion', (stage) => ({ $rankFusion: { input: { pipelines: { a: [stage], b: [] } } } })],
  ['$documents behind', (stage) => ({ $lookup: { pipeline: [{ $documents: [{ a: 1 }] }, stage], as: 'x' } })],
];
const bulk = (ops: Stage[], ...ns: string[]) => ({
  bulkWrite: 1,
  ops,
  nsInfo: ns.map((each) => ({ ns: each })),
  $db: 'admin',
});
const encrypted = (escCollection: string) => ({ type: 1, schema: { 'shop.orders': { escCollection, fields: [] } } });
const insert = (index: number): Stage => ({ insert: index, document: { _id: 60 } });

export const row: MongoRow = {
  id: 'MG-11',
  title: 'one command, many namespaces',
  rules: ['R2', 'R7', 'R12'],
  cases: [
    ...STAGES.map(([name, stage]) => on(name, no(pipe({ $match: { a: 1 } }, stage)))),
    ...AROUND.flatMap(([where, around]) =>
      STAGES.slice(0, 4)
        .concat([STAGES[8]!])
        .map(([name, stage]) => on(`${name} in ${where}`, no(pipe(around(stage))))),
    ),
    on('forty $lookups deep', no(pipe(nested(20)))),
    on('deeper than is judged', unreadable(pipe(nested(45)))),
    on(
      'more than is judged',
      unreadable({ ...pipe({ $match: { a: { $in: Array.from({ length: 100_001 }, () => true) } } }) }),
    ),
    on('a stage that is no document', unreadable({ aggregate: 'orders', pipeline: ['$out'], cursor: {} })),
    on('an empty stage', unreadable(pipe({}))),
    on('an unknown stage', unresolved(pipe({ $newInTen: { from: 'secret' } }))),
    on('a stage in other letters', unresolved(pipe({ $Out: 'secret' }))),
    on('a stage within an expression', no(pipe({ $addFields: { a: { $lookup: { from: 'secret', as: 'x' } } } }))),
    on(
      'explain wraps it',
      no({ explain: pipe(lookup('secret')), verbosity: 'queryPlanner' }),
      no({ explain: { find: 'secret' } }),
      no({ explain: { delete: 'secret', deletes: [{ q: {}, limit: 0 }] } }),
    ),
    on('explain of explain', unresolved({ explain: { explain: { find: 'orders' } } })),
    listed('explain of what reads a cursor', unresolved({ explain: { getMore: 5n, collection: '$cmd.aggregate' } })),
    on(
      'what is encrypted keeps its state there',
      unreadable({ insert: 'orders', documents: [{ _id: 62 }], encryptionInformation: encrypted('secret') }),
      unreadable({ create: 'e', encryptedFields: { ecocCollection: 'secret', fields: [] } }),
      unreadable({
        ...bulk([insert(0)]),
        nsInfo: [{ ns: 'shop.orders', encryptionInformation: encrypted('secret') }],
      }),
      ok({ find: 'orders', encryptionInformation: encrypted('enxcol_.orders.esc') }),
    ),
    on('explain of another database', ok({ explain: { find: 'orders', $db: 'shop' } })),
    on('renameCollection from', no({ renameCollection: 'shop.secret', to: 'shop.x', $db: 'admin' })),
    on(
      'renameCollection to',
      no({ renameCollection: 'shop.orders', to: 'shop.secret', dropTarget: true, $db: 'admin' }),
      no({ renameCollection: 'shop.orders', to: 'forbidden.x', $db: 'admin' }),
    ),
    on(
      'a view of it',
      no({ create: 'v', viewOn: 'secret', pipeline: [] }),
      no({ create: 'v', viewOn: 'orders', pipeline: [lookup('secret')] }),
    ),
    on(
      'collMod of a view',
      no({ collMod: 'orders', viewOn: 'secret', pipeline: [] }),
      no({ collMod: 'orders', viewOn: 'orders', pipeline: [{ $unionWith: 'secret' }] }),
    ),
    on(
      'cloneCollectionAsCapped',
      no({ cloneCollectionAsCapped: 'secret', toCollection: 'x', size: 1 }),
      no({ cloneCollectionAsCapped: 'orders', toCollection: 'secret', size: 1 }),
    ),
    on(
      'bulkWrite',
      no(bulk([insert(0)], 'shop.secret')),
      no(bulk([insert(0), insert(1)], 'shop.orders', 'forbidden.t')),
      ok(bulk([insert(0)], 'shop.orders')),
    ),
    on('bulkWrite names what nothing is done to', no(bulk([insert(0)], 'shop.orders', 'shop.secret'))),
    on(
      'bulkWrite in sequences',
      no(
        { bulkWrite: 1, $db: 'admin' },
        {
          sequences: [
            { identifier: 'ops', documents: [insert(0), insert(1)] },
            { identifier: 'nsInfo', documents: [{ ns: 'shop.orders' }, { ns: 'shop.secret' }] },
          ],
        },
      ),
    ),
    on(
      'bulkWrite, namespaces first',
      no({
        bulkWrite: 1,
        $db: 'admin',
        nsInfo: [{ ns: 'shop.secret' }],
        ops: [{ delete: 0, filter: {}, multi: true }],
      }),
    ),
    on(
      'bulkWrite, an index past its namespaces',
      unreadable(bulk([insert(1)], 'shop.orders')),
      unreadable(bulk([insert(-1)], 'shop.orders')),
    ),
    on('bulkWrite, a namespace without a database', unreadable(bulk([insert(0)], 'secret'))),
    caseOf(
      'bulkWrite does what no policy allows',
      { policies: policySet([{ action: 'allow', operations: ['insert'], targets: ['shop.orders'] }]) },
      ok(bulk([insert(0)], 'shop.orders')),
      notAllowed(bulk([{ update: 0, filter: {}, updateMods: { $set: { a: 1 } } }], 'shop.orders')),
      notAllowed(bulk([insert(0), { delete: 0, filter: {} }], 'shop.orders')),
    ),
    caseOf(
      'an upsert inserts',
      { policies: policySet([{ action: 'allow', operations: ['update', 'read'], targets: ['shop.orders'] }]) },
      ok({ update: 'orders', updates: [{ q: { _id: 1 }, u: { $set: { a: 1 } } }] }),
      notAllowed({ update: 'orders', updates: [{ q: { _id: 1 }, u: { $set: { a: 1 } }, upsert: true }] }),
      notAllowed({ findAndModify: 'orders', query: { _id: 99 }, update: { $set: { a: 1 } }, upsert: true }),
      notAllowed({ findAndModify: 'orders', query: { _id: 99 }, remove: true }),
      notAllowed(pipe({ $out: 'orders' })),
    ),
    on('a pipeline of an update', no({ update: 'secret', updates: [{ q: {}, u: [{ $set: { a: 1 } }] }] })),
    on(
      'applyOps',
      no({ applyOps: [{ op: 'd', ns: 'shop.secret', o: { _id: 1 } }], $db: 'admin' }, { policy: null }),
      no({ applyOps: [{ op: 'c', ns: 'shop.$cmd', o: { drop: 'secret' } }], $db: 'admin' }, { policy: null }),
    ),
    on(
      'mapReduce into it',
      no({ mapReduce: 'orders', map: 'm', reduce: 'r', out: 'secret' }, { policy: null }),
      no({ mapReduce: 'orders', map: 'm', reduce: 'r', out: { merge: 't', db: 'forbidden' } }, { policy: null }),
    ),
    listed(
      'what one stage reads beside is not allowed',
      notAllowed(pipe(lookup('customers'))),
      ok(pipe(lookup('products'))),
      notAllowed(pipe({ $merge: 'products' })),
    ),
    on('insert beside', ok({ insert: 'orders' }, withSequence('documents', { _id: 61, $lookup: { from: 'secret' } }))),
  ],
};
