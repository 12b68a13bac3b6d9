import { expect, test } from 'vitest';
import { Reading } from './reading.ts';

test('one object a combination, whoever asks', () => {
  const [one, two] = [new Reading(), new Reading()];
  for (const reading of [one, two]) reading.server('mariadb', 101_119);
  expect(two.mode).toBe(one.mode);
  expect(one.mode).toEqual({
    dialect: 'mysql',
    flavour: 'mariadb',
    version: 101_119,
    ansiQuotes: false,
    noBackslashEscapes: false,
  });
  const before = one.mode;
  one.setAnsiQuotes(true);
  expect(one.mode).not.toBe(before);
  expect(one.mode.ansiQuotes).toBe(true);
  one.setNoBackslashEscapes(true);
  expect([one.mode.ansiQuotes, one.mode.noBackslashEscapes]).toEqual([true, true]);
  one.set(false, false);
  expect(one.mode).toBe(before);
});

test('a version that could not be read is the unknown one', () => {
  const reading = new Reading();
  const unknown = reading.mode;
  reading.server('mysql', 0);
  expect(reading.mode).toBe(unknown);
});

test('versions that servers make up are bounded: the rest share one', () => {
  const modes = new Set<unknown>();
  for (let version = 1; version <= 2000; version++) {
    const reading = new Reading();
    reading.server('mysql', version);
    modes.add(reading.mode);
  }
  expect(modes.size).toBeLessThanOrEqual(257);
});
