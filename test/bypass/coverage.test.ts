import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { BypassCase, BypassRow, Rule } from './support/row.ts';

type AnyRow = BypassRow<BypassCase>;

const files = readdirSync(import.meta.dirname).filter((name) => /^[a-z]{1,2}-\d+\..*(?<!\.test)\.ts$/.test(name));
const rows = await Promise.all(
  files.map(async (file) => ({ file, ...((await import(`./${file}`)) as { row: AnyRow }).row })),
);
/** Rows of the threat catalogue, by their prefix: how many there are. */
const CATALOGUE = { X: 13, PG: 30, MY: 24, MG: 19, RD: 21, KF: 19, ZK: 7 } as const;
const PROTOCOLS = ['postgres', 'mysql', 'mongodb', 'redis', 'kafka', 'zookeeper'];

test('every row of the catalogue is played', () => {
  const ids = Object.entries(CATALOGUE).flatMap(([prefix, count]) =>
    Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`),
  );
  const played = new Set(rows.map(({ id }) => id));
  expect(ids.filter((id) => !played.has(id))).toEqual([]);
});

test('every row that is of all protocols is played for each of them', () => {
  const played = new Set(rows.map(({ file, id }) => `${id} ${file.split('.')[1]}`));
  const wanted = Array.from({ length: CATALOGUE.X }, (_, i) => `X-${String(i + 1).padStart(2, '0')}`).flatMap((id) =>
    PROTOCOLS.map((protocol) => `${id} ${protocol}`),
  );
  expect(wanted.filter((each) => !played.has(each))).toEqual([]);
});

test('a file is named after its row', () => {
  for (const { file, id } of rows) expect(file.slice(0, file.indexOf('.')).toUpperCase()).toBe(id);
});

test('there are three hundred cases and more, several for each row', () => {
  const count = rows.reduce((sum, { cases }) => sum + cases.length, 0);
  expect(count).toBeGreaterThanOrEqual(300);
  // X-13 plays the corpus of its protocol twice.
  const few = rows.filter(({ id, cases }) => id !== 'X-13' && cases.length < 2).map(({ file }) => file);
  expect(few).toEqual([]);
});

test('each of the fifteen rules is guarded by some row', () => {
  const guarded = new Set(rows.flatMap(({ rules }) => rules));
  const all = Array.from({ length: 15 }, (_, i): Rule => `R${i + 1}` as Rule);
  expect(all.filter((rule) => !guarded.has(rule))).toEqual([]);
});
