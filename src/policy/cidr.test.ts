import { expect, test } from 'vitest';
import { compileCidr, hostOf, ipOfAddress, parseIp } from './cidr.ts';

const inside: [range: string, ip: string, contains: boolean][] = [
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.4', false],
  ['10.1.2.3/32', '10.1.2.3', true],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['10.0.0.128/25', '10.0.0.127', false],
  ['10.0.0.128/25', '10.0.0.129', true],
  ['10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['10.0.0.0/8', '::ffff:a00:1', true],
  ['::ffff:10.0.0.0/104', '10.9.9.9', true],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['::/0', '10.0.0.1', true],
  ['fe80::/10', 'fe80::1%eth0', true],
];
for (const [range, ip, contains] of inside)
  test(`${ip} ${contains ? 'is' : 'is not'} in ${range}`, () => {
    expect(compileCidr(range)!.contains(parseIp(ip)!)).toBe(contains);
  });

const NO_RANGES = [
  '',
  '10',
  '10.0.0.0/33',
  '10.0.0.1/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0.0/8/8',
  'localhost',
  '::1/129',
  '2001:db8::1/32',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '1:2:3:4:5:6:7::8',
  '12345::',
  '::1.2.3',
  '1.2.3.4::',
  'fe80::1%eth0',
  ' 10.0.0.1',
];
for (const text of NO_RANGES) test(`${JSON.stringify(text)} is no range`, () => expect(compileCidr(text)).toBeNull());

test('whether one range is part of another', () => {
  const covers = (wide: string, narrow: string) => compileCidr(wide)!.covers(compileCidr(narrow)!);
  expect(covers('10.0.0.0/8', '10.1.0.0/16')).toBe(true);
  expect(covers('10.1.0.0/16', '10.0.0.0/8')).toBe(false);
  expect(covers('10.0.0.0/8', '11.0.0.0/8')).toBe(false);
  expect(covers('::/0', '10.0.0.0/8')).toBe(true);
});

const addresses: [address: string, host: string][] = [
  ['10.0.0.1:5432', '10.0.0.1'],
  ['[::1]:5432', '::1'],
  ['[::ffff:10.0.0.1]:1', '::ffff:10.0.0.1'],
  ['unix', ''],
  ['/tmp/x.sock', ''],
];
for (const [address, host] of addresses)
  test(`host of ${address}`, () => {
    expect(hostOf(address)).toBe(host);
    expect(ipOfAddress(address) === null).toBe(host === '');
  });
