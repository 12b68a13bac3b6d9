import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/exchange/fault.ts';
import { seeded } from '../../src/net/simulated.ts';
import { needs } from '../support/needs.ts';
import { type PgbenchResult, pgbench } from '../support/pgbench.ts';
import { poll } from '../support/poll.ts';
import { int16, int32, loginReply, message, READY_IDLE, startupMessage } from '../support/postgres-bytes.ts';
import { startRealMariadb } from '../support/real-mariadb.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { rolePids } from '../support/roles.ts';
import { type RunningSluice, runSluice, type SluiceOptions } from '../support/run-sluice.ts';

// What no server should do, what no client should send, and logs that nobody takes: traffic stays as it would be.

const running: RunningSluice[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop('SIGTERM', 3000)));
});

async function start(upstreamPort: number, options: SluiceOptions = {}): Promise<RunningSluice> {
  const one = await runSluice({ upstreams: [`postgres://127.0.0.1:${upstreamPort}`], concurrency: 1, ...options });
  running.push(one);
  return one;
}

/** Every `name: number` line of /stats. */
async function statsOf(sluice: RunningSluice): Promise<Map<string, number>> {
  const lines = (await sluice.getText('/stats')).matchAll(/^(\S+): (\d+)$/gm);
  return new Map(Array.from(lines, ([, name, value]) => [name!, Number(value)]));
}

interface Counted {
  readonly calls: number;
  readonly lost: number;
  readonly rows: number;
  readonly errors: Record<string, number>;
  /** Seconds. */
  readonly slowest: number;
}

/** What /api/queries says of the statements whose text has `label`. */
async function counted(sluice: RunningSluice, label: string): Promise<Counted> {
  interface Row {
    text: string;
    calls: number;
    lost: number;
    rows_returned: number;
    errors: Record<string, number>;
    time: { max_s: number };
  }
  const { queries } = await sluice.getJson<{ queries: Row[] }>('/api/queries?limit=1000');
  const sum = { calls: 0, lost: 0, rows: 0, errors: {} as Record<string, number>, slowest: 0 };
  for (const row of queries.filter(({ text }) => text.includes(label))) {
    sum.calls += row.calls;
    sum.lost += row.lost;
    sum.rows += row.rows_returned;
    sum.slowest = Math.max(sum.slowest, row.time.max_s);
    for (const [code, n] of Object.entries(row.errors)) sum.errors[code] = (sum.errors[code] ?? 0) + n;
  }
  return sum;
}

const descriptors = (sluice: RunningSluice): number[] => {
  const { primary, workers } = rolePids(sluice.pid);
  return [primary, ...workers].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
};

/** All `opened` connections were counted and ended: none is left on either side, and as many descriptors as before. */
async function nothingLeaks(sluice: RunningSluice, before: readonly number[], opened: number): Promise<void> {
  await poll('no connection is left', async () => {
    const { connections } = await sluice.getJson<{ connections: unknown[] }>('/api/connections');
    const stats = [...(await statsOf(sluice))];
    const like = (pattern: RegExp) => stats.filter(([name]) => pattern.test(name)).map(([, n]) => n);
    const left = {
      connections: connections.length,
      opened: like(/^listener\..*downstream_cx_total$/),
      active: [...like(/^listener\..*downstream_cx_active$/), ...like(/^cluster\..*upstream_cx_active$/)],
      descriptors: descriptors(sluice),
    };
    expect(left).toEqual({ connections: 0, opened: [opened], active: [0, 0], descriptors: before });
    return true;
  });
}

// ---- a server that can be told what to do wrong

const ROW = message('D', int16(1), int32(100_000), 'x'.repeat(100_000));
const DESCRIPTION = message('T', int16(1), 'n\0', int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0));
const LOGIN = loginReply(7, 7);
const REPLY = Buffer.concat([DESCRIPTION, ROW, message('C', 'SELECT 1\0'), READY_IDLE]);
const HALF_LOGIN = LOGIN.subarray(0, 20);
const HALF_REPLY = REPLY.subarray(0, DESCRIPTION.length + ROW.length / 2);
const STARTUP = startupMessage({ user: 'postgres', database: 'postgres' });
const query = (text: string): Buffer => message('Q', `${text}\0`);

