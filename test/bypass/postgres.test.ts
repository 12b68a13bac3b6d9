import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { SERVERS, startRealPostgres } from '../support/real-postgres.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import type { PgCase, PgRow } from './support/postgres.ts';
import { eventsOf, playCut, playReal } from './support/postgres-play.ts';
import { Truth } from './support/postgres-truth.ts';

const files = readdirSync(import.meta.dirname).filter((name) => /^(pg-\d+|x-\d+\.postgres)\./.test(name));
const rows: PgRow[] = await Promise.all(
  files.map(async (name) => (await import(/* @vite-ignore */ `./${name}`)).row as PgRow),
);

/** How a case's bytes are cut before a real server: in every way the first ones of a row, the others in one or two. */
const MODES = { debian: ['whole', 'byte by byte', '1', '2', '3'], embedded: ['whole'] } as const;
const FIRST = 4;
const EVERY = process.env['SLUICE_EVERY_CUT'] === '1';

function modesOf(server: keyof typeof MODES, i: number): readonly string[] {
  if (EVERY || i < FIRST) return MODES[server];
  if (server === 'embedded') return i % 4 === 0 ? ['whole'] : [];
  return i % 2 === 0 ? ['whole'] : [String(i)];
}

describe('bypass: postgres', () => {
  const truths: Truth[] = [];
  const planes = new Map<string, GatePlane>();
  const planeOf = async (each: PgCase, truth: Truth): Promise<GatePlane> => {
    const keeps = each.retells === true;
    const key = `${truth.server.name} ${keeps} ${JSON.stringify(each.policies)}`;
    const known = planes.get(key);
    if (known !== undefined) return known;
    const upstream = { host: '127.0.0.1', port: truth.server.port };
    const plane = await startGatePlane({ protocol: postgres, policies: each.policies, upstream, keeps });
    planes.set(key, plane);
    return plane;
  };
  beforeAll(async () => {
    for (const name of SERVERS)
      truths.push(await Truth.of(await startRealPostgres(name, { settings: { log_statement: 'all', fsync: 'off' } })));
  });
  afterAll(async () => {
    for (const plane of planes.values()) await plane.stop();
    for (const truth of truths) await truth.stop();
  });

  test('there is a row for each row of the threat catalogue, with several cases', () => {
    const ids = rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, cases } of rows) expect(cases.length, id).toBeGreaterThan(1);
  });

  test('X-13 the same bytes tell the same each time', () => {
    const told = (): string[] =>
      rows.flatMap(({ cases }) => cases.filter(({ lines }) => lines === undefined).map((each) => eventsOf(each)));
    expect(told()).toEqual(told());
  });

  for (const { id, title, cases } of rows)
    cases.forEach((each, i) => {
      test(`${id} ${title}: ${each.name}`, async () => {
        if (each.notFake === undefined) playCut(each);
        if (each.notReal !== undefined) return;
        await Promise.all(
          truths.map(async (truth) => {
            const { since = 0 } = each;
            const modes = since > 0 ? ['whole'] : modesOf(truth.server.name, i);
            if (truth.server.version < since) return;
            if (modes.length > 0) await playReal(each, await planeOf(each, truth), truth, modes);
          }),
        );
      });
    });

  test('no server has begun to run what was denied', async () => {
    for (const truth of truths) {
      const ran = await truth.ran();
      expect(ran).toContain('41 + 1'); // the log does log
      expect(ran.split('\n').filter((line) => /\bpay\b/.test(line) && !/fine|denied/.test(line))).toEqual([]);
    }
  });
});
