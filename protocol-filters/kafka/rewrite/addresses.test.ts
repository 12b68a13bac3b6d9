import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BoundFilter, Session, SessionHost } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import { SessionHarness } from '../../../test/support/session-harness.ts';
import { OwnAddresses, upstreamOf } from './host-port.ts';
import { addressConfig, addressOptions, doorsOf } from './options.ts';
import type { RequestGate } from './request-gate.ts';
import { addressesOf } from './testing/stage.ts';

describe('a host and port from the wire as an upstream', () => {
  for (const [host, port, want] of [
    ['b1.example', 9092, 'b1.example:9092'],
    ['B1.Example', 9092, 'b1.example:9092'],
    ['kafka_1', 1, 'kafka_1:1'],
    ['10.0.0.1', 65_535, '10.0.0.1:65535'],
    ['::1', 9092, '[::1]:9092'],
    ['[::1]', 9092, '[::1]:9092'],
    ['FD00::1', 9092, '[fd00::1]:9092'],
    ['fe80::1%eth0', 9092, ''],
    ['1:2:3', 9092, ''],
    ['::ffff:10.0.0.1', 9092, '[::ffff:10.0.0.1]:9092'],
    ['', 9092, ''],
    ['b1', 0, ''],
    ['b1', -1, ''],
    ['b1', 65_536, ''],
    ['a'.repeat(254), 9092, ''],
    ['-b1', 9092, ''],
    ['b1 b2', 9092, ''],
    ['b1\n', 9092, ''],
    ['[b1]x', 9092, ''],
    ['b1:9092', 9092, ''],
  ] as const)
    test(`${JSON.stringify(host).slice(0, 30)} ${port}`, () => expect(upstreamOf(host, port)).toBe(want));
});

test('our own addresses: with a port, of any port, and the one by which the client came', () => {
  const own = new OwnAddresses(['Proxy.example:9092', 'other.example', '[::1]:9092', '[fd00::1]']);
  const is = (upstream: string, local = '10.0.0.1:9092'): boolean => own.has(upstream, local);
  expect(is('proxy.example:9092')).toBe(true);
  expect(is('proxy.example:9093')).toBe(false);
  expect(is('other.example:1')).toBe(true);
  expect(is('[::1]:9092')).toBe(true);
  expect(is('[::1]:9093')).toBe(false);
  expect(is('[fd00::1]:1')).toBe(true);
  expect(is('10.0.0.1:9092')).toBe(true);
  expect(is('10.0.0.2:9092')).toBe(false);
  expect(is('localhost:9092')).toBe(false);
  expect(is('localhost:9092', '127.0.0.1:9092')).toBe(true);
  expect(is('localhost:9092', '[::1]:9092')).toBe(true);
  expect(is('localhost:9093', '127.0.0.1:9092')).toBe(false);
  // A listener on `::`, an IPv4 client.
  expect(is('10.0.0.1:9092', '[::ffff:10.0.0.1]:9092')).toBe(true);
  expect(is('localhost:9092', '[::ffff:127.0.0.1]:9092')).toBe(true);
});

describe('rewriting is off: replies that lead past this proxy', () => {
  const tell = (addresses: string[], ...replies: readonly (readonly [string, number])[][]) => {
    const { addresses: all, counts, warnings } = addressesOf({ options: { addresses } });
    const hints = all.hints({ facts: { localAddress: '127.0.0.1:9092' } } as SessionHost)!;
    for (const reply of replies) {
      for (const [host, port] of reply) {
        const bytes = Buffer.from(`..${host}..`, 'latin1');
        hints.host(bytes, 2, bytes.length - 2);
        hints.port(port);
      }
      hints.end();
    }
    return { hints: counts['bypassHint'] ?? 0, warnings: [...warnings] };
  };

  test('are counted, a reply once, and warned of once', () => {
    const past = [
      ['b1.example', 9092],
      ['b2.example', 9092],
    ] as const;
    expect(tell([], [...past], [], [...past])).toEqual({
      hints: 2,
      warnings: [expect.stringContaining('rewrite: auto')],
    });
  });

  test('one broker that calls itself by our address, or by one that is configured, leads nobody past', () => {
    const ours = [
      ['127.0.0.1', 9092],
      ['localhost', 9092],
      ['proxy.example', 9092],
      ['', -1],
      ['', 9092],
      ['x', -1],
    ] as const;
    expect(tell(['proxy.example:9092'], [...ours], [...ours])).toEqual({ hints: 0, warnings: [] });
    expect(tell(['proxy.example:9092'], [...ours, ['127.0.0.1', 9093]])).toMatchObject({ hints: 1 });
  });

  test('a host that is none leads nowhere we know', () => {
    const { hints, warnings } = tell([], [['b1\n', 9092]], [['a'.repeat(40_000), 1]]);
    expect(hints).toBe(2);
    expect(warnings.join()).not.toMatch(/b1|aaa|\n/);
  });

  test('with rewriting on there are none', () => {
    const { addresses } = addressesOf({ options: { rewrite: 'auto' } });
    expect(addresses.hints({ facts: { localAddress: '' } } as SessionHost)).toBeNull();
  });
});