interface Behaviour {
  readonly onConnect?: (socket: Socket) => void;
  readonly onStartup?: (socket: Socket) => void;
  readonly onQuery?: (socket: Socket) => void;
}

/** What one connection came to, seen from the server. */
interface Served {
  heard: Buffer;
  /** The last message of these that came whole. */
  last: 'nothing' | 'startup' | 'query';
  /** 'fin', or Node's error code; 'closed' where the server itself left. */
  end: string | null;
}

class FaultyServer {
  behaviour: Behaviour = {};
  /** Takes the connections instead of the behaviour. */
  take: ((socket: Socket) => void) | null = null;
  readonly served: Served[] = [];
  readonly #server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#serve(socket));
  port = 0;

  async up(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as { port: number }).port;
  }

  async down(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    if (this.take !== null) {
      this.take(socket);
      return;
    }
    const behaviour = this.behaviour;
    const seen: Served = { heard: Buffer.alloc(0), last: 'nothing', end: null };
    this.served.push(seen);
    socket.on('error', (error: NodeJS.ErrnoException) => (seen.end ??= error.code ?? 'error'));
    socket.on('close', () => {
      seen.end ??= 'closed';
    });
    socket.on('end', () => {
      seen.end ??= 'fin';
      socket.end();
    });
    let at = 0;
    socket.on('data', (data) => {
      seen.heard = Buffer.concat([seen.heard, data]);
      for (;;) {
        const typed = at === 0 ? 0 : 1; // a startup message has no type byte
        if (seen.heard.length < at + typed + 4) return;
        const end = at + typed + seen.heard.readInt32BE(at + typed);
        if (seen.heard.length < end) return;
        const type = String.fromCharCode(seen.heard[at]!);
        at = end;
        if (typed === 0) seen.last = 'startup';
        else if (type === 'Q') seen.last = 'query';
        if (typed === 0) (behaviour.onStartup ?? ((to) => to.write(LOGIN)))(socket);
        else if (type === 'Q') (behaviour.onQuery ?? ((to) => to.write(REPLY)))(socket);
        else if (type === 'X') socket.end();
      }
    });
    behaviour.onConnect?.(socket);
  }
}

const reset = (socket: Socket) => void socket.resetAndDestroy();
const sayThenReset = (bytes: Buffer) => (socket: Socket) => void socket.write(bytes, () => socket.resetAndDestroy());
const sayThenEnd = (bytes: Buffer) => (socket: Socket) => void socket.end(bytes);

// ---- the two clients

const codeOf = ({ code, message: text }: NodeJS.ErrnoException): string =>
  code === 'EPIPE' ? 'ECONNRESET' : (code ?? text); // which of the two depends on who wrote last

interface Patience {
  /** Resolves when the client is to leave without an answer. */
  readonly leave?: (port: number) => Promise<unknown>;
}

/** Login, one query, Terminate, on a bare socket: all that came, and how it ended. */
async function bare(port: number, text: string, { leave }: Patience): Promise<{ bytes: Buffer; end: string }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let bytes = Buffer.alloc(0);
  let end = 'fin';
  let asked = false;
  socket.on('error', (error) => {
    end = codeOf(error);
  });
  socket.on('connect', () => socket.write(STARTUP));
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data]);
    if (!bytes.subarray(-READY_IDLE.length).equals(READY_IDLE)) return;
    socket.write(asked ? message('X') : query(text));
    asked = true;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (leave !== undefined) void leave(port).then(() => socket.destroy());
  await closed;
  return { bytes, end };
}

/** The same by pg: what connect() and query() come to. */
async function byPg(port: number, text: string, { leave }: Patience = {}): Promise<string[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
  });
  client.on('error', () => {});
  const gone = new Promise((resolve) => client.once('end', resolve));
  const said: string[] = [];
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  if (leave !== undefined) void leave(port).then(() => stream.destroy());
  try {
    await client.connect();
    said.push('connected');
    said.push(JSON.stringify((await client.query(text)).rows));
  } catch (error) {
    said.push(codeOf(error as NodeJS.ErrnoException));
  }
  if (leave === undefined) client.end().catch(() => {});
  if (!stream.destroyed) await gone;
  return said;
}

