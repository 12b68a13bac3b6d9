import { expect, test } from 'vitest';
import { ToldDigests } from './digest-rows.ts';
import { TsvWriter } from './tsv-writer.ts';

const entry = (digest: string, summary = 's') => ({
  digest,
  operation: 'SELECT',
  summary,
  collection: '',
  text: 't',
  facts: '',
});
const HOUR = 3600e6;
const T = 1.8e15;

/** Whether a digest is written. */
function asker(told: ToldDigests) {
  return (digest: string, us: number, summary = 's', protocol = 'postgres'): boolean => {
    const w = new TsvWriter(4096);
    told.write(w, entry(digest, summary), protocol, us);
    return w.length > 0;
  };
}

test('a digest is told once, again when it failed, when more is known, and after an hour', () => {
  const told = new ToldDigests();
  const writes = asker(told);
  expect(writes('a', T)).toBe(true);
  expect(writes('a', T)).toBe(false); // in the same parcel
  told.settle(false);
  expect(writes('a', T)).toBe(true);
  told.settle(true);
  expect(writes('a', T + HOUR - 1)).toBe(false);
  expect(writes('a', T, 's', 'mysql')).toBe(true);
  expect(writes('a', T, 'better')).toBe(true);
  expect(writes('a', T, 'better')).toBe(false);
  told.settle(true);
  expect(writes('a', T + HOUR, 'better')).toBe(true);
  expect(writes('', T)).toBe(false);
});

test('bounded: the one told longest ago is forgotten, and told again', () => {
  const told = new ToldDigests(3);
  const writes = asker(told);
  for (const digest of ['a', 'b', 'c', 'd']) expect(writes(digest, T)).toBe(true);
  told.settle(true);
  expect(writes('d', T)).toBe(false);
  expect(writes('b', T)).toBe(false);
  expect(writes('a', T)).toBe(true);
});
