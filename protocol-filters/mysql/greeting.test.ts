import { describe, expect, test } from 'vitest';
import { type Greeting, readGreeting, versionNumber } from './greeting.ts';
import { CAPABILITIES, cstr, payloadOf, server, u8, u16, u32, zeros } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';
import { Capability as C } from './wire.ts';

const read = (message: Buffer) => guarded(payloadOf(message), readGreeting);

describe('whose server it is', () => {
  const cases: [text: string, capabilities: number, flavour: string, serverVersion: string, version: number][] = [
    ['8.0.36', CAPABILITIES, 'mysql', '8.0.36', 80036],
    ['8.4.3-debug', CAPABILITIES, 'mysql', '8.4.3-debug', 80403],
    ['9.1.0-commercial', CAPABILITIES, 'mysql', '9.1.0-commercial', 90100],
    ['5.7.44-log', CAPABILITIES, 'mysql', '5.7.44-log', 50744],
    ['8.0.mysql_aurora.3.04.0', CAPABILITIES, 'mysql', '8.0.mysql_aurora.3.04.0', 80000],
    ['5.5.5-10.11.19-MariaDB-0+deb12u1', CAPABILITIES & ~C.mysql, 'mariadb', '10.11.19-MariaDB-0+deb12u1', 101119],
    ['11.4.2-MariaDB-log', CAPABILITIES & ~C.mysql, 'mariadb', '11.4.2-MariaDB-log', 110402],
    ['5.5.68-MariaDB', CAPABILITIES, 'mariadb', '5.5.68-MariaDB', 50568],
    ['5.5.5-10.6.12-company', CAPABILITIES, 'mariadb', '10.6.12-company', 100612],
    ['12.1.1', CAPABILITIES & ~C.mysql, 'mariadb', '12.1.1', 120101],
    ['5.5.5', CAPABILITIES, 'mysql', '5.5.5', 50505],
    ['5.5.5-log', CAPABILITIES, 'mysql', '5.5.5-log', 50505],
    ['unknown', CAPABILITIES, 'mysql', 'unknown', 0],
  ];
  for (const [text, capabilities, flavour, serverVersion, version] of cases)
    test(text, () =>
      expect(read(server.greeting({ version: text, capabilities }))).toMatchObject({ flavour, serverVersion, version }),
    );
});

test('all fields', () => {
  const greeting = read(server.greeting({ plugin: 'caching_sha2_password', status: 2, connectionId: 0xfffffffe }));
  expect(greeting).toEqual({
    kind: 'greeting',
    protocol: 10,
    serverVersion: '8.0.36',
    flavour: 'mysql',
    version: 80036,
    connectionId: 0xfffffffe,
    capabilities: CAPABILITIES,
    mariadbCapabilities: 0,
    collation: 45,
    status: 2,
    authPlugin: 'caching_sha2_password',
  } satisfies Greeting);
});

test('the greeting of MariaDB 10.11.19, as recorded', () => {
  const bytes =
    '0a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275312d6c6f67002e000000306c512f396d3e2c00feff2d0200' +
    'ff81150000000000001d0000005e775b437d6a7e5a27503d23006d7973716c5f6e61746976655f70617373776f726400';
  expect(guarded(Buffer.from(bytes, 'hex'), readGreeting)).toMatchObject({
    flavour: 'mariadb',
    serverVersion: '10.11.19-MariaDB-0+deb12u1-log',
    version: 101119,
    mariadbCapabilities: 0x1d,
    authPlugin: 'mysql_native_password',
    status: 2,
  });
});

test("MySQL's reserved bytes are no capabilities of MariaDB", () =>
  expect(read(server.greeting({ mariadb: 0xff }))).toMatchObject({ mariadbCapabilities: 0 }));

describe('other shapes', () => {
  const head = Buffer.concat([u8(10), cstr('4.0.30'), u32(3), zeros(9)]);
  const cases: [name: string, payload: Buffer, want: object | string][] = [
    ['protocol 9', payloadOf(server.greeting9('3.20.32')), { protocol: 9, version: 32032, capabilities: 0 }],
    ['it ends behind the first capabilities', Buffer.concat([head, u16(0x2c)]), { protocol: 10, capabilities: 0x2c }],
    [
      'no plugins: the scramble is the end',
      payloadOf(server.greeting({ capabilities: CAPABILITIES & ~C.pluginAuth })),
      { authPlugin: '' },
    ],
    [
      'the name of the plugin without its NUL',
      payloadOf(server.greeting()).subarray(0, -1),
      { authPlugin: 'mysql_native_password' },
    ],
    ['too many connections', payloadOf(server.err(1040, '', 'Too many connections', 0)), { kind: 'error', code: 1040 }],
    [
      'an error with a SQLSTATE',
      payloadOf(server.err(1129, 'HY000', 'Host is blocked', 0)),
      { kind: 'error', code: 1129, sqlState: 'HY000' },
    ],
    ['an error that is cut', Buffer.of(0xff, 0x10), 'truncated'],
    ['nothing', Buffer.alloc(0), 'truncated'],
    ['protocol 11', Buffer.concat([u8(11), cstr('9')]), 'unsupported_version'],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'unsupported_version'],
    ['a version without an end', Buffer.concat([u8(10), Buffer.alloc(60, 0x39)]), 'truncated'],
    ['more than any server sends', Buffer.concat([u8(10), Buffer.alloc(5000, 0x39)]), 'oversized'],
  ];
  for (const [name, payload, want] of cases)
    test(name, () => {
      const seen = guarded(payload, readGreeting);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});

test('a long scramble is stepped over by its length', () => {
  const greeting = payloadOf(server.greeting({ plugin: 'x' }));
  const scrambleLengthAt = greeting.indexOf(Buffer.alloc(12, 0x42)) - 11;
  expect(greeting[scrambleLengthAt]).toBe(21);
  greeting[scrambleLengthAt] = 22; // one byte more: the name's first
  expect(guarded(greeting, readGreeting)).toMatchObject({ authPlugin: '' });
});

test('versionNumber', () => {
  expect(versionNumber('10.11')).toBe(101100);
  expect(versionNumber('')).toBe(0);
  expect(versionNumber('1')).toBe(0);
});
