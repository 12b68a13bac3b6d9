import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import mysql2 from 'mysql2/promise';
import { expect } from 'vitest';
import { mysql } from '../../../protocol-filters/mysql/index.ts';
import { client } from '../../../protocol-filters/mysql/testing/builders.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { poll } from '../../support/poll.ts';
import { type RealMariadb, startRealMariadb } from '../../support/real-mariadb.ts';
import { type GatePlane, startGatePlane } from './gate-plane.ts';
import type { MysqlCase } from './mysql.ts';
import { GUARD } from './mysql.ts';
import { HIDDEN, isDenial, payloadsOf } from './mysql-play.ts';

const LIMIT_MS = 30_000;
const CUTS = 3;
const SEED = 7;

/** The whole data path before a MariaDB that writes down each statement it gets: its log is the truth. */
export class RealStage {
  readonly #server: RealMariadb;
  readonly #direct: mysql2.Connection;
  readonly #planes = new Map<string, GatePlane>();
  #logged = 0;

  private constructor(server: RealMariadb, direct: mysql2.Connection) {
    this.#server = server;
    this.#direct = direct;
  }

  static async start(): Promise<RealStage> {
    const server = await startRealMariadb({
      settings: { 'general-log': 1, 'log-output': 'FILE', 'general-log-file': 'general.log', 'max-connections': 500 },
    });
    const direct = await mysql2.createConnection({
      host: '127.0.0.1',
      port: server.port,
      user: 'root',
      multipleStatements: true,
    });
    await direct.query(SCHEMA);
    return new RealStage(server, direct);
  }

  get port(): number {
    return this.#server.port;
  }

  async plane(one: MysqlCase): Promise<GatePlane> {
    const key = JSON.stringify(one.options ?? {});
    let plane = this.#planes.get(key);
    if (plane === undefined) {
      plane = await startGatePlane({
        protocol: mysql,
        policies: GUARD,
        upstream: { host: '127.0.0.1', port: this.#server.port },
        options: { ...one.options },
        keeps: false,
      });
      this.#planes.set(key, plane);
    }
    await plane.setPolicies(one.policies);
    return plane;
  }

  /** Whole, byte by byte, and in two pieces at a few places. */
  async run(one: MysqlCase): Promise<void> {
    const { port } = await this.plane(one);
    await this.#log();
    const stream = Buffer.concat([...one.says.map(({ bytes }) => bytes), client.quit()]);
    const random = seeded(SEED);
    const cuts = Array.from({ length: CUTS }, () => 1 + Math.floor(random() * (stream.length - 1)));
    const ways = [
      [stream],
      Array.from(stream, (byte) => Buffer.of(byte)),
      ...cuts.map((at) => [stream.subarray(0, at), stream.subarray(at)]),
    ];
    if (one.breaks !== undefined) {
      await this.#breaks(one, stream.subarray(0, stream.length - client.quit().length), one.breaks[0]);
      return;
    }
    const wanted = one.says.filter(({ fate }) => fate === 'denied').length;
    for (const pieces of stream.length > 4096 || one.fewCuts ? [ways[0]!, ways[2]!] : ways) {
      const answered = await converse(port, one, pieces);
      expect(payloadsOf(answered).filter(isDenial), 'denials').toHaveLength(wanted);
    }
    expect(await this.#log(), "the server's log").not.toMatch(one.hidden ?? HIDDEN);
    await this.#untouched();
  }

  /** One side is gone, in the middle of it all. */
  async #breaks(one: MysqlCase, stream: Buffer, who: 'client' | 'server'): Promise<void> {
    const plane = await this.plane(one);
    const random = seeded(SEED);
    for (const cut of [
      stream.length,
      ...Array.from({ length: CUTS }, () => 1 + Math.floor(random() * stream.length)),
    ]) {
      const socket = connect(plane.port, '127.0.0.1');
      const received: Buffer[] = [];
      let closed = false;
      socket.on('error', () => {});
      socket.on('data', (bytes) => received.push(bytes));
      socket.on('close', () => (closed = true));
      await packets(socket, received, 1);
      socket.write(client.login41({ user: 'open', response: Buffer.alloc(0), ...one.login }));
      await packets(socket, received, 2);
      socket.write(stream.subarray(0, cut));
      if (who === 'client') socket.resetAndDestroy();
      else {
        await this.#direct.query(`kill hard user open ${OURS}`);
        await poll('the client is told', () => closed, { everyMs: 2 });
        socket.destroy();
      }
      await poll('nobody is connected', () => plane.connections().length === 0, { everyMs: 2 });
      await plane.settled();
      expect(plane.counts.sessions).toBe(0);
    }
    expect(await this.#log(), "the server's log").not.toMatch(one.hidden ?? HIDDEN);
    await this.#untouched();
  }

  async #untouched(): Promise<void> {
    const [rows] = await this.#direct.query<mysql2.RowDataPacket[]>(HELD);
    expect(rows[0]!['held'], 'the canaries').toBe('1 forbidden, 1 in the vault, forbidden.a int(11)');
  }

  /** What the server logged since it was asked last, but for what we say ourselves. */
  async #log(): Promise<string> {
    const bytes = await readFile(path.join(this.#server.home, 'data', 'general.log'));
    const text = bytes.toString('latin1', this.#logged);
    this.#logged = bytes.length;
    return text
      .split('\n')
      .filter((line) => !line.includes(OURS))
      .join('\n');
  }

  async stop(): Promise<void> {
    for (const plane of this.#planes.values()) await plane.stop();
    await this.#direct.end();
    await this.#server.stop();
  }
}

const OURS = '/* the test itself */';
const SCHEMA = `use shop;
create table t (a int, b varchar(200));
create table u (a int, b varchar(200));
create table forbidden (a int);
insert into forbidden values (1);
create database vault;
create table vault.t (a int);
insert into vault.t values (1);
create procedure fine() select 1;`;
const HELD = `select ${OURS} concat((select count(*) from shop.forbidden where a = 1), ' forbidden, ', (select count(*) from vault.t where a = 1), ' in the vault, ', (select group_concat(concat(table_name, '.', column_name, ' ', column_type)) from information_schema.columns where table_schema = 'shop' and table_name = 'forbidden')) as held`;

/** Says it all, and returns what came after the login, up to the end. */
async function converse(port: number, one: MysqlCase, pieces: readonly Buffer[]): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const watch = setTimeout(() => socket.destroy(new Error('no end within the limit')), LIMIT_MS);
  let failure: Error | null = null;
  const received: Buffer[] = [];
  socket.on('error', (error) => (failure = error));
  socket.on('data', (bytes) => received.push(bytes));
  const ended = once(socket, 'close').catch(() => {});
  await packets(socket, received, 1);
  if (one.opens === undefined) {
    socket.write(client.login41({ user: 'open', response: Buffer.alloc(0), ...one.login }));
    await packets(socket, received, 2);
    received.length = 0;
  }
  for (const piece of one.opens === undefined ? pieces : [one.opens]) {
    if (socket.destroyed) break;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  clearTimeout(watch);
  if (failure !== null && /limit/.test(String(failure))) throw failure;
  return Buffer.concat(received);
}

/** Waits for so many packets, or the end. */
async function packets(socket: Socket, received: readonly Buffer[], count: number): Promise<void> {
  while (!socket.destroyed && whole(Buffer.concat(received)) < count)
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {});
}

function whole(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length && at + 4 + bytes.readUIntLE(at, 3) <= bytes.length; count++)
    at += 4 + bytes.readUIntLE(at, 3);
  return count;
}
