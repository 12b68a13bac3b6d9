import { type Collection, type Db, MongoClient, type MongoError } from 'mongodb';
import type { Target, Workload } from '../house.ts';
import { type Actor, runActors } from '../lanes.ts';
import { Random } from '../random.ts';
import {
  type Basket,
  CATEGORIES,
  catalogue,
  DATABASE,
  EVENTS,
  type Event,
  eventOf,
  type Order,
  PRODUCTS,
  type Product,
  type Review,
  urlOf,
} from './catalogue.ts';

/** A server that does not come up, or a Sluice that is gone, is told of soon. */
const PATIENCE_MS = 30_000;
const VISITORS = 400;
/** How long the server holds a change stream's question; shorter than anybody's patience at the demo's end. */
const WATCH_MS = 500;
/** Half of all visits see one of the few products that are on sale. */
const ON_SALE = 3;

const DUPLICATE_KEY = 11000;
/** Transactions, and change streams, of a server that is no member of a replica set. */
const NO_REPLICA_SET = new Set([20, 263, 40573]);

interface Shop {
  readonly db: Db;
  readonly products: Collection<Product>;
  readonly reviews: Collection<Review>;
  readonly baskets: Collection<Basket>;
  readonly orders: Collection<Order>;
  readonly events: Collection<Event>;
}

const shopOf = (client: MongoClient): Shop => {
  const db = client.db(DATABASE);
  return {
    db,
    products: db.collection('products'),
    reviews: db.collection('reviews'),
    baskets: db.collection('baskets'),
    orders: db.collection('orders'),
    events: db.collection('events'),
  };
};

/** Fills the catalogue of a server, unless it has one. Whoever wants it tried again tries again. */
export async function prepareCatalogue(server: Target): Promise<void> {
  const client = new MongoClient(urlOf(server, 'prepare'), { serverSelectionTimeoutMS: PATIENCE_MS });
  try {
    const shop = shopOf(client);
    if ((await shop.products.countDocuments({}, { limit: 1 })) > 0) return;
    const { products, reviews, events } = catalogue();
    await shop.reviews.createIndex({ product: 1 });
    await shop.reviews.insertMany(reviews);
    await shop.events.insertMany(events);
    await shop.products.insertMany(products); // last: they say that all is there
  } finally {
    await client.close();
  }
}

/** Starts all users of the catalogue; about 100 commands a second, until stop(). */
export function startWorkload(target: Target): Workload {
  const surprises: Error[] = [];
  const open = (application: string, more: object = {}) =>
    new MongoClient(urlOf(target, application), { serverSelectionTimeoutMS: PATIENCE_MS, maxPoolSize: 4, ...more });
  const clients = [open('storefront'), open('backoffice'), open('reports', { compressors: ['zlib'] })];
  const [storefront, backoffice, reports] = clients as [MongoClient, MongoClient, MongoClient];
  const [front, office, report] = [shopOf(storefront), shopOf(backoffice), shopOf(reports)];
  const random = new Random(29);
  const checkout = new Checkout(storefront, front);
  const orders = new OrderWatch(report);
  const actors: Actor[] = [
    { name: 'product page', perSecond: 20, lanes: 2, act: () => productPage(front, random) },
    { name: 'search', perSecond: 8, lanes: 1, act: () => search(front, random) },
    { name: 'basket', perSecond: 8, lanes: 1, act: () => fillBasket(front, random) },
    { name: 'checkout', perSecond: 3, lanes: 1, act: () => checkout.buy(random) },
    { name: 'event', perSecond: 3, lanes: 1, act: () => tellEvents(front, random) },
    { name: 'price change', perSecond: 1, lanes: 1, act: () => changePrices(office, random) },
    { name: 'delivery', perSecond: 1, lanes: 1, act: () => takeDelivery(office, random) },
    { name: 'stocktaking', perSecond: 0.5, lanes: 1, act: () => takeStock(backoffice, random) },
    { name: 'careless import', perSecond: 0.8, lanes: 1, act: () => importTwice(office, random) },
    { name: 'tidying up', perSecond: 0.5, lanes: 1, act: () => tidyUp(office) },
    { name: 'report', perSecond: 1.5, lanes: 1, act: () => bestSellers(report) },
    { name: 'export', perSecond: 0.7, lanes: 1, act: () => exportEvents(report) },
    { name: 'order watch', perSecond: 20, lanes: 1, act: () => orders.look() },
  ];
  const stopped = new AbortController();
  const acting = runActors(actors, stopped.signal, surprises);
  return {
    surprises,
    async stop() {
      stopped.abort();
      await acting;
      await orders.close().catch(() => undefined);
      await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
    },
  };
}

/** What a traced application writes into its commands. */
function traceOf(random: Random): string {
  const hex = (digits: number) => Array.from({ length: digits }, () => random.between(0, 15).toString(16)).join('');
  return `traceparent='00-${hex(32)}-${hex(16)}-01'`;
}

/** A product, its reviews, and that it was seen. Some visits are traced. */
async function productPage({ products, reviews, db }: Shop, random: Random): Promise<void> {
  const product = random.chance(0.5) ? random.between(1, ON_SALE) : random.between(1, PRODUCTS);
  const traced = random.chance(0.2) ? { comment: traceOf(random) } : {};
  await products.findOne({ _id: product }, traced);
  await reviews
    .find({ product }, { ...traced, projection: { text: 1, stars: 1 } })
    .sort({ stars: -1 })
    .limit(5)
    .toArray();
  if (random.chance(0.5))
    await db.collection<{ _id: number }>('views').updateOne({ _id: product }, { $inc: { seen: 1 } }, { upsert: true });
}

