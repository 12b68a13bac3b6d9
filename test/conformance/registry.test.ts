import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { protocolFilters } from '../../protocol-filters/registry.ts';

test('every protocol filter goes through the conformance suite', () => {
  const missing = protocolFilters.filter(({ name }) => !existsSync(new URL(`${name}.test.ts`, import.meta.url)));
  expect(missing.map(({ name }) => name)).toEqual([]);
});