describe('API keys: allowed, then denied, by the header alone', () => {
  /** A session that reads frames of 10 bytes: a key, and eight more. */
  const play = (config: { api_keys_allowed?: number[]; api_keys_denied?: number[] }, keys: number[], size = 10) => {
    const { addresses, counts } = addressesOf({ config });
    let gate: RequestGate | null = null;
    const open = (host: SessionHost): Session => {
      gate = addresses.requestGate(host);
      return {
        onDownstream: (buf, start, end, at) => {
          let i = start;
          for (; end - i >= 10; i += 10)
            if (gate?.admit(buf.readInt16BE(i), at + i - start) === false) return at + end - start;
          gate?.release(at + i - start);
          return at + i - start;
        },
        onUpstream: (_buf, start, end, at) => at + end - start,
        onEnd: () => {},
        refuse: () => ({ kind: 'close', last: null }),
        quiet: true,
        farewell: () => null,
      };
    };
    const harness = new SessionHarness({ bound: { open } as BoundFilter });
    const bytes = Buffer.concat(keys.map((key) => Buffer.from([key >> 8, key & 0xff, 1, 2, 3, 4, 5, 6, 7, 8])));
    for (let from = 0; from < bytes.length; from += size) {
      harness.feed(Side.downstream, bytes.subarray(from, from + size));
      harness.resume(Side.downstream);
    }
    return {
      passed: harness.sent(Side.upstream).length / 10,
      closed: harness.closed,
      counts,
      gate: gate as RequestGate | null,
    };
  };

  for (const [name, config, keys, passed] of [
    ['not allowed', { api_keys_allowed: [18, 3] }, [18, 3, 0, 18], 2],
    ['denied', { api_keys_denied: [20] }, [18, 3, 20, 18], 2],
    ['allowed and denied', { api_keys_allowed: [18, 20], api_keys_denied: [20] }, [18, 20], 1],
    ['a key that nobody knows', { api_keys_allowed: [18] }, [9999], 0],
    ['a negative key', { api_keys_allowed: [18] }, [0xffff], 0],
  ] as const)
    for (const size of [10, 100, 3, 1])
      test(`${name}, in pieces of ${size}`, () => {
        const played = play(config as never, [...keys], size);
        expect(played).toMatchObject({
          passed,
          closed: 'denied (API key)',
          counts: { deniedKey: 1 },
        });
      });

  test('all others pass', () => {
    expect(play({ api_keys_denied: [20] }, [18, 3, 9999], 4)).toMatchObject({ passed: 3, closed: '' });
  });

  test('without a list requests are not held', () => {
    expect(play({}, [18]).gate).toBeNull();
  });
});

describe('configuration', () => {
  const config = z.strictObject(addressConfig);
  const options = z.strictObject(addressOptions);

  test('nothing given: nothing is rewritten', () => {
    expect(options.parse({})).toEqual({ rewrite: false, addresses: [] });
    expect(doorsOf(options.parse({}))).toBeNull();
    expect(config.parse({})).toEqual({ force_response_rewrite: false, api_keys_allowed: [], api_keys_denied: [] });
  });

  test('doors: the hundred ports after the listener, or those that are given', () => {
    expect(doorsOf(options.parse({ rewrite: 'auto' }))).toEqual({ firstPort: 0, count: 100 });
    expect(doorsOf(options.parse({ rewrite: 'auto', broker_ports: { first: 30_000 } }))).toEqual({
      firstPort: 30_000,
      count: 100,
    });
    expect(doorsOf(options.parse({ rewrite: 'auto', broker_ports: { count: 3 } }))).toEqual({ firstPort: 0, count: 3 });
  });

  for (const [name, value] of [
    ['rewrite', { rewrite: true }],
    ['rewrite', { rewrite: 'always' }],
    ['advertise', { advertise: 'proxy.example:9092' }],
    ['advertise', { advertise: '' }],
    ['advertise', { advertise: '0.0.0.0' }],
    ['advertise', { advertise: '::' }],
    ['addresses', { addresses: ['a b'] }],
    ['addresses', { addresses: ['a:0'] }],
    ['addresses', { addresses: ['[::1]:65536'] }],
    ['broker_ports', { broker_ports: { first: 0 } }],
    ['broker_ports', { broker_ports: { count: 0 } }],
  ] as const)
    test(`${JSON.stringify(value)} is refused`, () => {
      expect(options.safeParse(value).error?.issues.map(({ path }) => path[0])).toEqual([name]);
    });

  test("Envoy's bounds, and no address that nobody could connect to", () => {
    const rule = { id: 1, host: 'h', port: 9092 };
    const of = (change: object) =>
      config.safeParse({ id_based_broker_address_rewrite_spec: { rules: [{ ...rule, ...change }] } });
    expect(of({}).success).toBe(true);
    expect(of({ port: 65_536 }).success).toBe(false);
    expect(of({ port: 0 }).success).toBe(false);
    expect(of({ host: '0.0.0.0' }).success).toBe(false);
    expect(of({ id: -1 }).success).toBe(false);
    expect(of({ host: '' }).success).toBe(false);
    expect(config.safeParse({ api_keys_denied: [32_768] }).success).toBe(false);
    expect(config.safeParse({ api_keys_allowed: [32_767] }).success).toBe(true);
  });
});
