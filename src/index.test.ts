import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSluice, type Sluice, SluiceError } from './index.ts';

let server: Server;
let upstream = '';
const started: Sluice[] = [];

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstream = `tcp://127.0.0.1:${(server.address() as { port: number }).port}`;
});

afterEach(async () => {
  for (const sluice of started.splice(0)) await sluice.stop();
  await new Promise((resolve) => server.close(resolve));
});

const inFront = async (): Promise<Sluice> => {
  const sluice = createSluice({ config: { urls: [upstream], listen: ['127.0.0.1:0'] } });
  started.push(sluice);
  await sluice.start();
  return sluice;
};

const freePort = async (): Promise<number> => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  await new Promise((resolve) => taken.close(resolve));
  return port;
};

const portOf = (sluice: Sluice): number => Number(sluice.listeners[0]!.address.split(':').at(-1));

const dial = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });

const echoed = (socket: Socket, text: string): Promise<string> =>
  new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data)));
    socket.write(text);
  });

test('two in one process carry bytes, count for themselves, and leave no signal handler behind', async () => {
  const before = process.eventNames();
  const [one, two] = [await inFront(), await inFront()];
  expect(process.eventNames()).toEqual(before);
  const [a, b, c] = [await dial(portOf(one)), await dial(portOf(one)), await dial(portOf(two))];
  expect([await echoed(a, 'a'), await echoed(b, 'b'), await echoed(c, 'c')]).toEqual(['a', 'b', 'c']);
  expect((await one.stats())['tcp.tcp.downstream_cx_total']).toBe(2);
  expect((await two.stats())['tcp.tcp.downstream_cx_total']).toBe(1);
  expect((await one.connections()).map(({ client }) => client)).toEqual([a, b].map(addressOf));
  for (const socket of [a, b, c]) socket.destroy();
});

const addressOf = (socket: Socket): string => `${socket.localAddress}:${socket.localPort}`;

test('drain takes no new connection and waits for the open one; stop cuts', async () => {
  const sluice = await inFront();
  const port = portOf(sluice);
  const open = await dial(port);
  expect(await echoed(open, 'x')).toBe('x');
  let drained = false;
  const draining = sluice.drain(60_000).then(() => {
    drained = true;
  });
  await expect(dial(port)).rejects.toThrow('ECONNREFUSED');
  expect([await echoed(open, 'still'), drained]).toEqual(['still', false]);
  open.destroy();
  await draining;
});

test('stop cuts open connections and frees the port', async () => {
  const sluice = await inFront();
  const port = portOf(sluice);
  const open = await dial(port);
  expect(await echoed(open, 'x')).toBe('x');
  const closed = new Promise((resolve) => open.on('error', () => {}).once('close', resolve));
  await sluice.stop();
  await closed;
  await expect(dial(port)).rejects.toThrow('ECONNREFUSED');
});

test('a wrong configuration rejects with every problem', async () => {
  const text = 'proxies:\n  - upstream: nonsense\n  - upstrem: tcp://127.0.0.1:1\n';
  const error = await createSluice({ config: { file: 'sluice.yaml', text } })
    .start()
    .catch((e) => e);
  expect(error).toBeInstanceOf(SluiceError);
  expect(error.problems.length).toBeGreaterThanOrEqual(2);
});

test('a reload changes what changed; the rest, and open connections, stay', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-embedded-'));
  const file = join(folder, 'sluice.yaml');
  const [a, b] = [await freePort(), await freePort()];
  const proxy = (name: string, port: number) =>
    `  - { name: ${name}, upstream: '${upstream}', listen: '127.0.0.1:${port}' }\n`;
  writeFileSync(file, `admin: false\nproxies:\n${proxy('a', a)}`);
  const sluice = createSluice({ config: { file } });
  started.push(sluice);
  await sluice.start();
  const open = await dial(a);
  writeFileSync(file, `admin: false\nproxies:\n${proxy('a', a)}${proxy('b', b)}`);
  await sluice.reload();
  expect(await echoed(await dial(b), 'new')).toBe('new');
  writeFileSync(file, 'proxies: nonsense\n');
  await sluice.reload();
  expect([await echoed(await dial(b), 'kept'), await echoed(open, 'kept')]).toEqual(['kept', 'kept']);
  writeFileSync(file, `admin: false\nproxies:\n${proxy('b', b)}`);
  await sluice.reload();
  await expect(dial(a)).rejects.toThrow('ECONNREFUSED');
  expect(await echoed(open, 'lives on')).toBe('lives on');
  const stats = await sluice.stats();
  expect([stats['sluice.server.config_reload_success'], stats['sluice.server.config_reload_failed']]).toEqual([2, 1]);
  rmSync(folder, { recursive: true });
});

test('an address that is taken rejects with its name, and nothing listens', async () => {
  const one = await inFront();
  const taken = one.listeners[0]!.address;
  const two = createSluice({ config: { urls: [upstream, upstream], listen: [taken, '127.0.0.1:0'] } });
  await expect(two.start()).rejects.toThrow(`cannot listen on ${taken}`);
  expect(two.listeners).toEqual([]);
});
