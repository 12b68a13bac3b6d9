import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAULTS } from '../../src/exchange/fault.ts';
import { kafka } from './index.ts';
import { KAFKA_STAT_GROUPS } from './stat-groups.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');

test('every stat stands in the README, and has its help', () => {
  for (const { stats } of KAFKA_STAT_GROUPS)
    for (const [name, { help }] of Object.entries(stats)) {
      expect(readme).toMatch(new RegExp(`${name}\\b`));
      expect(help).toMatch(/^[A-Z`].*\.$/i);
    }
});

test('the type URL, the fields, the options and every fault this filter can find stand in the README', () => {
  expect(readme).toContain(kafka.typeUrl);
  const config = Object.keys(kafka.config.parse({ stat_prefix: 'p' }) as object);
  const options = Object.keys(kafka.options.parse(undefined) as object);
  for (const field of [...config, ...options, 'id_based_broker_address_rewrite_spec', 'advertise', 'broker_ports'])
    expect(readme).toContain(`\`${field}\``);
  const NEVER = ['out_of_order', 'internal'];
  for (const fault of FAULTS) if (!NEVER.includes(fault)) expect(readme).toContain(`\`${fault}\``);
});
