import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaCase, KafkaRow } from './support/kafka.ts';
import { playBreaks } from './support/kafka-breaks.ts';
import { byteByByte, cutAt, playCase, prepared, whole } from './support/kafka-play.ts';
import { KafkaTruth } from './support/kafka-truth.ts';
import { cutsOf } from './support/row.ts';

const files = readdirSync(import.meta.dirname).filter((name) => /^(kf-\d+|(x|nd)-\d+\.kafka)\./.test(name));
const rows: KafkaRow[] = await Promise.all(
  files.map(async (name) => (await import(/* @vite-ignore */ `./${name}`)).row as KafkaRow),
);

/** Above it a case is long, and not played byte by byte. */
const LONG = 5000;

function everyCut(each: KafkaCase): void {
  const play = prepared(each);
  if (each.breaks !== undefined) {
    playBreaks(play, each.breaks);
    return;
  }
  const { bytes } = play;
  const told = playCase(play, whole);
  // the same events, however it comes.
  if (bytes <= LONG) expect(playCase(play, byteByByte)).toEqual(told);
  for (const at of bytes <= LONG ? cutsOf(bytes) : [5, 11, 40, bytes - 1])
    expect(playCase(play, cutAt(at))).toEqual(told);
}

describe('bypass: kafka', () => {
  let truth: KafkaTruth;
  beforeAll(async () => {
    truth = await KafkaTruth.start();
  });
  afterAll(async () => {
    await truth?.stop();
  });

  test('each row has a file, an id of its own, and cases', () => {
    const ids = rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, cases, rules } of rows) {
      expect(cases.length, id).toBeGreaterThan(0);
      expect(rules.length, id).toBeGreaterThan(0);
    }
  });

  for (const { id, title, cases } of rows)
    for (const each of cases) {
      test(`${id} ${title}: ${each.name}`, async () => {
        everyCut(each);
        if (each.notReal === undefined) await truth.play(each);
      });
    }
});
