import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../../src/exchange/operation-facts.ts';

/** What an operation does, in the words that policies are written in. A number each, for the record of facts. */
export const Verb = {
  read: 0,
  insert: 1,
  update: 2,
  delete: 3,
  create: 4,
  drop: 5,
  alter: 6,
  index: 7,
  metadata: 8,
  users: 9,
  admin: 10,
  code: 11,
  internal: 12,
  session: 13,
  transaction: 14,
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

const MEANINGS: Readonly<Record<keyof typeof Verb, string>> = {
  read: 'documents are read: find, aggregate (with all that its stages name), count, distinct, getMore, change streams; renamed or copied collections, and what a view is made of',
  insert: 'documents are inserted: insert, bulkWrite, upserts, the targets of $out, $merge and mapReduce',
  update: 'documents are changed: update, findAndModify, bulkWrite, the target of $merge',
  delete: 'documents are deleted: delete, findAndModify, bulkWrite, the target of $out',
  create: 'collections and views are created: create, the target of renameCollection and cloneCollectionAsCapped',
  drop: 'collections and databases are dropped: drop, dropDatabase, what renameCollection moves away',
  alter: 'collections are changed: collMod, convertToCapped, renameCollection, compact',
  index: 'indexes are made or dropped, those of search too',
  metadata:
    'what there is, and how it is, without documents: listCollections, listDatabases, listIndexes, collStats, serverStatus',
  users: 'users and roles: createUser, grantRolesToUser, usersInfo',
  admin:
    'the server, the replica set and the cluster are run: setParameter, shutdown, replSet…, shardCollection, getLog',
  code: 'JavaScript runs in the server: $where, $function, $accumulator, mapReduce, eval',
  internal:
    'what servers say among themselves, and what shows what others do: commands that begin with _, $_internal… stages, applyOps, currentOp, $currentOp, $listSessions, the databases local and config, system collections',
  session: 'what every driver says: hello, ping, buildInfo, logins, endSessions',
  transaction: 'commitTransaction, abortTransaction',
};
export const VERB_NAMES = Object.keys(Verb) as readonly (keyof typeof Verb)[];

/** Types of resources. */
export const Resource = { none: 0, collection: 1, database: 2 } as const;
export const RESOURCE_NAMES = ['', 'collection', 'database'] as const;

export const MONGODB_VOCABULARY: PolicyVocabulary = {
  verbs: MEANINGS,
  harmless: ['session', 'transaction'],
  guarded: ['code', 'internal'],
  operations: null,
  target: readTarget,
};

const MAX_DATABASE_BYTES = 63;
const MAX_NAMESPACE_BYTES = 255;
/** What no database has in its name, on any system. */
const NOT_IN_DATABASES = /[/ "$\0]/;

/**
 * `orders`: a collection of any database; `shop.orders`; `shop.*`: all of a database, which is the database itself too. The
 * first dot ends the database, as on the server: databases have none in their names, collections may. `*` is any bytes, `\`
 * takes the next character as it is.
 */
function readTarget(text: string): TargetPattern | { readonly fault: string } {
  if (text === '')
    return { fault: 'is empty: a target is a collection (orders), one of a database (shop.orders), or shop.*' };
  const dot = dotIn(text);
  const [schema, name] = dot < 0 ? ['*', text] : [text.slice(0, dot), text.slice(dot + 1)];
  if (schema === '') return { fault: 'begins with a dot: it is database.collection, or the collection alone' };
  if (name === '') return { fault: `ends with a dot: all collections of ${schema} are ${schema}.*` };
  if (text.includes('\0')) return { fault: 'has a NUL, which no name has' };
  if (dot >= 0 && NOT_IN_DATABASES.test(schema) && schema !== '$external')
    return { fault: `no database is called ${schema}: none of / " $ or a blank is in such names` };
  const [database, collection] = [binaryName(schema), binaryName(name)];
  if (leastBytes(database) > MAX_DATABASE_BYTES)
    return { fault: `no database has a name of more than ${MAX_DATABASE_BYTES} bytes` };
  if (leastBytes(collection) > MAX_NAMESPACE_BYTES)
    return { fault: `no collection has a name of more than ${MAX_NAMESPACE_BYTES} bytes` };
  if (name.startsWith('$') && !name.startsWith('$cmd')) return { fault: 'no collection begins with $' };
  return { type: '', schema: database, name: collection };
}

/** The first dot that nothing escapes; -1: none. */
function dotIn(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '.') return at;
  }
  return -1;
}

/** Bytes that a name has at least which matches a pattern. */
const leastBytes = (pattern: string): number => pattern.replace(/\\(.)/gs, '$1').replaceAll('*', '').length;
