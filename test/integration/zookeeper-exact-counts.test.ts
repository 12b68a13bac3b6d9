import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { startTrickleProxy, type TrickleProxy } from '../support/trickle-proxy.ts';
import { type Ask, ask, Mode, OPEN } from '../support/zookeeper-requests.ts';
import { atOnce, countExactly, operationRows, statOf, zooKeeperStage } from '../support/zookeeper-stage.ts';
import { ZooKeeperWire } from '../support/zookeeper-wire.ts';

/** Every opcode that a client may send, with what can go wrong; in an order in which all of them are answered. */
const mixed = (root: string): readonly Ask[] => [
  ask.create(root, 'x'),
  ask.create2(`${root}/a`, 'x'.repeat(100)),
  ask.createContainer(`${root}/box`, ''),
  ask.createTTL(`${root}/ttl`, '', 60_000n),
  ask.create(`${root}/seq-`, '', { mode: Mode.ephemeralSequential }),
  ask.create(root), // NODEEXISTS
  ask.getData(`${root}/a`),
  ask.getData(`${root}/nosuch`), // NONODE
  ask.exists(`${root}/a`),
  ask.exists(`${root}/nosuch`), // NONODE, and no failure
  ask.setData(`${root}/a`, 'y'),
  ask.setData(`${root}/a`, 'y', 99), // BADVERSION
  ask.getChildren(root),
  ask.getChildren2(root),
  ask.getChildren2(`${root}/nosuch`), // NONODE
  ask.getAllChildrenNumber(root),
  ask.getEphemerals(root),
  ask.getACL(root),
  ask.setACL(root, OPEN),
  ask.setACL(root, []), // INVALIDACL
  ask.sync(root),
  ask.whoAmI(),
  ask.ping(),
  ask.addWatch(`${root}/box`, 1),
  ask.checkWatches(`${root}/box`),
  ask.removeWatches(`${root}/box`),
  ask.removeWatches(`${root}/box`), // NOWATCHER
  ask.setWatches({ data: [`${root}/ttl`] }),
  ask.setWatches2({ child: [`${root}/ttl`] }),
  ask.sasl(''),
  ask.auth('digest', 'ada:lovelace'),
  ask.multi([ask.check(`${root}/a`, 1), ask.setData(`${root}/a`, 'z'), ask.create(`${root}/b`)]),
  ask.multi([ask.delete(`${root}/b`), ask.check(`${root}/a`, 99)]), // BADVERSION
  ask.multiRead([ask.getData(`${root}/a`), ask.getChildren(root)]),
  ask.reconfig(null, '3', null), // UNIMPLEMENTED
  ask.delete(root), // NOTEMPTY
  ask.deleteContainer(`${root}/box`), // BADARGUMENTS
  ask.delete(`${root}/b`),
];