async function search({ products }: Shop, random: Random): Promise<void> {
  const filter = { category: random.pick(CATEGORIES), price: { $lt: random.between(50, 900) } };
  await products
    .find(filter, { projection: { name: 1, price: 1 } })
    .sort({ price: 1 })
    .limit(20)
    .toArray();
}

async function fillBasket({ baskets }: Shop, random: Random): Promise<void> {
  const visitor = `visitor-${random.between(1, VISITORS)}`;
  if (random.chance(0.1)) {
    await baskets.findOneAndDelete({ _id: visitor });
    return;
  }
  const items = { $each: [random.between(1, PRODUCTS)], $slice: -20 };
  const update = { $push: { items }, $set: { at: new Date() } };
  await baskets.findOneAndUpdate({ _id: visitor }, update, { upsert: true, returnDocument: 'after' });
}

/** Orders in transactions, as long as the server has them. */
class Checkout {
  readonly #client: MongoClient;
  readonly #shop: Shop;
  #hasTransactions = true;

  constructor(client: MongoClient, shop: Shop) {
    this.#client = client;
    this.#shop = shop;
  }

  async buy(random: Random): Promise<void> {
    const { products, orders } = this.#shop;
    const product = random.between(1, PRODUCTS);
    const order = { product, category: random.pick(CATEGORIES), pieces: random.between(1, 3), at: new Date() };
    if (!this.#hasTransactions) {
      await orders.insertOne(order);
      return;
    }
    try {
      await this.#client.withSession((session) =>
        session.withTransaction(async () => {
          await orders.insertOne({ ...order }, { session });
          await products.updateOne({ _id: product }, { $inc: { stock: -order.pieces } }, { session });
          // The customer thinks better of it.
          if (random.chance(0.1)) await session.abortTransaction();
        }),
      );
    } catch (error) {
      if (!NO_REPLICA_SET.has(codeOf(error))) throw error;
      this.#hasTransactions = false;
    }
  }
}

async function tellEvents({ events }: Shop, random: Random): Promise<void> {
  await events.insertMany(Array.from({ length: random.between(2, 8) }, () => eventOf(random)));
}

/** Some products have that discount already: what is matched is more than what changes. */
async function changePrices({ products }: Shop, random: Random): Promise<void> {
  const discount = random.between(0, 3) * 10;
  await products.updateMany({ category: random.pick(CATEGORIES) }, { $set: { discount } });
}

/** Statements of several kinds: the driver makes a command of each kind. */
async function takeDelivery({ products }: Shop, random: Random): Promise<void> {
  const pieces = Array.from({ length: 8 }, () => ({
    updateOne: { filter: { _id: random.between(1, PRODUCTS) }, update: { $inc: { stock: random.between(1, 20) } } },
  }));
  await products.bulkWrite([...pieces, { deleteOne: { filter: { _id: -1 } } }], { ordered: false });
}

/** One command over two collections, as MongoDB 8.0 has it; older servers do without. */
async function takeStock(client: MongoClient, random: Random): Promise<void> {
  const product = random.between(1, PRODUCTS);
  const [products, events] = ['products', 'events'].map((name) => `${DATABASE}.${name}`) as [string, string];
  const counted = { kind: 'stocktaking', product, at: new Date() };
  await client
    .bulkWrite([
      {
        namespace: products,
        name: 'updateOne',
        filter: { name: `product ${product}` },
        update: { $set: { stock: 10_000 } },
      },
      { namespace: events, name: 'insertOne', document: counted },
    ])
    .catch((error: Error) => {
      if (!/wire version|bulkWrite|server version/i.test(error.message)) throw error;
    });
}

/** Brings a product that is there already, as code does that nobody has looked at for years. */
async function importTwice({ products }: Shop, random: Random): Promise<void> {
  const again = { _id: random.between(1, PRODUCTS), name: 'again', category: 'lamps', price: 1, stock: 0, tags: [] };
  const error = await products.insertOne(again).then(
    () => null,
    (reason: Error) => reason,
  );
  if (error !== null && codeOf(error) !== DUPLICATE_KEY) throw error;
}

/** Events and orders of the last minute are enough. */
async function tidyUp({ events, orders }: Shop): Promise<void> {
  const old = { at: { $lt: new Date(Date.now() - 60_000) } };
  if ((await events.estimatedDocumentCount()) > EVENTS) await events.deleteMany(old);
  await orders.deleteMany(old);
}

async function bestSellers({ orders, reviews }: Shop): Promise<void> {
  await orders
    .aggregate([
      { $match: { pieces: { $gte: 1 } } },
      { $group: { _id: '$category', pieces: { $sum: '$pieces' } } },
      { $sort: { pieces: -1 } },
    ])
    .toArray();
  await reviews.distinct('stars', { product: { $lte: ON_SALE } });
}

/** All events in batches of a cursor; now and then somebody has seen enough. */
async function exportEvents({ events }: Shop): Promise<void> {
  const cursor = events.find({}, { batchSize: 150, noCursorTimeout: false });
  let seen = 0;
  for await (const _ of cursor) if (++seen === 750) break;
  await cursor.close();
}

/** Follows the orders: each look waits for the next, which is no latency. */
class OrderWatch {
  readonly #shop: Shop;
  #stream: ReturnType<Shop['orders']['watch']> | null = null;
  #isThere = true;

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  async look(): Promise<void> {
    if (!this.#isThere) return;
    this.#stream ??= this.#shop.orders.watch([{ $match: { operationType: 'insert' } }], { maxAwaitTimeMS: WATCH_MS });
    try {
      await this.#stream.tryNext();
    } catch (error) {
      await this.close().catch(() => undefined);
      if (!NO_REPLICA_SET.has(codeOf(error))) throw error;
      this.#isThere = false;
    }
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    await stream?.close();
  }
}

const codeOf = (error: unknown): number => Number((error as MongoError).code ?? 0);
