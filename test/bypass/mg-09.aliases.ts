import { listed, type MongoRow, no, notAllowed, on, unresolved } from './support/mongodb.ts';

const empty = { key: { a: 1 }, name: 'a' };
/** Commands on a collection, in each of their spellings, with what they need. */
const ON_COLLECTIONS: readonly (readonly [names: string, more: Record<string, unknown>])[] = [
  ['find count', {}],
  ['aggregate', { pipeline: [], cursor: {} }],
  ['distinct', { key: 'a' }],
  ['insert', { documents: [{ _id: 7 }] }],
  ['update', { updates: [{ q: {}, u: { $set: { a: 1 } } }] }],
  ['delete', { deletes: [{ q: {}, limit: 0 }] }],
  ['findAndModify findandmodify', { remove: true, query: {} }],
  ['create drop collMod', {}],
  ['createIndexes', { indexes: [empty] }],
  ['dropIndexes deleteIndexes', { index: '*' }],
  ['convertToCapped emptycapped captrunc', { size: 1 }],
  ['collStats collstats validate listIndexes', {}],
  ['compact reIndex planCacheClear', {}],
  ['createSearchIndexes updateSearchIndex dropSearchIndex', { name: 'a' }],
  ['cloneCollectionAsCapped', { toCollection: 'x', size: 1 }],
];
/** Those that name `database.collection`. */
const ON_NAMESPACES = 'dataSize datasize shardCollection shardcollection moveChunk movechunk split reshardCollection';

/** What only servers say, or what runs the server; nobody has allowed any of it. */
const NOT_FOR_ALL = [
  ...['shutdown', 'fsync', 'setParameter', 'replSetReconfig', 'addShard', 'createUser', 'grantRolesToUser', 'killOp'],
  ...[
    'listDatabases',
    'serverStatus',
    'top',
    'hostInfo',
    'getLog',
    'dropDatabase',
    'listCollections',
    'dbStats',
    'profile',
  ],
];
const INTERNAL = [
  '_configsvrMoveChunk',
  '_shardsvrDropDatabase',
  '_recvChunkStart',
  '_mergeAuthzCollections',
  'internalRenameIfOptionsAndIndexesMatch',
  'configureFailPoint',
  'currentOp',
];
const UNKNOWN = ['frobnicate', 'findd', 'INSERT', 'Find', 'isMASTER', 'find ', '$find'];

export const row: MongoRow = {
  id: 'MG-09',
  title: 'all commands in all spellings',
  rules: ['R4', 'R7', 'R11'],
  cases: [
    ...ON_COLLECTIONS.flatMap(([names, more]) =>
      names
        .split(' ')
        .map((name) => on(`${name} of what is denied`, no({ [name]: 'secret', ...more }, { policy: null }))),
    ),
    ...ON_NAMESPACES.split(' ').map((name) =>
      on(`${name} of what is denied`, no({ [name]: 'shop.secret', $db: 'admin' })),
    ),
    ...NOT_FOR_ALL.map((name) =>
      listed(`${name} where an allow list has none of it`, notAllowed({ [name]: 1, $db: 'admin' }, { policy: null })),
    ),
    ...INTERNAL.map((name) =>
      on(`${name}, which nobody allows by name`, no({ [name]: 1, $db: 'admin' }, { policy: null })),
    ),
    ...UNKNOWN.map((name) => on(`${JSON.stringify(name)}, which is no command`, unresolved({ [name]: 'orders' }))),
  ],
};
