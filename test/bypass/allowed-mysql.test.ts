import { once } from 'node:events';
import { connect } from 'node:net';
import mysql2 from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mysql } from '../../protocol-filters/mysql/index.ts';
import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { seeded } from '../../src/net/simulated.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { mariadbPrograms, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { ALLOWED_SCHEMA, generated } from './support/mysql-allowed.ts';
import { payloadsOf } from './support/mysql-play.ts';

const OPERATIONS = 50_000;
const SEED = Number(process.env['SLUICE_SEED'] ?? 20_261);
/** Operations in one write. */
const BATCH = 250;

/** What an application needs, and no more. */
const POLICIES = policySet([
  {
    name: 'shop',
    action: 'allow',
    users: ['open'],
    databases: ['shop'],
    operations: ['select', 'insert', 'update', 'delete', 'lock'],
    targets: ['shop.goods', 'shop.orders', 'shop.logs', '`odd names`'],
  },
  { name: 'look around', action: 'allow', operations: ['describe'], targets: ['shop.*'] },
  { name: 'own tables', action: 'allow', operations: ['create', 'alter', 'drop', 'truncate'], targets: ['shop.tmp_*'] },
  { name: 'procedures', action: 'allow', operations: ['call'], targets: ['procedure=shop.total'] },
  { name: 'nothing of the server', action: 'deny', operations: ['file', 'admin', 'grant'] },
]);

let server: RealMariadb | null = null;
let plane: GatePlane;
let direct: mysql2.Connection;

beforeAll(async () => {
  if (mariadbPrograms() === null) return;
  server = await startRealMariadb();
  direct = await mysql2.createConnection({ host: '127.0.0.1', port: server.port, user: 'root', database: 'shop' });
  plane = await startGatePlane({
    protocol: mysql,
    policies: POLICIES,
    upstream: { host: '127.0.0.1', port: server.port },
    keeps: false,
  });
});
afterAll(async () => {
  await direct?.end();
  await plane?.stop();
  await server?.stop();
});

test(`${OPERATIONS} generated operations (seed ${SEED}): none is denied, and each has the answer that the server gives`, {
  timeout: 120_000,
}, async (context) => {
  if (server === null) return context.skip('MariaDB is not installed');
  const through = await run(plane.port);
  const without = await run(server.port);
  expect(plane.counts.denied).toBe(0);
  expect(plane.counts.allowed).toBeGreaterThan(OPERATIONS);
  const [ours, theirs] = [payloadsOf(through), payloadsOf(without)];
  const at = ours.findIndex((payload, i) => theirs[i] === undefined || !sameAnswer(payload, theirs[i]));
  if (at >= 0)
    expect(`packet ${at}: ${ours[at]!.toString('latin1')}`).toBe(`packet ${at}: ${theirs[at]?.toString('latin1')}`);
  expect(ours.length).toBe(theirs.length);
});

/** The same but for the numbers of prepared statements, which are the server's own. */
function sameAnswer(a: Buffer, b: Buffer): boolean {
  if (a.equals(b)) return true;
  return a.length === 12 && b.length === 12 && a[0] === 0 && b[0] === 0 && a.subarray(5).equals(b.subarray(5));
}

/** All operations in batches, from tables as they were; what was answered to them. */
async function run(port: number): Promise<Buffer> {
  for (const statement of ALLOWED_SCHEMA) await direct.query(statement);
  const random = seeded(SEED);
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const received: Buffer[] = [];
  await once(socket, 'data');
  socket.write(client.login41({ user: 'open', response: Buffer.alloc(0) }));
  await once(socket, 'data');
  socket.on('data', (bytes) => received.push(bytes));
  const ended = once(socket, 'close');
  for (let done = 0; done < OPERATIONS; done += BATCH) {
    const batch = Buffer.concat(Array.from({ length: BATCH }, () => generated(random)));
    if (!socket.write(batch)) await once(socket, 'drain');
  }
  socket.write(client.quit());
  await ended;
  return Buffer.concat(received);
}
