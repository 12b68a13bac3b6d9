import { UUID } from 'bson';
import { listed, type MongoRow, notAllowed, ok, on, unresolved } from './support/mongodb.ts';

const uuid = new UUID('00000000-0000-4000-8000-000000000001');

export const row: MongoRow = {
  id: 'MG-10',
  title: 'namespaces that are no text',
  rules: ['R7'],
  cases: [
    on('find by UUID', unresolved({ find: uuid })),
    on('aggregate by UUID', unresolved({ aggregate: uuid, pipeline: [], cursor: {} })),
    on('count by UUID', unresolved({ count: uuid })),
    on('listIndexes by UUID', unresolved({ listIndexes: uuid })),
    on('distinct by UUID', unresolved({ distinct: uuid, key: 'a' })),
    on('find of a number', unresolved({ find: 1 })),
    on('delete of a number', unresolved({ delete: 1, deletes: [{ q: {}, limit: 0 }] })),
    on('insert into null', unresolved({ insert: null, documents: [{ a: 1 }] })),
    on('aggregate of 2', unresolved({ aggregate: 2, pipeline: [], cursor: {} })),
    on('getMore of no collection', unresolved({ getMore: 5n, collection: 7 })),
    on(
      '$lookup by UUID',
      unresolved({ aggregate: 'orders', pipeline: [{ $lookup: { from: uuid, as: 'x' } }], cursor: {} }),
    ),
    on('$out to a number', unresolved({ aggregate: 'orders', pipeline: [{ $out: 1 }], cursor: {} })),
    on('$merge into a number', unresolved({ aggregate: 'orders', pipeline: [{ $merge: { into: 1 } }], cursor: {} })),
    on(
      '$out to a bucket of objects',
      unresolved({ aggregate: 'orders', pipeline: [{ $out: { s3: { bucket: 'b' } } }], cursor: {} }),
    ),
    listed(
      'aggregate: 1 is the database',
      notAllowed({ aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} }),
      ok({ find: 'orders' }),
    ),
    listed(
      'a change stream of the cluster',
      notAllowed({
        aggregate: 1,
        pipeline: [{ $changeStream: { allChangesForCluster: true } }],
        cursor: {},
        $db: 'admin',
      }),
    ),
  ],
};
