import { describe, expect, test } from 'vitest';
import { SqlDigestCache } from './cache.ts';

const MODE = { dialect: 'postgres', standardConformingStrings: true } as const;

function sampleOf(text: string, samples = true): string {
  const cache = new SqlDigestCache({ parser: null, now: () => 0, samples });
  const buf = Buffer.from(text);
  return cache.read(MODE, buf, 0, buf.length).statements[0]!.digest.sample;
}

describe('samples', () => {
  test('are not kept unless asked for', () => {
    expect(sampleOf("select 'canary'", false)).toBe('');
  });
  test('show the first text as it came, of the statement alone', () => {
    expect(sampleOf("SELECT 1 /* x */ , 'canary'; select 2")).toBe("SELECT 1 /* x */ , 'canary'");
  });
  test.each([
    "create role r password 'canary'",
    "ALTER USER u WITH ENCRYPTED PASSWORD 'canary'",
    "create user mapping for u server s options (user 'a', password 'canary')",
    "create subscription s connection 'host=h password=canary' publication p",
    "select dblink_connect('password=canary')",
    "select crypt('canary', gen_salt('bf'))",
    "do $$ begin create user u password 'canary'; end $$",
    'prepare s from \'create user u identified by "canary"\'',
  ])('never show what may be a password: %s', (text) => {
    expect(sampleOf(text)).not.toContain('canary');
  });
});