interface FaultyWay {
  readonly name: string;
  readonly behaviour: Behaviour;
  /** Exchanges that each client's query comes to; a login that fails has none. */
  readonly comesTo: 'nothing' | 'lost' | 'ok';
  /** What the server must have heard when the clients lose patience. */
  readonly impatientAfter?: Served['last'];
}

const LATE_MS = 400;
const WAYS: readonly FaultyWay[] = [
  { name: 'resets at connect', behaviour: { onConnect: reset }, comesTo: 'nothing' },
  { name: 'resets at the startup message', behaviour: { onStartup: reset }, comesTo: 'nothing' },
  { name: 'resets during login', behaviour: { onStartup: sayThenReset(HALF_LOGIN) }, comesTo: 'nothing' },
  { name: 'vanishes during login', behaviour: { onStartup: sayThenEnd(HALF_LOGIN) }, comesTo: 'nothing' },
  { name: 'never answers a login', behaviour: { onStartup: () => {} }, comesTo: 'nothing', impatientAfter: 'startup' },
  { name: 'resets instead of a reply', behaviour: { onQuery: reset }, comesTo: 'lost' },
  { name: 'resets mid-reply', behaviour: { onQuery: sayThenReset(HALF_REPLY) }, comesTo: 'lost' },
  { name: 'vanishes mid-reply', behaviour: { onQuery: sayThenEnd(HALF_REPLY) }, comesTo: 'lost' },
  { name: 'never answers a query', behaviour: { onQuery: () => {} }, comesTo: 'lost', impatientAfter: 'query' },
  {
    name: 'answers late',
    behaviour: { onQuery: (socket) => void setTimeout(() => socket.write(REPLY), LATE_MS) },
    comesTo: 'ok',
  },
];

describe('a server', () => {
  const server = new FaultyServer();
  let sluice: RunningSluice;
  let before: number[];
  let opened = 1;
  beforeAll(async () => {
    await server.up();
    sluice = await runSluice({ upstreams: [`postgres://127.0.0.1:${server.port}`], concurrency: 1 });
    await bare(sluice.port, 'select 1 as warm', {});
    await poll('it is quiet', async () => (await counted(sluice, 'warm')).calls === 1);
    before = descriptors(sluice);
  });
  afterAll(async () => {
    await sluice?.stop();
    await server.down();
  });

  const both = async (port: number, label: string, { behaviour, impatientAfter }: FaultyWay) => {
    const text = `select n as ${label}`;
    server.behaviour = behaviour;
    const from = server.served.length;
    /** The clients lose patience, one after the other. */
    const leaves = (client: number): Patience =>
      impatientAfter === undefined
        ? {}
        : {
            leave: () => poll('it was heard', () => server.served[from + client]?.last === impatientAfter),
          };
    const raw = await bare(port, text, leaves(0));
    const viaPg = await byPg(port, text, leaves(1));
    const served = await poll('the server knows', () => {
      const seen = server.served.slice(from);
      return seen.length === 2 && seen.every(({ end }) => end !== null) && seen;
    });
    return { raw, viaPg, served };
  };

  test.each(WAYS)('that $name: the clients see what they see without Sluice, and nothing leaks', async (fault) => {
    const label = fault.name.replaceAll(/\W/g, '_');
    const direct = await both(server.port, label, fault);
    opened += 2;
    const through = await both(sluice.port, label, fault);
    expect(through.raw.end).toBe(direct.raw.end);
    expect(through.raw.bytes.equals(direct.raw.bytes)).toBe(true);
    expect(through.viaPg).toEqual(direct.viaPg);
    expect(through.served).toEqual(direct.served);

    const calls = fault.comesTo === 'nothing' ? 0 : 2;
    const lost = fault.comesTo === 'lost' ? 2 : 0;
    await nothingLeaks(sluice, before, opened);
    await poll('both are counted', async () => (await counted(sluice, label)).calls === calls);
    const seen = await counted(sluice, label);
    expect(seen).toMatchObject({ calls, lost, errors: lost === 0 ? {} : { lost } });
    if (fault.comesTo === 'ok') expect(seen.slowest).toBeGreaterThanOrEqual(LATE_MS / 1000 - 0.01);
  });

  test('that is down: reset instead of refused, and served again when it is back', async () => {
    await server.down();
    const text = 'select n as is_down';
    expect(await bare(server.port, text, {})).toEqual({ bytes: Buffer.alloc(0), end: 'ECONNREFUSED' });
    expect(await bare(sluice.port, text, {})).toEqual({ bytes: Buffer.alloc(0), end: 'ECONNRESET' });
    expect(await byPg(server.port, text)).toEqual(['ECONNREFUSED']);
    expect(await byPg(sluice.port, text)).toEqual(['ECONNRESET']);
    opened += 2;
    await nothingLeaks(sluice, before, opened);
    expect((await counted(sluice, 'is_down')).calls).toBe(0);
    await server.up();
    server.behaviour = {};
    expect((await bare(sluice.port, text, {})).bytes).toEqual(Buffer.concat([LOGIN, REPLY]));
    await poll('it is counted', async () => (await counted(sluice, 'is_down')).rows === 1);
    await nothingLeaks(sluice, before, ++opened);
  });
});

