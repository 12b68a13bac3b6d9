import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidrMatcher, ipBytes } from './cidr.ts';

describe('ipBytes', () => {
  const CASES: readonly (readonly [string, readonly number[] | null])[] = [
    ['10.0.0.1', [10, 0, 0, 1]],
    ['255.255.255.255', [255, 255, 255, 255]],
    ['::', Array(16).fill(0)],
    ['::1', [...Array(15).fill(0), 1]],
    ['2001:db8::8:800:200c:417a', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['fe80::1%eth0', [0xfe, 0x80, ...Array(13).fill(0), 1]],
    ['::ffff:10.0.0.1', [10, 0, 0, 1]],
    ['::FFFF:a00:1', [10, 0, 0, 1]],
    ['::10.0.0.1', [...Array(12).fill(0), 10, 0, 0, 1]],
    ['1::', [0, 1, ...Array(14).fill(0)]],
    ['localhost', null],
    ['', null],
    ['10.0.0', null],
    ['/run/x.sock', null],
  ];
  for (const [text, want] of CASES)
    test(text || '(empty)', () => {
      const bytes = ipBytes(text);
      expect(bytes && [...bytes]).toEqual(want);
    });
});

describe('cidrMatcher', () => {
  const CASES: readonly (readonly [string, number, string, boolean])[] = [
    ['10.0.0.0', 8, '10.255.0.1', true],
    ['10.0.0.0', 8, '11.0.0.0', false],
    ['10.0.0.0', 0, '1.2.3.4', true],
    ['10.0.0.0', 0, '::1', false],
    ['10.0.0.1', 32, '10.0.0.1', true],
    ['10.0.0.1', 33, '10.0.0.1', true], // a longer one is the whole address
    ['10.0.0.1', 31, '10.0.0.0', true],
    ['10.0.0.1', 31, '10.0.0.2', false],
    ['10.0.0.0', 8, '::ffff:10.1.1.1', true],
    ['2001:db8::', 32, '2001:db8:1::1', true],
    ['2001:db8::', 33, '2001:db8:8000::1', false],
    ['::ffff:10.0.0.0', 104, '10.1.1.1', false], // a range of IPv6, as Envoy has it
  ];
  for (const [address_prefix, prefix_len, address, want] of CASES)
    test(`${address} ${want ? 'in' : 'not in'} ${address_prefix}/${prefix_len}`, () => {
      expect(cidrMatcher({ address_prefix, prefix_len })(ipBytes(address))).toBe(want);
    });

  test('a peer without an address lies nowhere', () => {
    expect(cidrMatcher({ address_prefix: '0.0.0.0', prefix_len: 0 })(null)).toBe(false);
  });

  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => isIP(text) === 6 && !/:ffff:|\./i.test(text)),
  );
  test("as Node's own BlockList sees it", () => {
    fc.assert(
      fc.property(address, address, fc.nat(128), (prefix, seen, length) => {
        const family = isIP(prefix) === 4 ? 'ipv4' : 'ipv6';
        const prefix_len = Math.min(length, family === 'ipv4' ? 32 : 128);
        const list = new BlockList();
        list.addSubnet(prefix, prefix_len, family);
        const want = isIP(seen) === isIP(prefix) && list.check(seen, family);
        return cidrMatcher({ address_prefix: prefix, prefix_len })(ipBytes(seen)) === want;
      }),
      { numRuns: 3000 },
    );
  });
});
