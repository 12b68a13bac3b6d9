import { expect, test } from 'vitest';
import { thresholdsOf, zookeeperConfig, zookeeperOptions } from './config.ts';
import { Slot, UNKNOWN } from './operations.ts';

const OVERRIDES = [
  { opcode: 'Multi', threshold: '0.2s' },
  { opcode: 'SetAuth', threshold: '5s' },
];

test('the fields of Envoy’s ZooKeeperProxy, with their defaults', () => {
  expect(zookeeperConfig.parse({ stat_prefix: 'zk' })).toEqual({
    stat_prefix: 'zk',
    max_packet_bytes: 1_048_576,
    enable_latency_threshold_metrics: false,
    default_latency_threshold: 100,
    latency_threshold_overrides: [],
    enable_per_opcode_request_bytes_metrics: false,
    enable_per_opcode_response_bytes_metrics: false,
    enable_per_opcode_decoder_error_metrics: false,
  });
  expect(zookeeperOptions.parse(undefined)).toEqual({
    path_patterns: 64,
    words: ['isro', 'ruok', 'srvr'],
    max_held_bytes: 4 << 20,
  });
});

test('thresholds by opcode', () => {
  const config = zookeeperConfig.parse({ stat_prefix: 'zk', latency_threshold_overrides: OVERRIDES });
  const all = thresholdsOf(config);
  expect([all[Slot.multi], all[Slot.auth], all[Slot.getData], all[UNKNOWN]]).toEqual([200, 5000, 100, 100]);
});

const WRONG: readonly (readonly [string, object, string])[] = [
  ['no stat_prefix', { stat_prefix: undefined }, 'stat_prefix'],
  ['a field that there is not', { stat_prefixes: 'x' }, ''],
  ['access_log, which Envoy does not implement either', { access_log: 'x' }, ''],
  [
    'an opcode a second time',
    { latency_threshold_overrides: [...OVERRIDES, OVERRIDES[0]] },
    'latency_threshold_overrides.2.opcode',
  ],
  [
    'an opcode in another spelling',
    { latency_threshold_overrides: [{ opcode: 'getData', threshold: '1s' }] },
    'latency_threshold_overrides.0.opcode',
  ],
  ['a threshold below a millisecond', { default_latency_threshold: '0.0005s' }, 'default_latency_threshold'],
  ['a threshold without a unit', { default_latency_threshold: '1' }, 'default_latency_threshold'],
  ['a threshold of a month', { default_latency_threshold: '2592000s' }, 'default_latency_threshold'],
  ['no packet', { max_packet_bytes: 0 }, 'max_packet_bytes'],
];
for (const [name, fields, path] of WRONG)
  test(`refused: ${name}`, () => {
    const { error } = zookeeperConfig.safeParse({ stat_prefix: 'zk', ...fields });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
