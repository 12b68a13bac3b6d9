import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CannedServer, type KafkaLoadKind, runKafkaLoad, startCannedServer } from './load.ts';

let server: CannedServer;
beforeAll(async () => {
  server = await startCannedServer();
});
afterAll(() => server?.stop());

const KINDS: readonly KafkaLoadKind[] = ['produce', 'produce-1mb', 'fetch-1mb', 'metadata'];

test('every load is answered by the stand-in, each reply to its own request', async () => {
  for (const kind of KINDS) {
    const { queries, seconds, p50Us, p99Us } = await runKafkaLoad(server, 0.1, { kind, clients: 3 });
    expect({ kind, some: queries >= 3, timed: seconds >= 0.1 && p50Us > 0 && p99Us >= p50Us }).toEqual({
      kind,
      some: true,
      timed: true,
    });
  }
});

test('beside another load the slowest is told', async () => {
  const load = { kind: 'produce', clients: 2, beside: 'metadata' } as const;
  const { queries, p50Us, p99Us } = await runKafkaLoad(server, 0.1, load);
  expect(queries).toBeGreaterThan(2);
  expect(p99Us).toBeGreaterThan(p50Us);
});

test('a server that is gone fails the load, and it says why', async () => {
  const gone = await startCannedServer();
  await gone.stop();
  await expect(runKafkaLoad(gone, 30, { kind: 'produce', clients: 2 })).rejects.toThrow('ECONNREFUSED');
});
