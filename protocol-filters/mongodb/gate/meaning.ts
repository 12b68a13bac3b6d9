import { Bson } from '../bson/bson-type.ts';
import { isName, stringEnd, stringStart } from '../bson/bson-values.ts';
import { ByteNames } from '../commands/byte-names.ts';
import { bit } from './plans.ts';
import { DATA, type StrictWalk } from './strict-walk.ts';
import { Verb } from './verbs.ts';

/** What a document or an array in a command is. 0 is DATA. */
export const Context = {
  data: DATA,
  /** Filters, expressions, options: operators that do more than compute are looked for at any depth. */
  expression: 1,
  pipeline: 2,
  stage: 3,
  /** Options of $lookup and $graphLookup. */
  lookup: 4,
  union: 5,
  /** `{ db, coll }`: what is read, what $out writes, what $merge writes. */
  source: 6,
  outTarget: 7,
  mergeTarget: 8,
  merge: 9,
  facet: 10,
  fusion: 11,
  changeStream: 12,
  updates: 13,
  update: 14,
  deletes: 15,
  delete: 16,
  operations: 17,
  operation: 18,
  namespaces: 19,
  namespace: 20,
  appliedList: 21,
  applied: 22,
  /** `out` of mapReduce. */
  output: 23,
  /** What is encrypted, and in which collections its state is kept. */
  encryption: 24,
} as const;

/** What a stage does beside computing. */
export const StageKind = {
  plain: 0,
  match: 1,
  limit: 2,
  lookup: 3,
  union: 4,
  out: 5,
  merge: 6,
  facet: 7,
  fusion: 8,
  changeStream: 9,
  /** Says how its collection is. */
  stats: 10,
  internal: 11,
  /** Gives at most the documents that it gets, as match does. */
  narrow: 12,
} as const;

const stages = (kind: number, names: string): (readonly [string, number])[] =>
  names.split(' ').map((name) => [`$${name}`, kind] as const);

/** The stages of MongoDB up to 8.3. What is not here is unknown. */
export const STAGE_KINDS = new ByteNames([
  ...stages(StageKind.match, 'match'),
  ...stages(StageKind.limit, 'limit'),
  ...stages(StageKind.narrow, 'project addFields set unset sort skip replaceRoot replaceWith redact sample'),
  ...stages(StageKind.plain, 'group bucket bucketAuto sortByCount unwind count geoNear fill densify setWindowFields'),
  ...stages(StageKind.plain, 'documents search searchMeta vectorSearch score rerank changeStreamSplitLargeEvent'),
  ...stages(StageKind.lookup, 'lookup graphLookup'),
  ...stages(StageKind.union, 'unionWith'),
  ...stages(StageKind.out, 'out'),
  ...stages(StageKind.merge, 'merge'),
  ...stages(StageKind.facet, 'facet'),
  ...stages(StageKind.fusion, 'rankFusion scoreFusion'),
  ...stages(StageKind.changeStream, 'changeStream'),
  ...stages(StageKind.stats, 'collStats indexStats planCacheStats listSearchIndexes'),
  ...stages(StageKind.internal, 'currentOp listSessions listLocalSessions listSampledQueries listCatalog'),
  ...stages(StageKind.internal, 'listClusterCatalog listMqlEntities shardedDataDistribution queryStats querySettings'),
  ...stages(StageKind.internal, 'operationMetrics backupCursor backupCursorExtend setVariableFromSubPipeline'),
]);

/** Operators that run code, wherever they stand in a filter or an expression. */
export const CODE = new ByteNames(['$where', '$function', '$accumulator']);

/** Collections beside the command's own that Queryable Encryption writes: they are called after it. */
export const STATE_COLLECTIONS = new ByteNames([
  ['escCollection', 0],
  ['eccCollection', 1],
  ['ecocCollection', 2],
]);
const STATE = 'enxcol_.';
/** The value at hand is a name that such collections have. */
export const isOfState = ({ type, buf, valueStart, valueEnd }: StrictWalk): boolean =>
  type === Bson.string &&
  stringEnd(valueEnd) - stringStart(valueStart) > STATE.length &&
  isName(buf, stringStart(valueStart), stringStart(valueStart) + STATE.length, STATE);

/** Fields of the documents above whose values are looked at. Bits of what was seen: each at most once. */
export const Option = {
  from: 0,
  pipeline: 1,
  coll: 2,
  db: 3,
  into: 4,
  whenMatched: 5,
  input: 6,
  pipelines: 7,
  timeseries: 8,
  allChangesForCluster: 9,
  q: 10,
  u: 11,
  upsert: 12,
  multi: 13,
  limit: 14,
  insert: 15,
  update: 16,
  delete: 17,
  document: 18,
  filter: 19,
  updateMods: 20,
  ns: 21,
  op: 22,
  o: 23,
  o2: 24,
  replace: 25,
  merge: 26,
  reduce: 27,
  inline: 28,
} as const;
export const OPTION_NAMES = new ByteNames(Object.entries(Option));

export const READS = bit(Verb.read);
/** As MongoDB's own privileges have it. */
export const OUT_WRITES = bit(Verb.insert) | bit(Verb.delete);
export const MERGE_WRITES = bit(Verb.insert) | bit(Verb.update);
