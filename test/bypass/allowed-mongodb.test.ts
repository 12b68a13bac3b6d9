import { afterAll, beforeAll, expect, test } from 'vitest';
import { mongodb } from '../../protocol-filters/mongodb/index.ts';
import { seeded } from '../../src/net/simulated.ts';
import { type MongoServer, startMongoServer } from '../support/mongo-server/server.ts';
import { type Doc, MongoWire, opCompressed, opMsg } from '../support/mongo-wire.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { type Asked, SHOP, Traffic } from './support/mongodb-traffic.ts';

const OPERATIONS = 15_500;
const AT_ONCE = 100;
const SEED = Number(process.env['SLUICE_SEED'] ?? 20_261);

let servers: MongoServer[] = [];
let plane: GatePlane;
beforeAll(async () => {
  servers = await Promise.all([startMongoServer(), startMongoServer()]);
  const upstream = { host: '127.0.0.1', port: servers[0]!.port };
  plane = await startGatePlane({ protocol: mongodb, policies: SHOP, upstream, keeps: false });
});
afterAll(async () => {
  await plane?.stop();
  for (const server of servers) await server.stop();
});

/** What both servers have at the beginning: the second one is asked directly, and must say the same. */
async function seed(server: MongoServer): Promise<void> {
  const wire = await MongoWire.to(server.port);
  for (const insert of ['orders', 'carts', 'products', 'log_a', 'log_b', 'secret']) {
    const documents = Array.from({ length: 20 }, (_, _id) => ({
      _id,
      total: (_id * 7) % 100,
      status: _id % 3 === 0 ? 'open' : 'paid',
    }));
    await wire.ask({ insert, documents, $db: 'shop' });
  }
  await wire.end();
}

const bytesOf = ({ command, options, by }: Asked, requestId: number): Buffer => {
  const plain = opMsg(command, { ...options, requestId });
  return by === undefined ? plain : opCompressed(plain, by);
};

/** What two servers may say differently. */
const VOLATILE = new Set([
  'localTime',
  'connectionId',
  'topologyVersion',
  'operationTime',
  '$clusterTime',
  'me',
  'serverInfo',
  'hosts',
]);
const told = (doc: Doc): string =>
  JSON.stringify(doc, (key, value: unknown) =>
    VOLATILE.has(key) ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  );

test(`${OPERATIONS} allowed operations: not one denial, and the answers of a server asked directly`, async () => {
  console.info(`seed ${SEED}`); // SLUICE_SEED=… plays it again
  for (const server of servers) await seed(server);
  const traffic = new Traffic(seeded(SEED));
  const [through, direct] = await Promise.all([MongoWire.to(plane.port), MongoWire.to(servers[1]!.port)]);
  let sent = 0;
  while (sent < OPERATIONS) {
    const asked = Array.from({ length: AT_ONCE }, () => traffic.next());
    const bytes = Buffer.concat(asked.map((each, i) => bytesOf(each, sent + i + 1)));
    through.write(bytes);
    direct.write(bytes);
    for (const { command } of asked) {
      const [one, two] = await Promise.all([through.next(), direct.next()]);
      if (one === null || two === null) throw new Error(`closed at operation ${sent} of seed ${SEED}`);
      sent++;
      if (one.doc['code'] === 13) expect({ command, answer: one.doc }).toBe('not denied');
      if (one.responseTo !== sent || told(one.doc) !== told(two.doc))
        expect({ command, answer: one.doc }).toEqual({ command, answer: two.doc });
    }
  }
  await through.end();
  await direct.end();
  await plane.settled();
  expect(plane.counts).toMatchObject({ denied: 0, allowed: OPERATIONS, ended: OPERATIONS });
  expect(servers[0]!.journal.commands.length).toBe(servers[1]!.journal.commands.length);
});
