import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mongodb } from '../../protocol-filters/mongodb/index.ts';
import { startMongoServer } from '../support/mongo-server/server.ts';
import { MongoWire } from '../support/mongo-wire.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { forbidden, type MongoCase, type MongoRow } from './support/mongodb.ts';
import { optionsOf, playCut, playReal, Truth } from './support/mongodb-play.ts';

const files = readdirSync(import.meta.dirname).filter((name) => /^(mg-\d+|x-\d+\.mongodb)\./.test(name));
const rows: MongoRow[] = await Promise.all(files.map(async (name) => (await import(`./${name}`)).row as MongoRow));

// No mongod can be had: what the server did is the record of our stand-in, which knows nothing of the filter.
describe('bypass: mongodb', () => {
  let truth: Truth;
  const planes = new Map<string, GatePlane>();
  const planeOf = async (each: MongoCase): Promise<GatePlane> => {
    const key = JSON.stringify(each.options ?? {});
    const known = planes.get(key);
    if (known !== undefined) return known;
    const upstream = { host: '127.0.0.1', port: truth.server.port };
    const options = { ...optionsOf(each.options) };
    const plane = await startGatePlane({ protocol: mongodb, policies: forbidden, upstream, options });
    planes.set(key, plane);
    return plane;
  };
  beforeAll(async () => {
    const server = await startMongoServer({ replicaSet: { name: 'rs' }, telemetrySections: true });
    truth = new Truth(server, await MongoWire.to(server.port));
  });
  afterAll(async () => {
    for (const plane of planes.values()) await plane.stop();
    await truth?.direct.end();
    await truth?.server.stop();
  });

  test('there is a row for each row of the threat catalogue', () => {
    const ids = rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const prefix of ['MG', 'X'])
      expect(ids.filter((id) => id.startsWith(`${prefix}-`)).length).toBe(prefix === 'MG' ? 19 : 13);
    for (const { id, cases } of rows) expect(cases.length, id).toBeGreaterThan(1);
  });

  for (const { id, title, cases } of rows)
    for (const [place, each] of cases.entries())
      test(`${id} ${title}: ${each.name}`, async () => {
        playCut(each, place);
        if (each.notReal === undefined && each.breaks !== true) await playReal(each, place, await planeOf(each), truth);
      });
});
