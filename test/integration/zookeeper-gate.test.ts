import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { zookeeper } from '../../protocol-filters/zookeeper/index.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { needs } from '../support/needs.ts';
import { type RealZooKeeper, startRealZooKeeper, zooKeeperMissing } from '../support/real-zookeeper.ts';
import { NodeZooKeeper } from '../support/zookeeper-node-client.ts';
import { kazoo, zkCli } from '../support/zookeeper-programs.ts';
import { ask } from '../support/zookeeper-requests.ts';
import { ZooKeeperWire } from '../support/zookeeper-wire.ts';

const POLICIES = policySet([{ name: 'canary', action: 'deny', targets: ['/forbidden', '/forbidden/*'] }]);

/** Real clients before the gate: they report a denial as they report the server's own NOAUTH, and go on. */
describe('the gate before a real ZooKeeper', () => {
  let server: RealZooKeeper;
  let plane: GatePlane;
  let direct: ZooKeeperWire;

  beforeAll(async () => {
    if (zooKeeperMissing() !== '') return;
    server = await startRealZooKeeper();
    const upstream = { host: '127.0.0.1', port: server.port };
    plane = await startGatePlane({ protocol: zookeeper, policies: POLICIES, upstream });
    direct = await ZooKeeperWire.to(server.port, { timeoutMs: 40_000 });
    await direct.done(ask.create('/forbidden', 'canary'));
  });
  beforeEach(async (ctx) => {
    needs(ctx, 'java');
    needs(ctx, 'zookeeper');
    await plane.setPolicies(POLICIES);
    plane.ended.length = 0;
  });
  afterAll(async () => {
    direct?.socket.destroy();
    await plane?.stop();
    await server?.stop();
  });
  const canary = async (): Promise<string> => String((await direct.done(ask.getData('/forbidden'))).buffer());

  test('node-zookeeper-client', async () => {
    const client = await NodeZooKeeper.to(plane.port);
    await expect(client.getData('/forbidden')).rejects.toMatchObject({ name: 'NO_AUTH', code: -102 });
    await expect(client.setData('/forbidden', 'x')).rejects.toMatchObject({ name: 'NO_AUTH' });
    await expect(client.create('/forbidden/new')).rejects.toMatchObject({ name: 'NO_AUTH' });
    await client.create('/node', 'one');
    const all = await Promise.allSettled([
      client.getData('/node'),
      client.remove('/forbidden'),
      client.exists('/node'),
    ]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    client.client.close();
    expect(await canary()).toBe('canary');
    const denied = plane.ended.filter(({ verdict }) => verdict === 'denied');
    expect(denied.map(({ kind, policy, code }) => `${kind} ${policy} ${code}`)).toEqual([
      'getData canary NOAUTH',
      'setData canary NOAUTH',
      'create canary NOAUTH',
      'delete canary NOAUTH',
    ]);
  });

  test('kazoo: NoAuthError, of a transaction too', async (ctx) => {
    needs(ctx, 'kazoo');
    const { stdout, stderr } = await kazoo(
      plane.port,
      `
for call in (lambda: zk.get('/forbidden'), lambda: zk.set('/forbidden', b'x'), lambda: zk.get_children('/forbidden')):
    try:
        call()
        print('allowed')
    except NoAuthError as e:
        print('NoAuthError')
t = zk.transaction()
t.create('/kazoo', b'1')
t.delete('/forbidden')
try:
    print(t.commit())
except NoAuthError:
    print('NoAuthError')
print(zk.exists('/kazoo'))
zk.create('/kazoo', b'2')
print(zk.get('/kazoo')[0])
`,
    );
    expect(stderr).not.toContain('Traceback');
    expect(stdout.trim().split('\n')).toEqual([...Array(4).fill('NoAuthError'), 'None', "b'2'"]);
    expect(await canary()).toBe('canary');
  });

  test("ZooKeeper's own command line", async () => {
    const { stdout, stderr } = await zkCli(
      plane.port,
      'get /forbidden\ncreate /java one\nget /java\ndelete /forbidden\nquit\n',
    );
    const said = `${stdout}${stderr}`;
    expect(said).toMatch(/Insufficient permission|NoAuth/);
    expect(said).toContain('one');
    expect(await canary()).toBe('canary');
  });

  test('live sessions are judged by new policies; limits of replies', async () => {
    const wire = await ZooKeeperWire.to(plane.port);
    expect((await wire.send(ask.exists('/')))!.error).toBe('');
    await plane.setPolicies(policySet([{ name: 'root', action: 'deny', targets: ['/'] }]));
    expect((await wire.send(ask.exists('/')))!.error).toBe('NOAUTH');
    expect((await wire.send(ask.getData('/forbidden')))!.error).toBe('');
    await wire.drop();
    await plane.setPolicies(policySet([{ name: 'few', action: 'limit', limit: { rows: 1 } }]));
    const limited = await ZooKeeperWire.to(plane.port);
    expect((await limited.send(ask.getChildren('/')))!.error).toBe('THROTTLEDOP');
    expect((await limited.send(ask.getChildren('/forbidden')))!.error).toBe('');
    await limited.drop();
  });
});
