import { policySet } from '../../../src/policy/policy.fixture.ts';
import type { Doc, MsgOptions } from '../../support/mongo-wire.ts';

/** What a shop's programs may do, as an operator would write it. */
export const SHOP = policySet([
  { action: 'deny', name: 'no drops', operations: ['drop', 'users', 'admin'] },
  { action: 'deny', name: 'hands_off', targets: ['secret', 'hr.*'] },
  {
    action: 'allow',
    name: 'till',
    operations: ['read', 'insert', 'update', 'delete'],
    targets: ['shop.orders', 'shop.carts'],
  },
  { action: 'allow', name: 'catalogue', operations: ['read'], targets: ['shop.products', 'shop.log_*'] },
  { action: 'allow', name: 'reports', operations: ['read', 'insert', 'update', 'delete'], targets: ['report.daily'] },
  { action: 'allow', name: 'looks', operations: ['metadata', 'index'], targets: ['shop.*', 'report.*'] },
  { action: 'allow', name: 'pings', operations: ['ping', 'hello'], targets: [] },
]);

export interface Asked {
  readonly command: Doc;
  readonly options: MsgOptions;
  readonly by?: 'snappy' | 'zlib' | 'zstd' | 'noop';
}

const KEPT = ['orders', 'carts'] as const;
const READ = ['orders', 'carts', 'products', 'log_a', 'log_b'] as const;
const WORDS = ['open', 'paid', 'secret', '$where', 'hr.x', '\u00fc\u00f1', 'a\u0000b', '', 'drop'] as const;

/** One allowed command after the other, seeded; what one does to the data follows from those before it. */
export class Traffic {
  readonly #random: () => number;
  #next = 1000;

  constructor(random: () => number) {
    this.#random = random;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#below(of.length)]!;
  }

  #value(): unknown {
    return this.#one([
      this.#below(30),
      this.#one(WORDS),
      null,
      this.#random() < 0.5,
      [1, this.#one(WORDS)],
      { at: this.#below(9) },
    ]);
  }

  #filter(): Doc {
    return this.#one([
      {},
      { _id: this.#below(30) },
      { _id: { $in: [this.#below(30), this.#below(30)] } },
      { $or: [{ total: { $gt: this.#below(100) } }, { status: this.#one(WORDS) }] },
      { status: { $ne: this.#value() }, total: { $lte: this.#below(100) } },
      { $expr: { $gt: ['$total', this.#below(100)] } },
      { 'tags.at': { $exists: this.#random() < 0.5 } },
    ]);
  }

  #one_(): Doc {
    return { _id: this.#below(30) };
  }

  #document(): Doc {
    return { _id: this.#next++, total: this.#below(100), status: this.#one(WORDS), tags: this.#value() };
  }

  #stages(): Doc[] {
    const from = this.#one(READ);
    const some: Doc[] = [
      { $match: this.#filter() },
      { $lookup: { from, localField: '_id', foreignField: '_id', as: 'found' } },
      { $facet: { few: [{ $limit: 2 }], count: [{ $count: 'n' }] } },
      { $unionWith: { coll: from, pipeline: [{ $limit: 1 + this.#below(3) }] } },
      { $group: { _id: '$status', total: { $sum: '$total' } } },
      { $project: { total: 1 } },
      { $addFields: { twice: { $multiply: ['$total', 2] } } },
      { $sort: { _id: 1 } },
    ];
    return Array.from({ length: 1 + this.#below(3) }, () => this.#one(some));
  }

  next(): Asked {
    const command = this.#command();
    const options: MsgOptions = {
      ...(this.#random() < 0.1 && { checksum: 'right' as const }),
      ...(this.#random() < 0.05 && { flags: 1 << 16 }),
    };
    // No driver compresses a hello.
    const by =
      this.#random() < 0.15 && !('hello' in command)
        ? this.#one(['snappy', 'zlib', 'zstd', 'noop'] as const)
        : undefined;
    return {
      command: '$db' in command ? command : { ...command, $db: 'shop' },
      options,
      ...(by !== undefined && { by }),
    };
  }

  #command(): Doc {
    const kept = this.#one(KEPT);
    const read = this.#one(READ);
    switch (this.#below(22)) {
      case 0:
        return { insert: kept, documents: [this.#document()] };
      case 1:
        return { insert: kept, documents: [this.#document(), this.#document()], ordered: false };
      case 2:
        return { update: kept, updates: [{ q: this.#one_(), u: { $set: { status: this.#value() } } }] };
      case 3:
        return { update: kept, updates: [{ q: this.#one_(), u: { $inc: { total: 1 } }, upsert: true }] };
      case 4:
        return { delete: kept, deletes: [{ q: { _id: { $gte: 1000 } }, limit: 0 }] };
      case 5:
        return { findAndModify: kept, query: this.#one_(), update: { $set: { total: this.#below(100) } }, new: true };
      case 6:
        return { count: read, query: this.#filter() };
      case 7:
        return { distinct: read, key: 'status', query: this.#filter() };
      case 8:
        return {
          bulkWrite: 1,
          ops: [
            { insert: 0, document: this.#document() },
            { delete: 1, filter: this.#one_() },
          ],
          nsInfo: [{ ns: 'shop.orders' }, { ns: 'shop.carts' }],
          $db: 'admin',
        };
      case 9:
        return {
          aggregate: kept,
          pipeline: [
            { $group: { _id: '$status', n: { $sum: 1 } } },
            { $merge: { into: { db: 'report', coll: 'daily' } } },
          ],
          cursor: {},
        };
      case 10:
        return { explain: { find: read, filter: this.#filter() }, verbosity: 'queryPlanner' };
      case 11:
        return this.#one<Doc>([
          { ping: 1 },
          { hello: 1, $db: 'admin' },
          { listIndexes: read },
          { collStats: read },
          { buildInfo: 1 },
        ]);
      case 12:
      case 13:
        return { aggregate: read, pipeline: this.#stages(), cursor: { batchSize: 1000 } };
      default:
        return {
          find: read,
          filter: this.#filter(),
          sort: { _id: 1 },
          limit: this.#below(20),
          batchSize: 100,
          ...(this.#random() < 0.2 && { comment: this.#one(WORDS) }),
        };
    }
  }
}
