import { Code } from 'bson';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { caseOf, forbidden, type MongoRow, no, notAllowed, ok, on } from './support/mongodb.ts';

const code = { $function: { body: 'function() { return 1 }', args: [], lang: 'js' } };
const accumulator = { $accumulator: { init: 'i', accumulate: 'a', accumulateArgs: [], merge: 'm', lang: 'js' } };
const pipe = (...pipeline: Record<string, unknown>[]) => ({ aggregate: 'orders', pipeline, cursor: {} });
const any = { policy: null };

const CODE: readonly (readonly [name: string, command: Record<string, unknown>])[] = [
  ['$where in a find', { find: 'orders', filter: { $where: 'true' } }],
  ['$where as code', { find: 'orders', filter: { $where: new Code('true') } }],
  ['$where below $or', { find: 'orders', filter: { $or: [{ a: 1 }, { $nor: [{ $where: 'true' }] }] } }],
  ['$where in a count', { count: 'orders', query: { $where: 'true' } }],
  ['$where in a distinct', { distinct: 'orders', key: 'a', query: { $where: 'true' } }],
  ['$where in a delete', { delete: 'orders', deletes: [{ q: { $where: 'true' }, limit: 0 }] }],
  ['$where in an update', { update: 'orders', updates: [{ q: { $where: 'true' }, u: { $set: { a: 1 } } }] }],
  ['$where in findAndModify', { findAndModify: 'orders', query: { $where: 'true' }, remove: true }],
  [
    '$where in a bulkWrite',
    { bulkWrite: 1, ops: [{ delete: 0, filter: { $where: 'true' } }], nsInfo: [{ ns: 'shop.orders' }], $db: 'admin' },
  ],
  ['$where in a $match', pipe({ $match: { $where: 'true' } })],
  ['$function in $expr', { find: 'orders', filter: { $expr: code } }],
  ['$function in a projection', { find: 'orders', projection: { a: code } }],
  ['$function in $addFields', pipe({ $addFields: { a: code } })],
  ['$function in a $lookup', pipe({ $lookup: { from: 'orders', as: 'x', pipeline: [{ $project: { a: code } }] } })],
  ['$function in let', { find: 'orders', let: { a: code } }],
  ['$function in a pipeline of an update', { update: 'orders', updates: [{ q: {}, u: [{ $set: { a: code } }] }] }],
  ['$function in findAndModify', { findAndModify: 'orders', query: {}, update: [{ $set: { a: code } }] }],
  [
    '$function in a bulkWrite',
    {
      bulkWrite: 1,
      ops: [{ update: 0, filter: {}, updateMods: [{ $set: { a: code } }] }],
      nsInfo: [{ ns: 'shop.orders' }],
      $db: 'admin',
    },
  ],
  ['$function in a validator', { create: 'orders2', validator: { $expr: code } }],
  [
    '$function in a partial index',
    { createIndexes: 'orders', indexes: [{ key: { a: 1 }, name: 'a', partialFilterExpression: { $expr: code } }] },
  ],
  ['$accumulator', pipe({ $group: { _id: 1, a: accumulator } })],
  ['mapReduce', { mapReduce: 'orders', map: 'm', reduce: 'r', out: { inline: 1 } }],
  ['eval', { eval: 'db.secret.drop()' }],
  ['$eval', { $eval: 'db.secret.drop()' }],
  ['group', { group: { ns: 'orders', $reduce: 'r', initial: {} } }],
  ['explain of $where', { explain: { find: 'orders', filter: { $where: 'true' } } }],
];
const INTERNAL: readonly (readonly [name: string, command: Record<string, unknown>])[] = [
  ['$_internalInhibitOptimization', pipe({ $_internalInhibitOptimization: {} })],
  ['$_internalApplyOplogUpdate in a $facet', pipe({ $facet: { a: [{ $_internalApplyOplogUpdate: {} }] } })],
  ['$_internalConvertBucketIndexStats', pipe({ $_internalConvertBucketIndexStats: {} })],
  ['$_internal of an expression', { find: 'orders', filter: { $expr: { $_internalSchemaType: 1 } } }],
  ['$currentOp', { aggregate: 1, pipeline: [{ $currentOp: { allUsers: true } }], cursor: {}, $db: 'admin' }],
  ['$listSessions', { aggregate: 'system.sessions', pipeline: [{ $listSessions: {} }], cursor: {}, $db: 'config' }],
  ['$listLocalSessions', { aggregate: 1, pipeline: [{ $listLocalSessions: {} }], cursor: {}, $db: 'admin' }],
  ['$backupCursor', { aggregate: 1, pipeline: [{ $backupCursor: {} }], cursor: {}, $db: 'admin' }],
  ['the oplog', { find: 'oplog.rs', $db: 'local' }],
  ['stored code', { insert: 'system.js', documents: [{ _id: 'f', value: new Code('1') }] }],
  ['views as documents', { insert: 'system.views', documents: [{ _id: 'shop.v', viewOn: 'secret', pipeline: [] }] }],
  ['the profile', { find: 'system.profile' }],
  ['users', { find: 'system.users', $db: 'admin' }],
  ['a field for servers', { find: 'orders', $audit: { $impersonatedUsers: [] } }],
  ['currentOp', { currentOp: 1, $db: 'admin' }],
];
/** Everything is allowed, and nothing of this by its name. */
const generous = policySet([{ action: 'allow', targets: [] }]);
const named = policySet([
  { action: 'allow', targets: [] },
  { action: 'allow', operations: ['code'], targets: ['shop.orders'] },
]);

export const row: MongoRow = {
  id: 'MG-12',
  title: 'code and internals',
  rules: ['R4', 'R7'],
  cases: [
    ...[...CODE, ...INTERNAL].map(([name, command]) =>
      caseOf(`${name}, by default`, { policies: forbidden }, no(command, any)),
    ),
    ...CODE.slice(0, 5).map(([name, command]) =>
      caseOf(`${name}, where everything is allowed`, { policies: generous }, no(command, any), ok({ find: 'orders' })),
    ),
    ...CODE.slice(0, 2).map(([name, command]) =>
      caseOf(
        `${name}, where it is allowed by name`,
        { policies: named, notReal: 'the strict server runs no code' },
        ok(command),
        notAllowed({ ...command, find: 'products' }, any),
      ),
    ),
    on(
      'buckets of a time series are its documents',
      no({ find: 'system.buckets.secret' }, any),
      ok({ find: 'system.buckets.orders' }),
    ),
    on(
      'data that looks like code',
      ok({ insert: 'orders', documents: [{ _id: 70, text: '$where', at: { $where: 'x' } }] }),
      ok({ find: 'orders', filter: { a: '$where' } }),
    ),
  ],
};
