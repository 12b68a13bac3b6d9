import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMAND_STATS, ENVOY_STATS, OWN_STATS } from './index.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');

test('every stat stands in the README, and has its help', () => {
  for (const group of [ENVOY_STATS, OWN_STATS])
    for (const [name, { help }] of Object.entries(group.stats)) {
      expect(readme).toContain(`\`${name}\``);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  expect(Object.keys(ENVOY_STATS.stats).length).toBe(9);
  expect(readme).toContain(`command.<command>.${Object.keys(COMMAND_STATS.stats)[0]}`);
});
