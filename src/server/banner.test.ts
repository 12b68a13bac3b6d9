import { expect, test } from 'vitest';
import { load } from '../config/load.ts';
import { banner } from './banner.ts';
import { filterSchemas } from './catalog.ts';

const PROXY = 'proxies:\n  - { name: shop, upstream: "postgres://127.0.0.1:5432", listen: "127.0.0.1:6432" }\n';
const DENY = '  - { action: deny, operations: drop }\n';
const SHADOW = '  - { action: deny, mode: shadow, operations: truncate }\n';

const CASES: readonly [name: string, policies: string, want: string][] = [
  ['no policies', '', '(shop)'],
  ['one enforced', `policies:\n${DENY}`, '(shop; 1 policy enforced)'],
  ['one in shadow mode', `policies:\n${SHADOW}`, '(shop; 1 policy in shadow mode)'],
  [
    'both',
    `policies:\n${DENY}${DENY.replace('drop', 'alter')}${SHADOW}`,
    '(shop; 2 policies enforced, 1 in shadow mode)',
  ],
];
test.each(CASES)('says whether the gate is shut: %s', async (_, policies, want) => {
  const loaded = await load({ file: 'sluice.yaml', text: PROXY + policies }, filterSchemas());
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const text = banner(loaded.snapshot, [{ name: 'shop', address: '127.0.0.1:6432' }], 1);
  expect(text).toContain(`  postgres  127.0.0.1:6432 -> 127.0.0.1:5432  ${want}\n`);
});
