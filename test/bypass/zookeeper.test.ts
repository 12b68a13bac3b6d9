import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zookeeper } from '../../protocol-filters/zookeeper/index.ts';
import { startRealZooKeeper, zooKeeperMissing } from '../support/real-zookeeper.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { forbidden, type ZooKeeperCase, type ZooKeeperRow } from './support/zookeeper.ts';
import { playCut, playReal, Truth, tellTwice } from './support/zookeeper-play.ts';

const files = readdirSync(import.meta.dirname).filter((name) => /^(zk-\d+|x-\d+\.zookeeper)\./.test(name));
const rows: ZooKeeperRow[] = await Promise.all(
  files.map(async (name) => (await import(/* @vite-ignore */ `./${name}`)).row as ZooKeeperRow),
);

describe('bypass: zookeeper', () => {
  let truth: Truth | null = null;
  const planes = new Map<string, GatePlane>();
  const planeOf = async (each: ZooKeeperCase, port: number): Promise<GatePlane> => {
    const key = JSON.stringify(each.options ?? {});
    const known = planes.get(key);
    if (known !== undefined) return known;
    const upstream = { host: '127.0.0.1', port };
    const options = { ...each.options };
    const plane = await startGatePlane({ protocol: zookeeper, policies: forbidden, upstream, options });
    planes.set(key, plane);
    return plane;
  };
  beforeAll(async () => {
    if (zooKeeperMissing() === '') truth = await Truth.of(await startRealZooKeeper({ tickMs: 2000 }));
  });
  afterAll(async () => {
    for (const plane of planes.values()) await plane.stop();
    await truth?.stop();
  });

  test('rows have ids of their own and several cases', () => {
    const ids = rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, cases } of rows) expect(cases.length, id).toBeGreaterThan(1);
  });

  test('X-13 the same stream tells the same twice', () => {
    for (const { cases } of rows)
      for (const each of cases) {
        const [first, second] = tellTwice(each);
        if (first !== second) expect(second).toBe(first);
      }
  });

  for (const { id, title, cases } of rows)
    for (const each of cases) {
      test(`${id} ${title}: ${each.name}`, async (ctx) => {
        playCut(each);
        if (truth === null) return ctx.skip(zooKeeperMissing());
        if (each.notReal === undefined && each.says === undefined)
          await playReal(each, await planeOf(each, truth.server.port), truth);
      });
    }
});
