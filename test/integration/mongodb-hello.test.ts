import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MongoClient, type MongoClientOptions } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type MongoServer, startMongoServer } from '../support/mongo-server/server.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// Where replies to hello lead a driver that looks for a replica set: past the proxy, or back to it.

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-mongodb-hello-'));
let member: MongoServer;
beforeAll(async () => {
  member = await startMongoServer({ replicaSet: { name: 'rs' } });
});
afterAll(async () => {
  await member.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Sluice before the member, its proxy with these options. */
async function sluiceBefore(port: number, options: object): Promise<RunningSluice> {
  const file = path.join(folder, `${port}.yaml`);
  const proxy = { listen: `127.0.0.1:${port}`, upstream: member.url, ...options };
  writeFileSync(file, JSON.stringify({ proxies: [proxy] }));
  return runSluice({ concurrency: 1, args: ['-c', file] });
}

async function stat(sluice: RunningSluice, name: string): Promise<number> {
  const text = await sluice.getText('/stats');
  return Number(new RegExp(`^sluice\\.mongodb\\.[^.]+\\.${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** What a driver finds behind a port, and what it does there: inserts so many documents and reads them. */
async function useIt(port: number, query: string, options: MongoClientOptions = {}): Promise<string[]> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?${query}`, {
    serverSelectionTimeoutMS: 5000,
    heartbeatFrequencyMS: 500,
    ...options,
  });
  try {
    const seen: string[] = [];
    client.on('topologyDescriptionChanged', ({ newDescription }) => seen.push(...newDescription.servers.keys()));
    await client.connect();
    const orders = client.db('shop').collection<{ n: number }>(`orders${port}`);
    await orders.insertMany([{ n: 1 }, { n: 2 }]);
    expect(await orders.countDocuments({ n: { $gt: 1 } })).toBe(1);
    expect(await orders.find().toArray()).toHaveLength(2);
    return [...new Set(seen)].sort();
  } finally {
    await client.close();
  }
}

describe.concurrent('a driver that looks for the replica set', () => {
  test('is led past the proxy, and somebody says so once', async () => {
    const port = await freePort();
    const sluice = await sluiceBefore(port, {});
    try {
      const servers = await useIt(port, 'replicaSet=rs');
      expect(servers).toContain(`127.0.0.1:${member.port}`);
      await poll('the hint is counted', async () => (await stat(sluice, 'bypass_hint')) > 0);
      expect(await stat(sluice, 'documents_inserted')).toBe(0);
      await poll('it was said', () => /directConnection=true/.test(sluice.stdout() + sluice.stderr()));
      expect((sluice.stdout() + sluice.stderr()).match(/MongoDB replies to hello/g)).toHaveLength(1);
    } finally {
      await sluice.stop();
    }
  });

  test('stays with rewrite_hello: the set has one member, the proxy; streaming monitors too', async () => {
    const port = await freePort();
    const address = `localhost:${port}`;
    const sluice = await sluiceBefore(port, { rewrite_hello: { address } });
    try {
      const servers = await useIt(port, 'replicaSet=rs', { serverMonitoringMode: 'stream' });
      expect(servers.filter((server) => !server.endsWith(`:${port}`))).toEqual([]);
      expect(servers).toContain(address);
      await poll('both documents are counted', async () => (await stat(sluice, 'documents_inserted')) === 2);
      await poll('it is counted', async () => (await stat(sluice, 'hellos_rewritten')) > 0);
      expect(await stat(sluice, 'bypass_hint')).toBe(0);
      expect(sluice.stdout() + sluice.stderr()).not.toMatch(/directConnection=true/);
      // A change at the server reaches the driver through the stream that is rewritten.
      const client = new MongoClient(`mongodb://127.0.0.1:${port}/?replicaSet=rs`, { serverMonitoringMode: 'stream' });
      const types: string[] = [];
      client.on('serverDescriptionChanged', ({ newDescription: { type, address: where } }) =>
        types.push(`${type} ${where}`),
      );
      await client.connect();
      await poll('a primary', () => types.includes(`RSPrimary ${address}`));
      member.setPrimary(false);
      await poll('a secondary', () => types.includes(`RSSecondary ${address}`));
      member.setPrimary(true);
      await client.close();
      expect(types.filter((type) => !type.endsWith(`:${port}`))).toEqual([]);
    } finally {
      member.setPrimary(true);
      await sluice.stop();
    }
  });
});
