import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENVOY_STATS, OPAQUE_STATS, OWN_STATS } from './index.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');

test('every stat stands in the README, and has its help', () => {
  for (const group of [ENVOY_STATS, OWN_STATS])
    for (const [name, { help }] of Object.entries(group.stats)) {
      expect(readme).toContain(`\`${name}\``);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  expect(Object.keys(ENVOY_STATS.stats).length).toBe(33);
  expect(readme).toContain(`opaque.<reason>.${Object.keys(OPAQUE_STATS.stats)[0]}`);
});
