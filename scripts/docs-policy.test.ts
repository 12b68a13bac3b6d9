import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { load } from '../src/config/load.ts';
import { formatProblem } from '../src/config/problem.ts';
import { filterSchemas } from '../src/server/catalog.ts';
import { POLICY_PAGE, withTables } from './docs-policy.ts';

const page = readFileSync(POLICY_PAGE, 'utf8');

test('the tables of the guide are what the code says: npm run docs:policy', () => {
  expect(withTables(page)).toBe(page);
});

describe('every configuration of the guide is right', () => {
  const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1]!);
  expect(examples.length).toBeGreaterThan(1);
  for (const [i, text] of examples.entries())
    test(`example ${i + 1}`, async () => {
      const loaded = await load({ file: 'policy.md', text }, filterSchemas());
      expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([]);
    });
});
