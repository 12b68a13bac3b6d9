import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redis } from '../../protocol-filters/redis/index.ts';
import { which } from '../../scripts/debian-packages.mjs';
import { needs } from '../support/needs.ts';
import { startRealRedis } from '../support/real-redis.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { forbidden, type RedisCase, type RedisRow } from './support/redis.ts';
import { optionsOf, playCut, playReal, Truth, tellTwice } from './support/redis-play.ts';

const files = readdirSync(import.meta.dirname).filter((name) => /^(rd-\d+|x-\d+\.redis)\./.test(name));
const rows: RedisRow[] = await Promise.all(
  files.map(async (name) => (await import(/* @vite-ignore */ `./${name}`)).row as RedisRow),
);

describe('bypass: redis', () => {
  let truth: Truth;
  const planes = new Map<string, GatePlane>();
  const planeOf = async (each: RedisCase): Promise<GatePlane> => {
    const key = JSON.stringify(each.options ?? {});
    const known = planes.get(key);
    if (known !== undefined) return known;
    const upstream = { host: '127.0.0.1', port: truth.server.port };
    const plane = await startGatePlane({
      protocol: redis,
      policies: forbidden,
      upstream,
      options: { ...optionsOf(each.options) },
    });
    planes.set(key, plane);
    return plane;
  };
  beforeAll(async () => {
    if (which('redis-server') === null) return;
    truth = await Truth.of(await startRealRedis());
  });
  afterAll(async () => {
    for (const plane of planes.values()) await plane.stop();
    await truth?.stop();
  });

  test('there is a row for each row of the threat catalogue', () => {
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
        needs(ctx, 'redis');
        if (each.notReal === undefined && each.says === undefined) await playReal(each, await planeOf(each), truth);
      });
    }
});
