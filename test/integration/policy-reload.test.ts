import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// Policies change under load, in all workers, and no connection notices but by what it may do: threats R14.

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-policy-'));
let server: RealPostgres;

beforeAll(async () => {
  server = await startRealPostgres('embedded');
  const admin = await server.connect();
  await admin.query('create table orders (id int); insert into orders values (1)');
  await admin.query('create table pay (id int); insert into pay values (1)');
  await admin.end();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A Sluice with a file of its own, that says so of its policies. */
async function start(
  policies: string,
  workers: number,
): Promise<{ proxy: RunningSluice; write(policies: string): void; port: number }> {
  const port = await freePort();
  const file = path.join(folder, `${port}.yaml`);
  const write = (text: string) =>
    writeFileSync(
      file,
      `concurrency: ${workers}\nproxies:\n  - { name: shop, upstream: "postgres://127.0.0.1:${server.port}", listen: "127.0.0.1:${port}" }\n${text}`,
    );
  write(policies);
  const proxy = await runSluice({ args: ['-c', file] });
  return { proxy, write, port };
}

interface Client {
  readonly client: pg.Client;
  dropped: boolean;
}

async function connect(port: number): Promise<Client> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  const one: Client = { client, dropped: false };
  client.on('end', () => (one.dropped = true));
  client.on('error', () => (one.dropped = true));
  await client.connect();
  return one;
}

/** SQLSTATE of what went wrong, `ok` if nothing did. */
const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  );
/** A named prepared statement: Parse only the first time. */
const readPay = ({ client }: Client) =>
  codeOf(client.query({ name: 'pay', text: 'select id from pay where id = $1', values: [1] }));
const readOrders = ({ client }: Client) =>
  codeOf(client.query({ name: 'orders', text: 'select id from orders where id = $1', values: [1] }));

const READS = 'policies:\n  - { name: reads, action: allow, users: "*", operations: select, targets: [orders, pay] }\n';
const NO_PAY = `${READS}  - { name: no pay, action: deny, targets: pay }\n`;
const reloads = (proxy: RunningSluice, what: string, count: number) =>
  poll(what, () => proxy.stderr().split(what).length - 1 >= count);

test('an enforced policy changes for live connections and prepared statements, by SIGHUP and by the watch; a bad file changes nothing', async () => {
  const { proxy, write, port } = await start(READS, 2);
  try {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(port)));
    const said = new Map<string, number>();
    let running = true;
    const load = clients.map(async (one) => {
      while (running && !one.dropped) {
        await setImmediate(); // a client that answers without its server must not have the loop to itself
        const [orders, pay] = [await readOrders(one), await readPay(one)];
        for (const key of [`orders ${orders}`, `pay ${pay}`]) said.set(key, (said.get(key) ?? 0) + 1);
      }
    });
    const all = async (want: string) =>
      (await Promise.all(clients.map((one) => readPay(one)))).every((code) => code === want);
    await poll('statements are prepared', () => (said.get('pay ok') ?? 0) > 100);

    write(NO_PAY);
    proxy.process.kill('SIGHUP');
    await poll('all are denied', () => all('42501'));
    // From here on not one of them passes.
    said.delete('pay ok');
    await poll('they go on', () => (said.get('pay 42501') ?? 0) > 200);
    expect(said.get('pay ok') ?? 0).toBe(0);

    // A file that is wrong leaves the old policy, and says why.
    write(`${READS}  - { name: no pay, action: deny, target: pay }\n`);
    await reloads(proxy, 'configuration refused: the running one stays', 1);
    expect(proxy.stderr()).toMatch(/yaml:6:35 policies\[1\]\.target: unknown field, did you mean targets\?/);
    expect(await all('42501')).toBe(true);

    // By the watch alone.
    write(READS);
    await poll('all are allowed again', () => all('ok'));
    running = false;
    await Promise.all(load);
    expect(clients.filter(({ dropped }) => dropped)).toEqual([]);
    expect([...said.keys()].filter((key) => !/^(orders ok|pay ok|pay 42501)$/.test(key))).toEqual([]);

    // And without any policy nothing is denied, on the same connections.
    write('');
    await poll(
      'nothing is denied',
      async () => (await codeOf(clients[0]!.client.query('create table t (a int)'))) === 'ok',
    );
    expect(clients.filter(({ dropped }) => dropped)).toEqual([]);
    await Promise.all(clients.map(({ client }) => client.end()));
  } finally {
    await proxy.stop();
  }
});

test('where none was enforced, connections leave at their next quiet point and come back under the policy', async () => {
  const { proxy, write, port } = await start('', 1);
  try {
    const [idle, busy] = [await connect(port), await connect(port)];
    await busy.client.query('begin');
    expect(await readPay(busy)).toBe('ok');
    expect(await readPay(idle)).toBe('ok');

    write(NO_PAY);
    proxy.process.kill('SIGHUP');
    await poll('the idle one has left', () => idle.dropped);
    const waiting = async () =>
      /sluice_listener_awaiting_policy\{[^}]*\} (\d+)/.exec(await proxy.getText('/metrics'))?.[1];
    await poll('the other one waits', async () => (await waiting()) === '1');
    // In its transaction it is not under the policy, which the gauge tells.
    expect([busy.dropped, await readPay(busy)]).toEqual([false, 'ok']);
    await busy.client.query('commit');
    await poll('it has left too', () => busy.dropped);
    await poll('nobody waits', async () => (await waiting()) === '0');
    expect(proxy.stderr()).toMatch(/listener shop: \d connections? from before what it enforces now/);

    const again = await connect(port);
    expect([await readOrders(again), await readPay(again)]).toEqual(['ok', '42501']);
    await again.client.end();
  } finally {
    await proxy.stop();
  }
});
