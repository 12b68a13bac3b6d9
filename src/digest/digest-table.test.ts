import { describe, expect, test } from 'vitest';
import type { Digest } from '../exchange/digest.ts';
import { DigestRecord } from './digest-record.ts';
import { DigestTable } from './digest-table.ts';
import { seeded } from './sql/sql-grammar.fixture.ts';

const words = new Int32Array(64);
const bytes = Buffer.from(words.buffer);
const put = (text: string): number => {
  words.fill(0);
  return bytes.write(text);
};
const get = (table: DigestTable, text: string, kind = 0): Digest | null => table.find(words, put(text), kind);
const add = (table: DigestTable, text: string, kind = 0): Digest => {
  const known = get(table, text, kind);
  return known ?? table.add(words, put(text), kind, (slot) => new DigestRecord(text, 'postgres', text, false, slot));
};

describe('DigestTable', () => {
  test('finds what was added, under its kind only', () => {
    const table = new DigestTable(8, 1e6, 1, 2);
    const a = add(table, 'a');
    expect(get(table, 'a')).toBe(a);
    expect(get(table, 'a', 1)).toBeNull();
    expect(get(table, 'a\0')).toBeNull(); // same words, another length
    expect(add(table, 'a', 1)).not.toBe(a);
    expect(table.size).toBe(2);
  });

  test('is bounded in entries and bytes, and tells whom it evicts before the slot is used again', () => {
    const table = new DigestTable(16, 4000, 1, 2);
    const live = new Map<number, string>();
    table.onEvict = (digest) => {
      expect(live.get(digest.slot)).toBe(digest.text);
      live.delete(digest.slot);
    };
    for (let i = 0; i < 1000; i++) {
      const digest = add(table, `text ${i}`);
      expect(live.has(digest.slot)).toBe(false);
      live.set(digest.slot, digest.text);
      expect(table.size).toBeLessThanOrEqual(16);
      expect(table.bytes).toBeLessThanOrEqual(4000);
      expect(digest.slot).toBeLessThan(16);
    }
    expect(table.evictions).toBe(1000 - table.size);
    expect(table.size).toBe(live.size);
  });

  test('texts in use survive a flood of texts seen once', () => {
    const table = new DigestTable(64, 1e6, 3, 4);
    const hot = Array.from({ length: 16 }, (_, i) => add(table, `hot ${i}`));
    for (let i = 0; i < 20_000; i++) {
      add(table, `cold ${i}`);
      get(table, `hot ${i % 16}`);
    }
    for (const [i, digest] of hot.entries()) expect(get(table, `hot ${i}`)).toBe(digest);
  });

  test('against a Map, with eviction, over 100,000 steps', () => {
    for (const [k0, k1] of [
      [0, 0],
      [123, -7],
    ]) {
      const r = seeded(5);
      const table = new DigestTable(100, 1e6, k0!, k1!);
      const model = new Map<string, Digest>();
      table.onEvict = (digest) => model.delete(digest.text);
      for (let i = 0; i < 50_000; i++) {
        const text = `t${r.int(300)}`;
        expect(get(table, text)).toBe(model.get(text) ?? null);
        if (r.chance(0.3)) model.set(text, add(table, text));
        expect(table.size).toBe(model.size);
      }
      expect(new Set([...model.values()].map((d) => d.slot)).size).toBe(model.size);
    }
  });
});
