import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HandOut, type Taker, whenSilent } from './hand-out.ts';

// Answers each connection with its own name and keeps it.
const WORKER = `process.on('message', ({ seq }, socket) => {
  if (process.argv[3] === 'deaf') return;
  process.send({ seq });
  socket.write(process.argv[2]);
});
process.send('up');`;

let server: Server;
let handOut: HandOut;
let script = '';
/** More than anything takes, however busy the machine. */
const PATIENCE = { timeout: 30_000 };
const children: ChildProcess[] = [];

beforeEach(async () => {
  script = join(mkdtempSync(join(tmpdir(), 'sluice-hand-out-')), 'worker.cjs');
  writeFileSync(script, WORKER);
  handOut = new HandOut(undefined, PATIENCE.timeout);
  server = createServer({ pauseOnConnect: true }, (socket) =>
    handOut.give(
      'here',
      socket.on('error', () => {}),
    ),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(() => {
  handOut.close();
  server.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dirname(script), { recursive: true });
});

async function worker(name: string, deaf = false): Promise<Taker> {
  const child = fork(script, [name, ...(deaf ? ['deaf'] : [])]);
  children.push(child);
  const own = handOut; // the next test has another
  await once(child, 'message');
  const taker: Taker = { child, reported: 0, given: 0, open: new Map() };
  child.on('message', ({ seq }: { seq: number }) => own.answered(taker, seq));
  void whenSilent(child).then(() => own.gone(taker));
  return taker;
}

const dial = async (): Promise<Socket> => {
  const { port } = server.address() as { port: number };
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
};
const nameOf = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);
const names = async (n: number): Promise<string[]> =>
  (await Promise.all(Array.from({ length: n }, async () => nameOf(await dial())))).toSorted();

test('a burst is spread evenly', async () => {
  for (const name of ['a', 'b', 'c']) handOut.add(await worker(name));
  expect((await names(9)).join('')).toBe('aaabbbccc');
});

test('the one with fewer connections gets the next ones', async () => {
  const [a, b] = [await worker('a'), await worker('b')];
  a.reported = 3;
  handOut.add(a);
  handOut.add(b);
  expect((await names(5)).join('')).toBe('abbbb');
});

test('who comes while no worker is there waits for one', async () => {
  const waiting = nameOf(await dial());
  handOut.add(await worker('a'));
  expect(await waiting).toBe('a');
});

test('a worker that is paused gets none', async () => {
  const [a, b] = [await worker('a'), await worker('b')];
  handOut.add(a);
  handOut.add(b);
  handOut.pause(a);
  expect((await names(3)).join('')).toBe('bbb');
});

test('what a worker had not taken when it died goes to another', async () => {
  const [deaf, b] = [await worker('deaf', true), await worker('b')];
  handOut.add(deaf);
  const stuck = [nameOf(await dial()), nameOf(await dial())];
  await vi.waitFor(() => expect(deaf.open.size).toBe(2), PATIENCE);
  handOut.add(b);
  deaf.child.kill('SIGKILL');
  expect(await Promise.all(stuck)).toEqual(['b', 'b']);
});

test('a worker that takes nothing for a while is passed over', async () => {
  handOut = new HandOut(undefined, 50);
  const [deaf, b] = [await worker('deaf', true), await worker('b')];
  handOut.add(deaf);
  await dial();
  await vi.waitFor(
    () => expect([...deaf.open.values()].every(({ since }) => performance.now() - since > 50)).toBe(true),
    PATIENCE,
  );
  b.reported = 100;
  handOut.add(b);
  // One after the other: so the second has taken all it was given, however slow it is.
  for (let i = 0; i < 3; i++) expect(await names(1)).toEqual(['b']);
});

test('once closed, nobody waits', async () => {
  const socket = await dial();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  handOut.close();
  await closed;
  await vi.waitFor(() => expect(handOut.refused).toBe(1), PATIENCE);
});