// ---- a server that answers and hangs up while the client still sends

test('MariaDB refuses a packet that is too large: the client is told why, as without Sluice', async (ctx) => {
  needs(ctx, 'mariadb');
  const server = await startRealMariadb({ settings: { 'max-allowed-packet': '1M' } });
  try {
    const sluice = await runSluice({ upstreams: [`mysql://127.0.0.1:${server.port}`], concurrency: 1 });
    running.push(sluice);
    const told = async (port: number, bytes: number): Promise<number> => {
      const db = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
      db.on('error', () => {});
      const failed = await db.query(`select '${'x'.repeat(bytes)}'`).then(
        () => null,
        ({ errno, code }: NodeJS.ErrnoException) => (errno === 1153 ? 1153 : code),
      );
      db.destroy();
      expect([1153, 'ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST']).toContain(failed);
      return failed === 1153 ? 1 : 0;
    };
    // It is a race also without Sluice: the client can lose the answer to a write of its own that fails.
    for (const bytes of [1_500_000, 5_000_000]) {
      let [without, withIt] = [0, 0];
      for (let i = 0; i < 40; i++) {
        without += await told(server.port, bytes);
        withIt += await told(sluice.port, bytes);
      }
      expect(withIt, `of ${without} at ${bytes} bytes`).toBeGreaterThanOrEqual(Math.floor(without * 0.8));
      if (bytes < 2_000_000) expect(withIt).toBeGreaterThan(0);
    }
  } finally {
    await server.stop();
  }
});

// ---- bytes that nobody should send

const lengthIs = (type: string, length: number): Buffer => Buffer.concat([Buffer.from(type), int32(length | 0)]);
const noise = (seed: number, bytes: number): Buffer => {
  const random = seeded(seed);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => random() * 256));
};
const LARGE = 1 << 20;
const GET = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const TLS_HELLO = Buffer.concat([Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3), noise(1, 506)]);
const SSL_REQUEST = Buffer.concat([int32(8), int32(80_877_103)]);

/** Who says what, in turn: each step begins when the one before has arrived whole. */
type Script = readonly (readonly ['>' | '<', Buffer])[];
const c = (...bytes: Buffer[]) => ['>', Buffer.concat(bytes)] as const;
const s = (...bytes: Buffer[]) => ['<', Buffer.concat(bytes)] as const;
const IN: Script = [c(STARTUP), s(LOGIN)];
const ASK = query('select 1');

