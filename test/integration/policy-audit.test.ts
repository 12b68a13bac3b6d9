import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { MAX_OPEN } from '../../protocol-filters/redis/downstream.ts';
import { redis } from '../../protocol-filters/redis/index.ts';
import { which } from '../../scripts/debian-packages.mjs';
import { runCheck } from '../../src/cli/check.ts';
import { Flag } from '../../src/exchange/exchange.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { snapshotName } from '../../src/policy/snapshot-name.ts';
import { filterSchemas } from '../../src/server/catalog.ts';
import { type EndedVerdict, type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { batch, bind, execute, extended, parse, query, startup, sync } from '../bypass/support/postgres.ts';
import { awaitLines, readLog } from '../support/access-log-file.ts';
import { freePort } from '../support/free-port.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { command, RedisError, RedisWire } from '../support/redis-wire.ts';
import { runSluice } from '../support/run-sluice.ts';

// Each verdict yields one event, with the policies that judged and the bytes of its message: threats R15, R14.

/** The client's bytes that an event tells of. */
const bytesOf = (sent: Buffer, { requestOffset, requestBytes }: EndedVerdict): string =>
  sent.toString('latin1', requestOffset, requestOffset + requestBytes);

describe('Redis', () => {
  const NO_DEL = policySet([{ name: 'no del', action: 'deny', operations: ['del'] }]);
  const NO_SET = policySet([{ name: 'no set', action: 'deny', operations: ['set'] }]);
  let server: RealRedis;
  let plane: GatePlane;

  beforeAll(async () => {
    if (which('redis-server') === null) return;
    server = await startRealRedis();
    plane = await startGatePlane({
      protocol: redis,
      policies: NO_DEL,
      upstream: { host: '127.0.0.1', port: server.port },
    });
  });
  beforeEach((ctx) => {
    needs(ctx, 'redis');
    plane.ended.length = 0;
  });
  afterAll(async () => {
    await plane?.stop();
    await server?.stop();
  });

  test('pipelined messages: one event each, with its own bytes, whatever became of it', async () => {
    const commands = [
      command('set', 'a', 'x'.repeat(5000)),
      command('del', 'a'),
      command('get', 'a'),
      command('nonsense'),
      Buffer.from('ping\r\n'),
      command('multi'),
      command('set', 'b', '1'),
      command('del', 'b'),
      command('exec'),
      command('get', 'b'),
    ];
    const sent = Buffer.concat(commands);
    for (const cuts of [[], [1, 5020, 5030], Array.from({ length: sent.length }, (_, at) => at)]) {
      plane.ended.length = 0;
      const client = await RedisWire.to(plane.port);
      let at = 0;
      for (const to of [...cuts, sent.length]) {
        client.write(sent.subarray(at, to));
        at = to;
        if (cuts.length < 10) await new Promise(setImmediate);
      }
      for (const _ of commands) expect(await client.next()).toBeDefined();
      await plane.settled();
      client.socket.destroy();
      const told = [...plane.ended].sort((a, b) => a.requestOffset - b.requestOffset);
      expect(told.map((each) => bytesOf(sent, each))).toEqual(commands.map((bytes) => bytes.toString('latin1')));
      expect(new Set(told.map(({ policySnapshot }) => policySnapshot))).toEqual(new Set([snapshotName(NO_DEL)]));
      expect(told.filter(({ verdict }) => verdict === 'denied').map(({ kind }) => kind)).toContain('del');
    }
  });

  test('above the in-flight cap too', async () => {
    const PING = command('ping');
    const count = MAX_OPEN + 20;
    const client = await RedisWire.to(plane.port);
    await server.ask('client', 'pause', '300', 'all'); // so that all of them are in flight at once
    client.write(Buffer.concat(new Array<Buffer>(count).fill(PING)));
    for (let i = 0; i < count; i++) expect(await client.next()).toBe('PONG');
    await plane.settled();
    client.socket.destroy();
    const told = plane.ended.filter(({ kind }) => kind === 'ping');
    const untimed = told.filter(({ flags }) => (flags & Flag.untimed) !== 0);
    expect(untimed.length).toBeGreaterThan(0);
    expect(told.map(({ requestOffset }) => requestOffset)).toEqual(told.map((_, i) => i * PING.length));
    expect(new Set(told.map((x) => `${x.verdict} ${x.policySnapshot}`))).toEqual(
      new Set([`allowed ${snapshotName(NO_DEL)}`]),
    );
  });

  test('a reload is told of from the message on at which it took effect', async () => {
    const client = await RedisWire.to(plane.port);
    const said: string[] = [];
    for (const policies of [NO_DEL, NO_SET, NO_SET, NO_DEL]) {
      await plane.setPolicies(policies);
      for (const each of ['set', 'del']) {
        client.write(each === 'set' ? command('set', 'c', '1') : command('del', 'c'));
        const reply = await client.next();
        said.push(`${each} ${reply instanceof RedisError ? 'denied' : 'allowed'} ${snapshotName(policies)}`);
      }
    }
    await plane.settled();
    client.socket.destroy();
    expect(plane.ended.map((x) => `${x.kind} ${x.verdict} ${x.policySnapshot}`)).toEqual(said);
    expect(said[0]).toBe(`set allowed ${snapshotName(NO_DEL)}`);
    expect(said[2]).toBe(`set denied ${snapshotName(NO_SET)}`);
  });
});

describe('Postgres', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-audit-'));
  const NO_DROP = policySet([{ name: 'no drop', action: 'deny', operations: ['drop'] }]);
  let server: RealPostgres;

  beforeAll(async () => {
    server = await startRealPostgres('embedded');
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('pipelined messages, simple and extended: one event each, from its first step to its Sync', async () => {
    const plane = await startGatePlane({
      protocol: postgres,
      policies: NO_DROP,
      upstream: { host: '127.0.0.1', port: server.port },
    });
    try {
      const messages = [
        query('select 1'),
        query('select 2; select 3'),
        extended('select 4'),
        query('drop table nothing'),
        extended('drop table nothing'),
        batch(parse('select 5', 'five'), bind('five'), execute(), sync()),
        batch(bind('five'), execute(), sync()),
        batch(parse('drop table x', 'six'), sync()),
        query('select 7'),
      ];
      const hello = startup();
      const socket = connect(plane.port, '127.0.0.1');
      let heard = Buffer.alloc(0);
      socket.on('data', (bytes: Buffer) => (heard = Buffer.concat([heard, bytes])));
      const READY = Buffer.from('5a0000000549', 'hex');
      const ready = (): number => heard.toString('latin1').split(READY.toString('latin1')).length - 1;
      socket.write(hello);
      await poll('it is logged in', () => ready() === 1);
      socket.write(Buffer.concat(messages));
      await poll('all is answered', () => ready() === 1 + messages.length);
      await plane.settled();
      socket.destroy();
      await once(socket, 'close');
      const sent = Buffer.concat([hello, ...messages]);
      const told = plane.ended.filter(({ verdict }) => verdict !== '');
      const firsts = told.filter(({ requestBytes }) => requestBytes > 0);
      const inOrder = firsts.sort((a, b) => a.requestOffset - b.requestOffset);
      const withoutSync = (bytes: string): string => (bytes.endsWith('S\0\0\0\x04') ? bytes.slice(0, -5) : bytes);
      expect(inOrder.map((x) => withoutSync(bytesOf(sent, x)))).toEqual(
        messages.map((bytes) => withoutSync(bytes.toString('latin1'))),
      );
      // Statements of one text share its place.
      const [second] = told.filter(({ text, requestBytes }) => text === 'select ?' && requestBytes === 0);
      expect(second?.requestOffset).toBe(hello.length + messages[0]!.length);
      expect(told.map(({ policySnapshot }) => policySnapshot)).toEqual(told.map(() => snapshotName(NO_DROP)));
      expect(inOrder.map(({ verdict }) => (verdict === 'denied' ? 'd' : 'a')).join('')).toBe('aaaddaada');
    } finally {
      await plane.stop();
    }
  });

  test('all workers, the log and `sluice check` have one name for the same file, before and after a reload', async () => {
    const port = await freePort();
    const file = path.join(folder, 'sluice.yaml');
    const log = path.join(folder, 'exchanges.jsonl');
    const write = (operation: string): void =>
      writeFileSync(
        file,
        `concurrency: 2
proxies:
  - name: shop
    upstream: postgres://127.0.0.1:${server.port}
    listen: 127.0.0.1:${port}
    access_log: ${log}
policies:
  - { name: no ${operation}, action: deny, operations: ${operation} }
`,
      );
    /** The name that the file has for `check`. */
    const checked = async (): Promise<string> => {
      let said = '';
      const io = {
        stdout: { write: (text: string) => (said += text) },
        stderr: { write: (text: string) => (said += text) },
        readFile: async (name: string) => (await import('node:fs/promises')).readFile(name, 'utf8'),
        filters: filterSchemas(),
      };
      expect(await runCheck({ config: file }, io), said).toBe(0);
      return /shop: policies ([0-9a-f]{12}) \(1 enforced\)/.exec(said)![1]!;
    };
    write('drop');
    const before = await checked();
    const proxy = await runSluice({ args: ['-c', file] });
    try {
      const clients = Array.from(
        { length: 4 },
        () => new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }),
      );
      for (const client of clients) await client.connect();
      const askAll = () => Promise.all(clients.map((client) => client.query('select 1')));
      await askAll();
      write('truncate');
      const after = await checked();
      expect(after).not.toBe(before);
      proxy.process.kill('SIGHUP');
      const truncates = () =>
        Promise.all(
          clients.map((client) => client.query('truncate nothing').catch(({ code }: { code: string }) => code)),
        );
      await poll('all workers judge by the new file', async () =>
        (await truncates()).every((code) => code === '42501'),
      );
      await askAll();
      for (const client of clients) await client.end();
      await awaitLines(log, ({ event }) => event === 'connection', clients.length);
      const lines = readLog(log).filter(({ verdict }) => verdict !== undefined && verdict !== '');
      expect(new Set(lines.map(({ worker }) => worker)).size).toBe(2);
      const sessions = new Set(lines.map((line) => line['session_id']));
      expect(sessions.size).toBe(clients.length);
      for (const session of sessions) {
        const told = lines.filter((line) => line['session_id'] === session);
        const inOrder = told.sort((a, b) => (a['request_offset'] as number) - (b['request_offset'] as number));
        const names = inOrder.map((line) => line['policy_snapshot']);
        expect(names[0]).toBe(before);
        expect(names.at(-1)).toBe(after);
        // Once it has changed, it has changed.
        expect(names.slice(names.indexOf(after)).every((name) => name === after)).toBe(true);
        for (const [i, line] of inOrder.slice(1).entries())
          expect(line['request_offset']).toBe(
            (inOrder[i]!['request_offset'] as number) + (inOrder[i]!['request_bytes'] as number),
          );
        for (const line of inOrder.filter(({ verdict }) => verdict === 'denied'))
          expect(line['policy_snapshot']).toBe(after);
      }
      const { policies } = await proxy.getJson<{ policies: { policy: string; snapshot: string }[] }>('/api/policies');
      expect(policies.find(({ policy }) => policy === 'no truncate')?.snapshot).toBe(after);
    } finally {
      await proxy.stop();
    }
  });
});
