import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CachingSha2Server } from './caching-sha2-server.ts';

/** mysql2 against the scripted server: what our stand-in says is what a real client takes for MySQL 8. */
let server: CachingSha2Server;
beforeAll(async () => {
  server = await CachingSha2Server.start({ ann: 'sesame', bob: 'hunter2', nobody: '' });
});
afterAll(() => server.close());

const connect = (user = 'ann', password = 'sesame', more: mysql.ConnectionOptions = {}) =>
  mysql.createConnection({ host: '127.0.0.1', port: server.port, user, password, database: 'shop', ...more });

describe('logins', () => {
  test('full with the RSA key the first time, fast from then on, full again when the cache is gone', async () => {
    const before = { ...server.logins };
    for (const [full, fast] of [
      [1, 0],
      [1, 1],
      [1, 2],
    ] as const) {
      const client = await connect();
      await client.end();
      expect([server.logins.full - before.full, server.logins.fast - before.fast]).toEqual([full, fast]);
    }
    server.forgetCache();
    await (await connect()).end();
    expect([server.logins.full - before.full, server.logins.fast - before.fast]).toEqual([2, 2]);
  });

  test('a wrong password is refused, cached or not', async () => {
    server.forgetCache();
    await expect(connect('ann', 'wrong')).rejects.toMatchObject({ errno: 1045, sqlState: '28000' });
    await (await connect()).end();
    await expect(connect('ann', 'wrong')).rejects.toMatchObject({ errno: 1045 });
  });

  test('no password', async () => {
    const before = server.logins.empty;
    await (await connect('nobody', '')).end();
    expect(server.logins.empty - before).toBe(1);
  });

  test('COM_CHANGE_USER', async () => {
    const client = await connect();
    await client.changeUser({ user: 'bob', password: 'hunter2', database: 'shop' });
    expect(await client.query('select 1')).toMatchObject([[{ value: '1' }], expect.anything()]);
    await client.end();
  });
});

for (const compress of [false, true])
  describe(compress ? 'compressed' : 'plain', () => {
    test('queries', async () => {
      const client = await connect('ann', 'sesame', { compress, multipleStatements: true });
      const [rows] = await client.query("select 'hello'");
      expect(rows).toEqual([{ value: 'hello' }]);
      const [many] = await client.query('select x limit 1000');
      expect(many).toHaveLength(1000);
      const [written] = await client.query('update goods set a = 1');
      expect(written).toMatchObject({ affectedRows: 1 });
      await expect(client.query('select * from missing')).rejects.toMatchObject({ errno: 1146, sqlState: '42S02' });
      await expect(client.query('selec 1')).rejects.toMatchObject({ errno: 1064 });
      const [both] = await client.query('select 1; select 2');
      expect(both).toEqual([[{ value: '1' }], [{ value: '2' }]]);
      await client.ping();
      await client.end();
    });

    test('prepared statements', async () => {
      const client = await connect('ann', 'sesame', { compress });
      for (let i = 0; i < 3; i++) {
        const [rows] = await client.execute('select ?', [`${i}`]);
        expect(rows).toMatchObject([{}]);
        expect(rows).toHaveLength(1);
      }
      await expect(client.execute('select ? from missing', ['x'])).rejects.toMatchObject({ errno: 1146 });
      const [written] = await client.execute('insert into goods values (?)', ['x']);
      expect(written).toMatchObject({ affectedRows: 1 });
      await client.end();
    });

    test('transactions', async () => {
      const client = await connect('ann', 'sesame', { compress });
      await client.beginTransaction();
      await client.query('insert into goods values (1)');
      await client.commit();
      await client.end();
    });
  });
