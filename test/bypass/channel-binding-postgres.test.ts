import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { runClient } from '../support/psql.ts';
import { PASSWORD, type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { handsOff } from './support/postgres.ts';

let server: RealPostgres;
let plane: GatePlane;
beforeAll(async () => {
  server = await startRealPostgres('debian', { tls: true });
  const upstream = { host: '127.0.0.1', port: server.port };
  plane = await startGatePlane({ protocol: postgres, policies: handsOff, upstream });
});
afterAll(async () => {
  await plane?.stop();
  await server?.stop();
});

/** What libpq says with this wish: at the server itself, or through the gate. */
const asks = (binding: string, port: number, sslmode: string) =>
  runClient('psql', ['-X', '-tA', '-c', 'select 42', `channel_binding=${binding} dbname=postgres`], {
    port,
    sslmode,
    user: 'scram',
    password: PASSWORD,
  });

// PG-12: under TLS the server offers PLUS, and libpq takes it; where there is no TLS to it, a client that insists fails.
test('PG-12 a client that requires channel binding is let in by the server, and fails visibly at the gate', async () => {
  const direct = await asks('require', server.port, 'require');
  expect([direct.code, direct.stdout]).toEqual([0, '42\n']);
  for (const sslmode of ['prefer', 'disable']) {
    const gated = await asks('require', plane.port, sslmode);
    expect(gated.code).toBe(2);
    expect(gated.stderr).toMatch(/channel binding/);
    expect(gated.stdout).toBe('');
  }
  const required = await asks('require', plane.port, 'require');
  expect(required.code).toBe(2);
  expect(required.stderr).toMatch(/does not support SSL/);
});

test('PG-12 one that only prefers it comes in without, and is judged', async () => {
  const gated = await asks('prefer', plane.port, 'prefer');
  expect([gated.code, gated.stdout]).toEqual([0, '42\n']);
  await plane.settled();
  expect(plane.ended.map(({ user, verdict }) => [user, verdict])).toContainEqual(['scram', 'allowed']);
});
