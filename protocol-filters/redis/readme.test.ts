import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAULTS } from '../../src/exchange/fault.ts';
import { REDIS_COMMAND_STATS, REDIS_OPAQUE_STATS, REDIS_OWN_STATS, REDIS_STATS, redis } from './index.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');

test('every stat stands in the README, and has its help', () => {
  for (const group of [REDIS_STATS, REDIS_COMMAND_STATS, REDIS_OWN_STATS])
    for (const [name, { help }] of Object.entries(group.stats)) {
      expect(readme).toContain(`\`${name}\``);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  expect(readme).toContain(`opaque.<reason>.${Object.keys(REDIS_OPAQUE_STATS.stats)[0]}`);
});

test('the type URL, the options and every fault this filter can find stand in the README', () => {
  expect(readme).toContain(redis.typeUrl);
  for (const option of Object.keys(redis.options.parse({}) as object)) expect(readme).toContain(`\`${option}\``);
  const NEVER = ['out_of_order', 'unsupported_version', 'internal'];
  for (const fault of FAULTS) if (!NEVER.includes(fault)) expect(readme).toContain(`\`${fault}\``);
});
