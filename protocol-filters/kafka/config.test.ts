import { describe, expect, test } from 'vitest';
import { kafkaConfig, kafkaOptions } from './config.ts';
import { kafka } from './index.ts';

describe("Envoy's fields", () => {
  test('of which only stat_prefix must be there', () => {
    expect(kafkaConfig.parse({ stat_prefix: 'k' })).toEqual({
      stat_prefix: 'k',
      force_response_rewrite: false,
      api_keys_allowed: [],
      api_keys_denied: [],
    });
    expect(kafkaConfig.safeParse({}).success).toBe(false);
  });
  test.each([
    ['a field that Envoy has not', { stat_prefix: 'k', rewrite: 'auto' }],
    ['an API key above 32767', { stat_prefix: 'k', api_keys_denied: [32_768] }],
    [
      'a port above 65535',
      { stat_prefix: 'k', id_based_broker_address_rewrite_spec: { rules: [{ id: 1, host: 'a', port: 65_536 }] } },
    ],
    ['an empty prefix', { stat_prefix: '' }],
  ])('%s', (_, config) => expect(kafkaConfig.safeParse(config).success).toBe(false));
});

describe('our options', () => {
  test('as they are when nobody says anything', () => {
    expect(kafkaOptions.parse(undefined)).toEqual({
      rewrite: false,
      addresses: [],
      topics: 100,
      clients: 50,
      groups: 50,
      partitions: 10_000,
      lag_partitions: 200,
      sasl_v0: 'deny',
      decompress: false,
    });
    expect(kafkaOptions.parse({})).toEqual(kafkaOptions.parse(undefined));
  });
  test('the short form rewrites addresses, the full form only where it is said', () => {
    const options = kafka.options.parse(kafka.shortForm);
    expect(options).toMatchObject({ rewrite: 'auto' });
    expect(kafka.doors!(options)).toEqual({ firstPort: 0, count: 100 });
    expect(kafka.doors!(kafka.options.parse({}))).toBeNull();
    expect(kafka.doors!(kafka.options.parse({ rewrite: 'auto', broker_ports: { first: 19_093, count: 3 } }))).toEqual({
      firstPort: 19_093,
      count: 3,
    });
  });
  test.each([
    ['no topics at all', { topics: 0 }],
    ['more than can be shown', { topics: 10_001 }],
    ['an option that is none', { topic: 5 }],
    ['another way to rewrite', { rewrite: true }],
    ['a host for addresses that are not rewritten', { rewrite: false, advertise: 'proxy.example' }],
    ['ports that nobody opens', { broker_ports: { first: 19_100 } }],
  ])('%s', (_, options) => expect(kafkaOptions.safeParse(options).success).toBe(false));
});
