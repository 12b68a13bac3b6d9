import { describe, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { startRealZooKeeper, ZOOKEEPER_PASSWORD } from '../support/real-zookeeper.ts';
import { JuteReader } from '../support/zookeeper-jute.ts';
import { CREATOR_ALL, NodeZooKeeper } from '../support/zookeeper-node-client.ts';
import { kazoo, zkCli } from '../support/zookeeper-programs.ts';
import { ask, Mode } from '../support/zookeeper-requests.ts';
import { digestMd5Answer } from '../support/zookeeper-sasl.ts';
import { operationRows, statOf, zooKeeperStage } from '../support/zookeeper-stage.ts';
import { fourLetters, ZooKeeperWire } from '../support/zookeeper-wire.ts';

const codeOf = async (asked: Promise<unknown>): Promise<string> => {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? ((error as Error & { name: string }).name ?? '') : '';
};

describe('clients through Sluice', () => {
  const stage = zooKeeperStage({ settings: { sasl: true } });
  /** Calls of each row whose text begins so. */
  const told = async (prefix: string): Promise<Record<string, number>> => {
    const rows = (await operationRows(stage.sluice)).filter(({ text }) => text.startsWith(prefix));
    const calls: Record<string, number> = {};
    for (const { text, calls: n } of rows) calls[text] = (calls[text] ?? 0) + n;
    return calls;
  };

  test('node-zookeeper-client: nodes, errors, a transaction, watches, credentials', async () => {
    const client = await NodeZooKeeper.to(stage.sluice.port, 'ada:lovelace');
    await client.create('/shop', 'v1', 'PERSISTENT', CREATOR_ALL);
    expect(String(await client.getData('/shop', true))).toBe('v1');
    expect(await client.setData('/shop', 'v2', 0)).toMatchObject({ version: 1 });
    await poll('it is told', () => client.heard.length === 1);
    expect(client.heard).toEqual(['NODE_DATA_CHANGED /shop']);
    const paths = [await client.create('/shop/order-', '', 'EPHEMERAL_SEQUENTIAL')];
    paths.push(await client.create('/shop/order-', '', 'EPHEMERAL_SEQUENTIAL'));
    expect(paths).toEqual(['/shop/order-0000000000', '/shop/order-0000000001']);
    expect((await client.getChildren('/shop')).toSorted()).toEqual(['order-0000000000', 'order-0000000001']);
    expect(await client.exists('/shop/nosuch')).toBeFalsy();
    expect(await codeOf(client.remove('/shop'))).toBe('NOT_EMPTY');
    expect(await codeOf(client.getData('/shop/nosuch'))).toBe('NO_NODE');
    expect(await codeOf(client.setData('/shop', 'v3', 7))).toBe('BAD_VERSION');
    await client.multi((t) => t.create('/shop/a', Buffer.from('x')).check('/shop', 1).remove('/shop/a'));
    expect(await codeOf(client.multi((t) => t.create('/shop/b').check('/shop', 9)))).toBe('BAD_VERSION');
    for (const path of paths) await client.remove(path);
    await client.close();
    const stranger = await NodeZooKeeper.to(stage.sluice.port);
    expect(await codeOf(stranger.getData('/shop'))).toBe('NO_AUTH');
    await stranger.close();
    await poll('all is told', async () => (await told('getData /shop'))['getData /shop'] === 2);
    expect(await told('create /shop')).toEqual({ 'create /shop': 1, 'create /shop/order-': 2 });
    const rows = await operationRows(stage.sluice);
    expect(rows.find(({ text, user }) => text === 'create /shop' && user === 'digest:ada')?.calls).toBe(1);
    const failed = rows.find(({ text }) => text === 'multi create /shop/b, check /shop');
    expect([failed?.calls, failed?.errors]).toEqual([1, { BADVERSION: 1 }]);
  });

  test('node-zookeeper-client: its connection is cut; the session, its nodes and its watches live on', async () => {
    const reattached = () => statOf(stage.sluice, 'sluice.zookeeper.zookeeper.sessions_reattached');
    const before = await reattached();
    const client = await NodeZooKeeper.to(stage.sluice.port);
    const id = client.sessionId;
    await client.create('/alive', 'x', 'EPHEMERAL');
    await client.getData('/alive', true);
    await client.reconnect();
    expect(client.sessionId).toBe(id);
    expect(await client.exists('/alive')).toMatchObject({ version: 0 });
    const other = await ZooKeeperWire.to(stage.sluice.port);
    await other.done(ask.setData('/alive', 'changed'));
    await poll('it is told', () => client.heard.length === 1);
    await other.close();
    await client.close();
    await poll('it is told', async () => (await reattached()) - before === 1);
    await expect.poll(() => statOf(stage.sluice, 'sluice.zookeeper.zookeeper.watches_restored')).toBe(1);
  });

  test('a socket: SASL, containers, time to live, recursive watches, multiRead', async () => {
    const wire = await ZooKeeperWire.to(stage.sluice.port);
    const challenge = (await wire.done(ask.sasl(''))).string();
    await wire.done(ask.sasl(digestMd5Answer(challenge, 'bob', ZOOKEEPER_PASSWORD)));
    expect((await wire.done(ask.whoAmI())).bytes.includes('bob')).toBe(true);
    await wire.done(ask.addWatch('/', 1));
    await wire.done(ask.create2('/tree', 'x'));
    await wire.done(ask.createContainer('/tree/box'));
    await wire.done(ask.createTTL('/tree/ttl', '', 60_000n));
    await wire.done(ask.create('/tree/lock-', '', { mode: Mode.ephemeralSequential }));
    const read = new JuteReader(
      (await wire.send(ask.multiRead([ask.getChildren('/tree'), ask.getData('/tree')])))!.body,
    );
    expect(read.left).toBeGreaterThan(0);
    expect((await wire.done(ask.getAllChildrenNumber('/tree'))).int()).toBe(3);
    expect((await wire.done(ask.getEphemerals('/tree'))).strings()).toHaveLength(1);
    expect(wire.events.map(({ type }) => type)).toEqual(Array(4).fill('NodeCreated'));
    await wire.close();
    await poll('all is told', async () => (await told('getEphemerals /tree'))['getEphemerals /tree'] === 1);
    const rows = await operationRows(stage.sluice);
    expect(rows.find(({ text }) => text === 'create2 /tree')?.user).toBe('sasl:bob');
    expect(rows.find(({ text }) => text.startsWith('multiRead '))?.text).toBe(
      'multiRead getChildren /tree, getData /tree',
    );
  });

  test('four-letter words are answered whole, and counted by word', async () => {
    const { server, sluice } = stage;
    expect(await fourLetters(sluice.port, 'ruok')).toBe('imok');
    expect(await fourLetters(sluice.port, 'srvr')).toContain(`Zookeeper version: ${server.version}`);
    const [through, direct] = [await fourLetters(sluice.port, 'conf'), await fourLetters(server.port, 'conf')];
    expect(through).toBe(direct);
    const word = (name: string) => statOf(sluice, `sluice.zookeeper.zookeeper.word.${name}.requests`);
    await poll('they are told', async () => (await word('conf')) === 1);
    expect([await word('ruok'), await word('srvr')]).toEqual([1, 1]);
  });

  test('zkCli, ZooKeeper’s own client', async () => {
    const script = `create /java hello
create -s -e /java/seq- 1
get -s /java
set /java world
ls /java
getAllChildrenNumber /java
addauth digest ada:lovelace
whoami
delete /java
deleteall /java
quit
`;
    const { code, stdout, stderr } = await zkCli(stage.sluice.port, script);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Created /java/seq-0000000000')]);
    expect(stdout).toContain('hello');
    await poll('all is told', async () => (await told('delete /java'))['delete /java'] === 1);
    expect(await told('getData /java')).toEqual({ 'getData /java': 1 });
    const deleted = (await operationRows(stage.sluice)).find(({ text }) => text === 'delete /java');
    expect(deleted?.errors).toEqual({ NOTEMPTY: 1 });
  });

  test('kazoo: its lock, a counter, a transaction', async (ctx) => {
    needs(ctx, 'kazoo');
    const { code, stderr, stdout } = await kazoo(
      stage.sluice.port,
      `
with zk.Lock('/kazoo/lock', 'me'):
    counter = zk.Counter('/kazoo/counter')
    for i in range(5):
        counter += 2
t = zk.transaction()
t.create('/kazoo/t', b'x')
t.check('/kazoo/counter', version=5)
t.commit()
print(zk.get('/kazoo/counter')[0], zk.get_children('/kazoo/lock'))
`,
    );
    expect([code, stderr, stdout]).toEqual([0, '', "b'10' []\n"]);
    const sets = () => told('setData /kazoo/counter');
    await poll('all is told', async () => (await sets())['setData /kazoo/counter'] === 5);
    expect(await told('multi create /kazoo/t')).toEqual({ 'multi create /kazoo/t, check /kazoo/counter': 1 });
  });
});

describe('a server that goes', () => {
  const stage = zooKeeperStage();

  test('what is open is lost; a client that comes again finds the next server behind the same port', async () => {
    const wire = await ZooKeeperWire.to(stage.sluice.port);
    await wire.done(ask.create('/a', 'x'));
    process.kill(stage.server.pid, 'SIGSTOP');
    const open = wire.pipeline(Array.from({ length: 10 }, () => ask.getData('/a')));
    await poll('Sluice has them', async () => {
      const sent = await statOf(stage.sluice, 'zookeeper.zookeeper.getdata_rq');
      return sent === 10;
    });
    process.kill(stage.server.pid, 'SIGKILL');
    expect(await open).toEqual(Array(10).fill(null));
    await poll('they are lost', async () => (await statOf(stage.sluice, 'sluice.zookeeper.zookeeper.lost')) === 10);
    const next = await startRealZooKeeper({ port: stage.server.port });
    const again = await poll('it is there', async () => {
      const client = await ZooKeeperWire.to(stage.sluice.port);
      return client.session.id === 0n ? null : client;
    });
    expect((await again.send(ask.exists('/a')))?.error).toBe('NONODE');
    await again.close();
    await next.stop();
  });
});
