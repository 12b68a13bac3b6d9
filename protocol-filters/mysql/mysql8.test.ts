import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CachingSha2Server } from './testing/caching-sha2-server.ts';
import { byteByByte, type Line, own, play, type Script, told } from './testing/story.ts';

/**
 * What only MySQL 8 does, through our session: two clients of other authors talk to the scripted server (which was written
 * from the protocol's documentation), a relay between them writes down who said what, and the session reads that.
 */
class Relay {
  readonly script: Line[] = [];
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(upstreamPort: number) {
    this.#server = createServer((downstream) => {
      const upstream = dial(upstreamPort, '127.0.0.1');
      this.#sockets.push(downstream, upstream);
      const pass = (from: Socket, to: Socket, who: '>' | '<'): void => {
        from.on('data', (bytes) => {
          this.script.push([who, bytes]);
          to.write(bytes);
        });
        from.on('end', () => to.end());
        from.on('error', () => to.destroy());
      };
      pass(downstream, upstream, '>');
      pass(upstream, downstream, '<');
    });
  }

  static async to(upstreamPort: number): Promise<Relay> {
    const relay = new Relay(upstreamPort);
    // One client is written down: strangers that dial what was somebody else's port a moment ago are not.
    relay.#server.maxConnections = 1;
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Everything that was said, when both sides have ended. */
  async over(): Promise<Script> {
    await Promise.all(this.#sockets.map((socket) => socket.closed || once(socket, 'close')));
    this.#server.close();
    return this.script;
  }
}

let server: CachingSha2Server;
beforeAll(async () => {
  server = await CachingSha2Server.start({ ann: 'sesame' });
});
afterAll(() => server.close());

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const account = { host: '127.0.0.1', user: 'ann', password: 'sesame', database: 'shop' };

/** Reads the script whole, and byte by byte: both tell the same. */
function read(script: Script) {
  const on = play(script);
  const cut = play(script, {}, byteByByte);
  expect(told(cut)).toEqual(told(on));
  // What was said, for whoever reads of a failure: scrambles and the cuts of reads are never the same twice.
  const said = script.map(([who, bytes]) => `${who} ${Buffer.from(bytes).toString('hex')}`).join('\n');
  expect(on.harness.opaqueReasons, said).toEqual([]);
  expect(on.harness.facts).toMatchObject({ user: 'ann', database: 'shop', serverVersion: '8.0.36' });
  return on;
}

describe('mysql2', () => {
  for (const compress of [false, true])
    for (const how of ['full', 'fast'] as const)
      test(`${how} authentication${compress ? ', compressed' : ''}`, async () => {
        if (how === 'full') server.forgetCache();
        const before = server.logins[how];
        const relay = await Relay.to(server.port);
        const client = await mysql.createConnection({ ...account, port: relay.port, compress });
        await client.query('select 1');
        await client.execute('select ?', ['2']);
        await client.query('update goods set a = 1');
        await expect(client.query('select * from missing')).rejects.toThrow();
        await client.query('select x limit 300');
        await client.end();
        expect(server.logins[how] - before).toBe(1);

        const on = read(await relay.over());
        expect(told(on)).toEqual([
          'query | select ? | ok | returned 1',
          'execute | select ? | ok | returned 1 | prepared',
          'query | update goods set a = ? | ok | affected 1',
          'query | select * from missing | error | 1146',
          'query | select x limit ? | ok | returned 300',
        ]);
        expect(own(on, 'logins_ok')).toBe(1);
        expect(own(on, 'compressed_zlib')).toBe(compress ? 1 : 0);
        expect(on.harness.facts.driver).toMatch(/^Node-MySQL-2 \d/);
      });

  test('query attributes of every type, and the traceparent among them', async () => {
    const relay = await Relay.to(server.port);
    const client = await mysql.createConnection({ ...account, port: relay.port });
    const attributes = {
      text: "'; drop table goods; --",
      number: 1.5,
      truth: true,
      nothing: null,
      bytes: Buffer.from([0, 0xfb, 0xff]),
      date: new Date(0),
      traceparent: TRACE,
      long: 'x'.repeat(300),
      ninth: '9',
    };
    await client.query({ sql: 'select 7', attributes });
    await client.query({ sql: 'select 8' });
    await client.execute({ sql: 'select ?', values: ['9'], attributes });
    await client.execute({ sql: 'select ?', values: ['9'] });
    await client.end();
    expect(server.texts.slice(-3)).toEqual(['select 7', 'select 8', 'select ?']);

    const on = read(await relay.over());
    expect(told(on).map((line) => line.split(' | ')[1])).toEqual(Array(4).fill('select ?'));
    expect(on.harness.ended.map(({ traceparent }) => traceparent)).toEqual([TRACE, '', TRACE, '']);
  });

  test('COM_CHANGE_USER and COM_RESET_CONNECTION', async () => {
    const relay = await Relay.to(server.port);
    const client = await mysql.createConnection({ ...account, port: relay.port });
    await client.changeUser({ ...account });
    await client.query('select 1');
    await client.reset();
    await client.end();
    const on = read(await relay.over());
    expect(told(on)).toEqual([
      'change_user | change user | ok',
      'query | select ? | ok | returned 1',
      'reset_connection | reset connection | ok',
    ]);
  });
});

describe('mariadb connector', () => {
  for (const compress of [false, true])
    test(compress ? 'compressed' : 'plain', async () => {
      server.forgetCache();
      const relay = await Relay.to(server.port);
      const client = await mariadb.createConnection({
        ...account,
        port: relay.port,
        compress,
        allowPublicKeyRetrieval: true,
      });
      await client.query('select 1');
      await client.execute('select ?', ['2']);
      await client.beginTransaction();
      await client.query('delete from goods where id = 1');
      await client.rollback();
      await client.query('use other');
      await client.query('use shop');
      await client.end();
      const on = read(await relay.over());
      expect(told(on)).toEqual([
        'query | select ? | ok | returned 1',
        'execute | select ? | ok | returned 1 | prepared',
        'query | start transaction | ok | transaction 1',
        'query | delete from goods where id = ? | ok | affected 1 | inTransaction | transaction 1',
        'query | rollback | ok | inTransaction | transaction 1',
        'query | use other | ok',
        'query | use shop | ok',
      ]);
      expect(on.harness.facts.driver).toMatch(/^MariaDB connector\/Node \d/);
    });
});