/** Name, the fault that it is counted as, what is said. */
const BYTES: readonly (readonly [string, Fault | null, Script])[] = [
  ['HTTP from the client', 'foreign_protocol', [c(GET), s(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))]],
  ['SSH from the client', 'foreign_protocol', [c(Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')), s(noise(2, 900))]],
  ['RESP from the client', 'foreign_protocol', [c(Buffer.from('*1\r\n$4\r\nPING\r\n')), s(Buffer.from('+PONG\r\n'))]],
  ['garbage from the client', 'foreign_protocol', [c(Buffer.of(0xff), noise(3, LARGE)), s(noise(4, LARGE))]],
  ['a startup message of 2^31 - 1 bytes', 'foreign_protocol', [c(int32(0x7fffffff), noise(5, LARGE))]],
  ['a startup message of 16 MiB', 'oversized', [c(int32(0x00ffffff), noise(6, LARGE)), s(noise(7, 99))]],
  ['a startup message of 4 bytes', 'undersized', [c(int32(4), noise(8, 99))]],
  ['protocol 2.0', 'unsupported_version', [c(int32(12), int32(0x20000), int32(0)), s(Buffer.from('Eno\n\0'))]],
  ['TLS without a question', 'encrypted', [c(TLS_HELLO), s(noise(9, LARGE))]],
  ['TLS that both agreed on', 'encrypted', [c(SSL_REQUEST), s(Buffer.from('S')), c(TLS_HELLO), s(noise(10, LARGE))]],
  ['garbage, logged in', 'unknown_type', [...IN, c(Buffer.of(1), noise(11, LARGE)), s(noise(12, LARGE))]],
  ['a second startup message', 'unknown_type', [...IN, c(STARTUP), s(LOGIN)]],
  ['HTTP from the client, logged in', 'unknown_type', [...IN, c(GET), s(REPLY)]],
  ['Query of 3 bytes', 'undersized', [...IN, c(lengthIs('Q', 3)), s(REPLY)]],
  ['Query of 2^31 - 1 bytes', 'oversized', [...IN, c(lengthIs('Q', 0x7fffffff), noise(13, LARGE)), s(REPLY)]],
  ['Query of 2^32 - 1 bytes', 'oversized', [...IN, c(lengthIs('Q', -1), noise(14, LARGE))]],
  ['Query without its NUL: the server has the say', null, [...IN, c(message('Q', 'select 1')), s(REPLY)]],
  ['a password, logged in', 'out_of_order', [...IN, c(message('p', 'hush\0')), s(REPLY)]],
  ['MySQL from the server', 'unknown_type', [c(STARTUP), s(Buffer.from('J\0\0\0\n8.0.36\0')), c(noise(15, LARGE))]],
  ['HTTP from the server', 'oversized', [c(STARTUP), s(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))]],
  ['garbage from the server', 'unknown_type', [...IN, s(Buffer.of(2), noise(16, LARGE)), c(noise(17, LARGE))]],
  ['a reply that nobody asked for', 'unexpected_reply', [...IN, s(REPLY), c(ASK)]],
  ['DataRow of 3 bytes', 'undersized', [...IN, c(ASK), s(lengthIs('D', 3)), c(ASK)]],
  ['DataRow of 2^32 - 1 bytes', 'oversized', [...IN, c(ASK), s(DESCRIPTION, lengthIs('D', -1), noise(18, LARGE))]],
  ['ReadyForQuery of 2 bytes', 'oversized', [...IN, c(ASK), s(message('Z', 'II'))]],
  ['half a message, and the end', null, [...IN, c(ASK.subarray(0, 7)), s(LOGIN.subarray(0, 3))]],
];

/** One end of a connection, that remembers what it heard and answers a FIN with its own. */
class End {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket
      .on('error', () => {})
      .on('data', (data) => {
        this.#chunks.push(data);
        this.bytes += data.length;
      });
    socket
      .on('end', () => socket.end())
      .on('close', () => {
        this.closed = true;
      });
  }

  get heard(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

describe('bytes that are no Postgres', () => {
  test('flow on unchanged, are counted once a connection, and the next connection is read as ever', async () => {
    const server = new FaultyServer();
    await server.up();
    const sluice = await start(server.port);
    const { workers } = rolePids(sluice.pid);
    await bare(sluice.port, 'select n as decoded', {});
    await poll('it is quiet', async () => (await counted(sluice, 'decoded')).calls === 1);
    const before = descriptors(sluice);

    const expected = new Map<string, number>();
    for (const [name, fault, script] of BYTES) {
      if (fault !== null) expected.set(fault, (expected.get(fault) ?? 0) + 1);
      const wait = <T>(what: string, check: () => T) => poll(`${name}: ${what}`, check, { everyMs: 2 });
      let accepted: End | null = null;
      server.take = (socket) => {
        accepted = new End(socket);
      };
      const client = new End(connect({ port: sluice.port, host: '127.0.0.1', noDelay: true }));
      const said = { '>': Buffer.alloc(0), '<': Buffer.alloc(0) };
      for (const [from, bytes] of script) {
        said[from] = Buffer.concat([said[from], bytes]);
        (from === '>' ? client : await wait('the server is dialled', () => accepted)).socket.write(bytes);
        const listener = from === '>' ? await wait('the server is dialled', () => accepted) : client;
        await wait('it arrives whole', () => listener.bytes >= said[from].length);
      }
      const peer = await wait('the server is dialled', () => accepted);
      client.socket.end();
      await wait('both ends are closed', () => client.closed && peer.closed);
      expect([name, peer.heard.equals(said['>']), client.heard.equals(said['<'])]).toEqual([name, true, true]);

      server.take = null;
      expect(await bare(sluice.port, 'select n as decoded', {})).toEqual({
        bytes: Buffer.concat([LOGIN, REPLY]),
        end: 'fin',
      });
    }

    await nothingLeaks(sluice, before, 1 + 2 * BYTES.length);
    const stats = await statsOf(sluice);
    const opaque = (pattern: RegExp) =>
      Object.fromEntries(
        [...stats].flatMap(([name, n]) => (n > 0 && pattern.test(name) ? [[pattern.exec(name)![1]!, n]] : [])),
      );
    expect(opaque(/^sluice\.opaque\.postgres\.(\w+)\.connections$/)).toEqual(Object.fromEntries(expected));
    expect(opaque(/^sluice\.postgres\.postgres\.opaque\.(\w+)\.sessions$/)).toEqual(Object.fromEntries(expected));
    const after = BYTES.length + 1;
    await poll('all are counted', async () => (await counted(sluice, 'decoded')).calls === after);
    expect(await counted(sluice, 'decoded')).toMatchObject({ rows: after, lost: 0, errors: {} });
    expect([...stats].find(([name]) => name.endsWith('.internal_errors'))![1]).toBe(0);
    expect(rolePids(sluice.pid).workers).toEqual(workers);
    await server.down();
  });
});

describe('a real server', () => {
  let server: RealPostgres;
  beforeAll(async () => {
    server = await startRealPostgres('debian');
  });
  afterAll(() => server?.stop());

  /** What the query comes to whose backend is ended while it runs, by `end`. */
  async function whileItRuns(port: number, end: (pid: number) => unknown): Promise<string> {
    const client = await server.connect({ port });
    const gone = new Promise((resolve) => client.once('end', resolve));
    const failed = client.query('select pg_sleep(30)').then(
      () => 'ok',
      (error) => codeOf(error),
    );
    const { processID } = client as unknown as { processID: number };
    const other = await server.connect();
    await poll('it runs', async () => {
      const active = `select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`;
      return (await other.query(active, [processID])).rowCount === 1;
    });
    await end(processID);
    const seen = await failed;
    await gone;
    await other.end().catch(() => {});
    await poll('the server is there', async () => (await server.connect()).end().then(() => true));
    return seen;
  }

  const terminate = async (pid: number) => {
    const admin = await server.connect();
    await admin.query('select pg_terminate_backend($1)', [pid]);
    await admin.end();
  };
  const kill = (pid: number) => void process.kill(pid, 'SIGKILL');

  test.each([
    { how: 'terminated', end: terminate, code: '57P01', lost: 0, errors: { '57P01': 1 } },
    { how: 'killed', end: kill, code: 'Connection terminated unexpectedly', lost: 1, errors: { lost: 1 } },
  ])('whose backend is $how while a query runs', async ({ end, code, lost, errors }) => {
    const sluice = await start(server.port);
    await (await server.connect({ port: sluice.port })).end();
    await poll('it is quiet', async () => (await statsOf(sluice)).get('server.total_connections') === 0);
    const before = descriptors(sluice);
    expect(await whileItRuns(server.port, end)).toBe(code);
    expect(await whileItRuns(sluice.port, end)).toBe(code);
    await nothingLeaks(sluice, before, 2);
    await poll('it is counted', async () => (await counted(sluice, 'pg_sleep')).calls === 1);
    expect(await counted(sluice, 'pg_sleep')).toMatchObject({ lost, errors });
  });

  describe('behind an access log that', () => {
    /** Each line says more than 4 KiB: together more than the 32 MiB that may wait. */
    const script = `select 1 as logged${Array.from({ length: 60 }, (_, i) => `, 1 as ${'x'.repeat(58)}${i}`).join('')};`;
    const EXCHANGES = 10_000;
    const load = async (sluice: RunningSluice): Promise<PgbenchResult> => {
      const done = await pgbench({ port: sluice.port }, { clients: 4, transactions: EXCHANGES / 4, script });
      expect(done).toMatchObject({ code: 0, failed: 0, transactions: EXCHANGES });
      return done;
    };

    /** Everything has been counted somewhere, exactly: exchanges, and lines of exchanges and connections. */
    const balanced = async (sluice: RunningSluice, exchanges: number): Promise<Record<string, number>> => {
      const seen = await poll('all has arrived', async () => {
        const all = await statsOf(sluice);
        const group = (prefix: string, names: string[]) =>
          Object.fromEntries(names.map((name) => [name, all.get(`sluice.${prefix}.${name}`)!]));
        const events = group('events', ['produced', 'waiting', 'delivered', 'dropped']) as {
          [name: string]: number;
        };
        const log = group('access_log', ['written', 'waiting', 'dropped', 'failures']);
        const connections = [...all].find(([name]) => /^listener\..*downstream_cx_destroy$/.test(name))![1];
        expect(events['produced']).toBe(exchanges);
        const { produced, waiting, delivered, dropped } = events;
        expect(waiting! + delivered! + dropped!).toBe(produced);
        expect(log['written']! + log['waiting']! + log['dropped']!).toBe(delivered! + connections);
        expect([waiting, (await counted(sluice, 'logged')).calls]).toEqual([0, exchanges]);
        expect(log['failures']).toBeGreaterThan(0);
        expect(log['dropped']).toBeGreaterThan(0);
        return log;
      });
      const stats = await statsOf(sluice);
      expect(['facts', 'worker'].map((role) => stats.get(`sluice.server.${role}_restarts`))).toEqual([0, 0]);
      return seen;
    };

    test('is /dev/full: no query fails, every line is counted as dropped or waiting', async () => {
      const sluice = await start(server.port, { args: ['--access-log', '/dev/full'] });
      await load(sluice);
      expect(await balanced(sluice, EXCHANGES)).toMatchObject({ written: 0 });
    });

    test('is a stdout nobody reads any more: no query fails, every line is counted', async () => {
      const sluice = await start(server.port, { args: ['--access-log', '-'] });
      sluice.process.stdout?.destroy();
      await load(sluice);
      await balanced(sluice, EXCHANGES);
    });

    describe('is on a full disk', () => {
      let disk: string;
      let mounted = false;
      beforeEach((ctx) => {
        disk = mkdtempSync(path.join(tmpdir(), 'sluice-disk-'));
        try {
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'sluice-test', disk], { stdio: 'pipe' });
          mounted = true;
        } catch {
          ctx.skip('a tmpfs cannot be mounted here (root only)');
        }
      });
      afterEach(() => {
        if (mounted) execFileSync('umount', ['-l', disk]);
        mounted = false;
        rmSync(disk, { recursive: true });
      });

      test('no query fails, lines are whole or not at all, and it goes on when there is room', async () => {
        const file = path.join(disk, 'access.log');
        const sluice = await start(server.port, { args: ['--access-log', file] });
        await load(sluice);
        await balanced(sluice, EXCHANGES);
        expect(statSync(file).size).toBe(65_536);
        // Room: what waited is written behind it; the first line may be the rest of one that was cut.
        const full = readFileSync(file, 'utf8');
        truncateSync(file);
        await poll('it is written to again', () => statSync(file).size > 0);
        const [rest, ...lines] = readFileSync(file, 'utf8').split('\n');
        const whole = [...full.split('\n'), ...lines];
        const cut = full.split('\n').length - 1;
        whole[cut] += rest!;
        for (const line of whole.slice(0, -1)) expect(JSON.parse(line)).toBeTypeOf('object');
      });
    });
  });
});
