import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { seeded } from '../../src/net/simulated.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { startup } from './support/postgres.ts';
import { operation, SHOP, shopPolicy } from './support/postgres-traffic.ts';

const SEED = Number(process.env['SLUICE_SEED'] ?? 20_261_121);
const STATEMENTS = 62_000;
/** Operations that are sent before their answers are waited for. */
const AHEAD = 400;

/** A client that sends ahead, and keeps what comes behind the login. */
class Wire {
  readonly #socket: net.Socket;
  #parts: Buffer[] = [];
  #tail: Buffer = Buffer.alloc(0);
  ready = 0;
  closed = false;

  constructor(port: number) {
    this.#socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.closed = true;
    });
  }

  #take(chunk: Buffer): void {
    this.#parts.push(chunk);
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (bytes.length < end) break;
      if (bytes[at] === 0x5a) this.ready++;
      at = end;
    }
    this.#tail = bytes.subarray(at);
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  until(count: number): Promise<unknown> {
    return poll(`${count} answers, ${this.ready} came`, () => this.closed || this.ready >= count, { everyMs: 1 });
  }

  /** What has come since the last call. */
  taken(): Buffer {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return bytes;
  }

  end(): void {
    this.#socket.destroy();
  }
}

let server: RealPostgres;
let plane: GatePlane;
beforeAll(async () => {
  server = await startRealPostgres('debian', { settings: { fsync: 'off', autovacuum: 'off' } });
  const upstream = { host: '127.0.0.1', port: server.port };
  plane = await startGatePlane({ protocol: postgres, policies: shopPolicy, upstream, keeps: false });
  const direct = await server.connect();
  // The other database is a copy of this one, so that even the numbers of tables are the same.
  await direct.query('create database gated');
  const own = await server.connect({ database: 'gated' });
  await own.query(SHOP);
  await own.end();
  await direct.query('create database direct template gated');
  await direct.end();
});
afterAll(async () => {
  await plane?.stop();
  await server?.stop();
});

const answers = (bytes: Buffer): number => {
  let count = 0;
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1))
    if (bytes[at] === 0x51 || bytes[at] === 0x53) count++;
  return count;
};

test(`${STATEMENTS} allowed statements: not one denied, and each answered as without a gate (seed ${SEED})`, async () => {
  const random = seeded(SEED);
  const wires = [new Wire(plane.port), new Wire(server.port)];
  for (const [i, wire] of wires.entries()) {
    wire.send(startup({ database: i === 0 ? 'gated' : 'direct' }));
    await wire.until(1);
    wire.taken();
  }
  let statements = 0;
  let awaited = 1;
  for (let id = 1; statements < STATEMENTS; ) {
    const burst: Buffer[] = [];
    for (let i = 0; i < AHEAD; i++, id++) {
      const each = operation(random, id);
      statements += each.statements;
      burst.push(each.bytes);
    }
    const bytes = Buffer.concat(burst);
    awaited += answers(bytes);
    for (const wire of wires) wire.send(bytes);
    await Promise.all(wires.map((wire) => wire.until(awaited)));
    const [gated, direct] = wires.map((wire) => wire.taken());
    if (!gated!.equals(direct!)) {
      const at = gated!.findIndex((byte, i) => byte !== direct![i]);
      const around = (all: Buffer) => all.subarray(Math.max(0, at - 200), at + 300).toString('latin1');
      expect(around(gated!)).toBe(around(direct!));
    }
  }
  for (const wire of wires) wire.end();
  await plane.settled();
  expect(plane.counts.denied).toBe(0);
  expect(plane.counts.allowed).toBeGreaterThanOrEqual(60_000);
});
