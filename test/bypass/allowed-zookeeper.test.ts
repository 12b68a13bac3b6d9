import { afterAll, beforeAll, expect, test } from 'vitest';
import { zookeeper } from '../../protocol-filters/zookeeper/index.ts';
import { seeded } from '../../src/net/simulated.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type RealZooKeeper, startRealZooKeeper, zooKeeperMissing } from '../support/real-zookeeper.ts';
import { type Ask, ask, Mode, OPEN, Op } from '../support/zookeeper-requests.ts';
import { type Answer, ZooKeeperWire } from '../support/zookeeper-wire.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';

const COUNT = 10_000;
const BATCH = 250;
const SEED = Number(process.env['SLUICE_SEED'] ?? 20_261_121);

/** What a service would be given: its subtree, its locks, a look at others' configuration. */
const POLICIES = policySet([
  { name: 'no secrets', action: 'deny', targets: ['/secret', '/secret/*'] },
  { name: 'no admin', action: 'deny', operations: ['admin'], targets: ['/zookeeper/*'] },
  { name: 'app', action: 'allow', targets: ['/app', '/app/*'] },
  { name: 'locks', action: 'allow', operations: ['create', 'delete', 'read'], targets: ['/locks', '/locks/*'] },
  {
    name: 'config',
    action: 'allow',
    operations: ['getData', 'exists', 'getChildren', 'getChildren2'],
    targets: ['/config*'],
  },
  { name: 'shadow', action: 'deny', mode: 'shadow', operations: ['delete'] },
]);

/** Requests of a service; what they answer is the same on every server that has seen the same. */
class Generator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below);
  }

  next(): Ask {
    const roll = this.#random();
    if (roll < 0.05)
      return ask.multi([ask.check('/app'), ...Array.from({ length: this.#number(5) }, () => this.#change())]);
    if (roll < 0.07) return ask.multiRead([ask.getData(this.#path()), ask.getChildren('/app')]);
    return roll < 0.45 ? this.#change() : this.#read();
  }

  #path(): string {
    const n = this.#number(30);
    return n === 0 ? '/app/\u00e9 \u4e2d' : `/app/n${n}`;
  }

  #change(): Ask {
    const path = this.#path();
    const data = 'd'.repeat(this.#number(300));
    const asks = [
      ask.create(path, data),
      ask.create2(path, data),
      ask.create('/locks/l-', '', { mode: Mode.persistentSequential }),
      ask.setData(path, data),
      ask.setData(path, data, this.#number(5)),
      ask.delete(path),
      ask.delete(path, this.#number(3)),
    ];
    return asks[this.#number(asks.length)]!;
  }

  #read(): Ask {
    const path = this.#path();
    const asks = [
      ask.getData(path),
      ask.getData(path, this.#random() < 0.2),
      ask.exists(path),
      ask.exists('/config/none'),
      ask.getData('/config'),
      ask.getChildren('/app'),
      ask.getChildren2('/config'),
      ask.getACL(path),
      ask.setACL(path, OPEN),
      ask.sync('/app'),
      ask.getAllChildrenNumber('/app'),
      ask.getEphemerals('/app/n'),
      ask.addWatch('/app', this.#number(2)),
      ask.removeWatches(path, 3),
      ask.whoAmI(),
    ];
    return asks[this.#number(asks.length)]!;
  }
}

let servers: RealZooKeeper[] = [];
let plane: GatePlane | null = null;

beforeAll(async () => {
  if (zooKeeperMissing() !== '') return;
  servers = await Promise.all([startRealZooKeeper(), startRealZooKeeper()]);
  const upstream = { host: '127.0.0.1', port: servers[0]!.port };
  plane = await startGatePlane({ protocol: zookeeper, policies: POLICIES, upstream, keeps: false });
});
afterAll(async () => {
  await plane?.stop();
  await Promise.all(servers.map((server) => server.stop()));
});

/** Numbers, times and owners apart, as each server has its own: the error, and of what was read the data. */
const tell = (answer: Answer | null, { op }: Ask): string => {
  if (answer === null) return 'closed';
  const isData = op === Op.getData || op === Op.create || op === Op.getChildren || op === Op.getEphemerals;
  return `${answer.error} ${answer.body.length} ${isData ? answer.body.subarray(0, op === Op.getData ? -68 : undefined).toString('hex') : ''}`;
};

test(`${COUNT} allowed requests, seed ${SEED}: not one denial, and the answers of a server without a gate`, async (ctx) => {
  if (plane === null) return ctx.skip(zooKeeperMissing());
  const generator = new Generator(SEED);
  for (const { port } of servers) {
    const wire = await ZooKeeperWire.to(port);
    for (const path of ['/app', '/locks', '/config', '/secret']) await wire.done(ask.create(path, 'x'));
    await wire.close();
  }
  const [gated, direct] = await Promise.all([ZooKeeperWire.to(plane.port), ZooKeeperWire.to(servers[1]!.port)]);
  let sent = 1; // connect
  while (sent < COUNT) {
    const asks = Array.from({ length: BATCH }, () => generator.next());
    sent += asks.length;
    const [got, want] = await Promise.all([gated.pipeline(asks), direct.pipeline(asks)]);
    asks.forEach((asked, i) => {
      const [a, b] = [tell(got[i]!, asked), tell(want[i]!, asked)];
      if (a !== b) expect([asked.op, a]).toEqual([asked.op, b]);
    });
  }
  await plane.settled();
  expect({ ...plane.counts, sessions: 0 }).toEqual({ begun: sent, ended: sent, allowed: sent, denied: 0, sessions: 0 });
  await Promise.all([gated.close(), direct.close()]);
});