describe('counts are exact', () => {
  const stage = zooKeeperStage({ concurrency: 2 });

  test('one connection, one request at a time: all opcodes', async () => {
    const seen = await countExactly(stage, async (clients) => {
      const wire = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
      for (const asked of mixed('/single')) await clients.ask(wire, [asked]);
      await clients.close(wire);
    });
    expect(seen.errors).toEqual({
      'NODEEXISTS create': 1,
      'NONODE getData': 1,
      'BADVERSION setData': 1,
      'NONODE getChildren2': 1,
      'INVALIDACL setACL': 1,
      'NOWATCHER removeWatches': 1,
      'UNIMPLEMENTED reconfig': 1,
      'NOTEMPTY delete': 1,
      'BADVERSION multi': 1,
      'BADARGUMENTS deleteContainer': 1,
    });
  });

  test('64 connections at once, each with all opcodes in one write, then 100 reads in one', async () => {
    const seen = await countExactly(stage, async (clients) => {
      await atOnce(64, async (n) => {
        const wire = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
        await clients.ask(wire, mixed(`/many-${n}`));
        await clients.ask(
          wire,
          Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? ask.exists('/nosuch') : ask.getData(`/many-${n}/a`))),
        );
        await clients.close(wire);
      });
    });
    const { calls } = seen;
    expect(calls).toMatchObject({ connect: 64, getData: 64 * (2 + 66), exists: 64 * (2 + 34), multi: 128 });
    // Those behind auth are another user's. The server answers auth before what it has not done yet.
    const reads = (await operationRows(stage.sluice)).filter(({ text }) => text === 'getData /many-*/a');
    const sum = (of: 'calls' | 'hits' | 'misses' | 'rows_returned') => reads.reduce((all, row) => all + row[of], 0);
    expect([sum('calls'), sum('hits'), sum('misses'), sum('rows_returned')]).toEqual([4288, 4288, 0, 4288]);
    expect(new Set(reads.map(({ user }) => user))).toEqual(new Set(['', 'digest:ada']));
  });

  test('one connection, 5,000 requests in one write', async () => {
    const seen = await countExactly(stage, async (clients) => {
      const wire = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
      await clients.ask(wire, [ask.create('/deep', 'x')]);
      await clients.ask(
        wire,
        Array.from({ length: 5000 }, (_, n) => {
          if (n % 100 === 99) return ask.ping();
          return n % 2 === 0 ? ask.getData('/deep') : ask.setData('/deep', String(n));
        }),
      );
      await clients.close(wire);
    });
    expect(seen.calls).toMatchObject({ getData: 2500, setData: 2450, ping: 50 });
  });

  test('watches: 32 clients hear of each change, and every event is counted', async () => {
    const types = ['node_data_changed', 'node_created', 'node_deleted'];
    const event = async (type: string) =>
      (await statOf(stage.sluice, `sluice.zookeeper.zookeeper.event.${type}.sync_connected.events`)) || 0; // not there yet
    const before = await Promise.all(types.map(event));
    const seen = await countExactly(stage, async (clients) => {
      const changer = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
      await clients.ask(changer, [ask.create('/watched', 'x')]);
      const wires = await atOnce(32, async (n) => {
        const wire = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
        // Half of them hear of everything, the others once.
        await clients.ask(wire, [n % 2 === 0 ? ask.addWatch('/watched', 1) : ask.getData('/watched', true)]);
        return wire;
      });
      for (let i = 0; i < 10; i++) await clients.ask(changer, [ask.setData('/watched', `${i}`)]);
      await clients.ask(changer, [ask.create('/watched/child'), ask.delete('/watched/child')]);
      const heard = () => wires.reduce((sum, wire) => sum + wire.events.length, 0);
      await poll('all are told', () => heard() === 16 * 12 + 16);
      for (const wire of [changer, ...wires]) await clients.close(wire);
    });
    expect(seen.events).toBe(208);
    const now = await Promise.all(types.map(event));
    expect(now.map((count, i) => count - before[i]!)).toEqual([16 * 10 + 16, 16, 16]);
  });

  test('multi: operations within, and how many nodes they changed', async () => {
    const own = (name: string) => statOf(stage.sluice, `sluice.zookeeper.zookeeper.${name}`);
    const failedBefore = await own('multis_failed');
    const before = await own('multi.create.operations');
    await countExactly(stage, async (clients) => {
      const wire = clients.opened(await ZooKeeperWire.to(stage.sluice.port));
      await clients.ask(wire, [ask.create('/batch')]);
      const names = Array.from({ length: 500 }, (_, n) => `/batch/item-${n}`);
      await clients.ask(wire, [
        ask.multi(names.map((name) => ask.create(name, 'x'))),
        ask.multi(names.map((name) => ask.create(name, 'x'))), // all of them are there
        ask.multi([...names.map((name) => ask.delete(name)), ask.check('/batch', 0)]),
      ]);
      await clients.close(wire);
    });
    await expect.poll(async () => (await own('multi.create.operations')) - before).toBe(1000);
    await expect.poll(async () => (await own('multis_failed')) - failedBefore).toBe(1);
    const rows = (await operationRows(stage.sluice)).filter(({ text }) => text.includes('/batch/'));
    expect(rows.reduce((sum, row) => sum + row.rows_affected, 0)).toBe(1000);
  });

  test('sessions: begun, taken up again, expired, closed', async () => {
    const names = ['created', 'reattached', 'expired', 'closed', 'refused'] as const;
    const read = async () =>
      Object.fromEntries(
        await Promise.all(
          names.map(async (name) => [name, await statOf(stage.sluice, `sluice.zookeeper.zookeeper.sessions_${name}`)]),
        ),
      ) as Record<(typeof names)[number], number>;
    const before = await read();
    const { port } = stage.sluice;
    for (let i = 0; i < 3; i++) {
      const first = await ZooKeeperWire.to(port);
      await first.drop();
      const second = await ZooKeeperWire.to(port, { session: first.session });
      expect(second.session.id).toBe(first.session.id);
      await second.close();
      const late = await ZooKeeperWire.to(port, { session: first.session });
      expect(late.session.id).toBe(0n);
      await poll('the server has closed', () => late.closed);
    }
    const change = async () => {
      const now = await read();
      return Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
    };
    const all = { created: 3, reattached: 3, expired: 3, closed: 3, refused: 0 };
    // Each worker tells once a second, and not at the same time.
    await poll('all is told', async () => isDeepStrictEqual(await change(), all)).catch(() => {});
    expect(await change()).toEqual(all);
  });
});

describe('in pieces of one to five bytes, both ways', () => {
  const stage = zooKeeperStage({ between: (server) => startTrickleProxy(server.port, [1, 1, 3, 1, 2, 5]) });
  let before: TrickleProxy | undefined;
  afterAll(() => before?.close());

  test('counts are the same', async () => {
    before = await startTrickleProxy(stage.sluice.port, [1, 2, 1, 1, 4]);
    const { port } = before;
    await countExactly(stage, async (clients) => {
      await atOnce(4, async (n) => {
        const wire = clients.opened(await ZooKeeperWire.to(port));
        await clients.ask(wire, mixed(`/pieces-${n}`));
        await clients.close(wire);
      });
    });
    expect(await statOf(stage.sluice, 'zookeeper.zookeeper.decoder_error')).toBe(0);
  });
});
