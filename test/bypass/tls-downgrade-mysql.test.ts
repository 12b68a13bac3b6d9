import mysql2 from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mysql } from '../../protocol-filters/mysql/index.ts';
import { mysqlParserReady } from '../support/mysql-gated.ts';
import { needs } from '../support/needs.ts';
import { mariadbPrograms, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { GUARD } from './support/mysql.ts';

let server: RealMariadb | null = null;
let plane: GatePlane;
beforeAll(async () => {
  if (mariadbPrograms() === null) return;
  await mysqlParserReady();
  server = await startRealMariadb({ tls: true });
  plane = await startGatePlane({
    protocol: mysql,
    policies: GUARD,
    upstream: { host: '127.0.0.1', port: server.port },
  });
});
afterAll(async () => {
  await plane?.stop();
  await server?.stop();
});

const told = async (port: number, ssl: boolean): Promise<string> => {
  const config = { host: '127.0.0.1', port, user: 'open', ...(ssl && { ssl: { rejectUnauthorized: false } }) };
  try {
    const client = await mysql2.createConnection(config);
    const [rows] = await client.query('select 42 as answer');
    await client.end();
    return JSON.stringify(rows);
  } catch (error) {
    return String((error as { code?: string }).code ?? error);
  }
};

// MY-05: the bit leaves the greeting where policies are enforced; a driver that insists says so, and sends nothing in clear.
test('MY-05 a driver that insists on TLS fails visibly at the gate', async (ctx) => {
  needs(ctx, 'mariadb');
  needs(ctx, 'openssl');
  expect(await told(server!.port, true)).toBe('[{"answer":42}]');
  expect(await told(plane.port, true)).toBe('HANDSHAKE_NO_SSL_SUPPORT');
  expect(await told(plane.port, false)).toBe('[{"answer":42}]');
  expect(plane.log.filter((line) => /not offered TLS/.test(line))).toHaveLength(1);
  await plane.settled();
  expect(plane.counts.allowed).toBeGreaterThan(0);
});
