import { describe, expect, test } from 'vitest';
import { type Login, readLogin } from './login.ts';
import {
  CAPABILITIES,
  client,
  cstr,
  type LoginParts,
  lstr,
  payloadOf,
  u8,
  u16,
  u24,
  u32,
  zeros,
} from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';
import { Capability as C, MAX_LOGIN_BYTES } from './wire.ts';

const read = (message: Buffer, offered = -1, mariadb = 0x1f) =>
  guarded(payloadOf(message), (buf, start, end) => readLogin(buf, start, end, offered, mariadb));
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('all fields', () => {
  const attributes = {
    _os: 'Linux',
    program_name: 'report',
    _client_name: 'libmysql',
    _client_version: '8.0.36',
    _pid: '7',
    traceparent: TRACEPARENT,
  };
  expect(read(client.login41({ attributes, plugin: 'caching_sha2_password' }))).toEqual({
    kind: 'login',
    capabilities: CAPABILITIES,
    mariadbCapabilities: 0,
    maxPacketBytes: 0x1000000,
    collation: 45,
    user: 'ann',
    database: 'shop',
    authPlugin: 'caching_sha2_password',
    attributes: {
      programName: 'report',
      clientName: 'libmysql',
      clientVersion: '8.0.36',
      traceparent: TRACEPARENT,
      isDoubtful: false,
    },
    zstdLevel: 0,
    isCertain: true,
  } satisfies Login);
});

test('the login of the mariadb connector 3.5.4 at MariaDB 10.11.19, as recorded', () => {
  const bytes =
    '0aa3be0100000040e0000000000000000000000000000000000000001c0000006564323535313900149734d01a8836351ef517fa541a8ef1' +
    'f479ba898c73686f70006d7973716c5f6e61746976655f70617373776f726400fc6a000c5f636c69656e745f6e616d65164d617269614442' +
    '20636f6e6e6563746f722f4e6f64650f5f636c69656e745f76657273696f6e05332e352e34035f6f73056c696e75780c5f636c69656e745f' +
    '686f737402766d0d5f6e6f64655f76657273696f6e0732342e32312e30';
  const offered = 0x81ff_fffe | 0;
  expect(
    guarded(Buffer.from(bytes, 'hex'), (buf, start, end) => readLogin(buf, start, end, offered, 0x1d)),
  ).toMatchObject({
    user: 'ed25519',
    database: 'shop',
    authPlugin: 'mysql_native_password',
    collation: 224,
    mariadbCapabilities: 0x1c,
    attributes: { clientName: 'MariaDB connector/Node', clientVersion: '3.5.4' },
  });
});

describe('layouts', () => {
  const attributes = { program_name: 'p' };
  const zstd = CAPABILITIES | C.zstdCompressionAlgorithm;
  const oneByte = CAPABILITIES & ~C.pluginAuthLenencClientData;
  const cases: [name: string, parts: LoginParts, want: object][] = [
    ['a response of no bytes', { response: Buffer.alloc(0) }, { database: 'shop' }],
    ['a response of 300 bytes', { response: Buffer.alloc(300, 1) }, { database: 'shop' }],
    ['1-byte length', { capabilities: oneByte, response: Buffer.alloc(251, 1) }, { database: 'shop' }],
    [
      'NUL-terminated',
      { capabilities: oneByte & ~C.secureConnection, response: Buffer.from('hash') },
      { database: 'shop' },
    ],
    [
      'no database',
      { capabilities: CAPABILITIES & ~C.connectWithDb },
      { database: '', authPlugin: 'mysql_native_password' },
    ],
    ['no plugin', { capabilities: CAPABILITIES & ~C.pluginAuth, attributes }, { authPlugin: '', database: 'shop' }],
    ['no attributes', { capabilities: CAPABILITIES & ~C.connectAttrs }, { attributes: { programName: '' } }],
    ['zstd', { capabilities: zstd, zstdLevel: 9, attributes }, { zstdLevel: 9, attributes: { programName: 'p' } }],
    ['MariaDB', { capabilities: CAPABILITIES & ~C.mysql, mariadb: 0x1d }, { mariadbCapabilities: 0x1d }],
    ['nobody', { user: '', database: '' }, { user: '', database: '' }],
    ['names beyond ASCII', { user: 'åsa', database: 'büro' }, { user: 'åsa', database: 'büro' }],
    ['all bits but TLS', { capabilities: -1 & ~C.ssl & ~C.mysql }, { zstdLevel: 3 }],
  ];
  for (const [name, parts, want] of cases)
    test(name, () =>
      expect(read(client.login41(parts), parts.mariadb === undefined ? -1 : ~C.mysql)).toMatchObject({
        kind: 'login',
        user: 'ann',
        ...want,
      }),
    );

  test('every single bit flipped: the layout follows', () => {
    for (let bit = 0; bit < 32; bit++) {
      const capabilities = CAPABILITIES ^ (1 << bit);
      if (capabilities & C.ssl || !(capabilities & C.protocol41)) continue;
      const login = read(client.login41({ capabilities, attributes }));
      expect(login).toMatchObject({
        kind: 'login',
        user: 'ann',
        capabilities,
        database: capabilities & C.connectWithDb ? 'shop' : '',
        authPlugin: capabilities & C.pluginAuth ? 'mysql_native_password' : '',
        attributes: { programName: capabilities & C.connectAttrs ? 'p' : '' },
      });
    }
  });

  test('what the server does not offer does not shape the packet', () => {
    const offered = CAPABILITIES & ~C.connectAttrs & ~C.pluginAuth & ~C.pluginAuthLenencClientData;
    const sent = payloadOf(client.login41({ capabilities: offered })).fill(0);
    payloadOf(client.login41({ capabilities: offered })).copy(sent);
    sent.writeInt32LE(CAPABILITIES, 0);
    expect(guarded(sent, (buf, start, end) => readLogin(buf, start, end, offered, 0))).toMatchObject({
      capabilities: CAPABILITIES,
      database: 'shop',
      authPlugin: '',
    });
  });

  test('a server that does not know extended capabilities is not asked for them', () => {
    const login = client.login41({ capabilities: CAPABILITIES & ~C.mysql, mariadb: 0x1d });
    expect(read(login, CAPABILITIES)).toMatchObject({ mariadbCapabilities: 0 });
    expect(read(login, ~C.mysql, 0x05)).toMatchObject({ mariadbCapabilities: 0x05 });
  });
});

describe('TLS', () => {
  test('asked for', () =>
    expect(read(client.ssl())).toMatchObject({ kind: 'ssl', capabilities: CAPABILITIES | C.ssl }));
  test('asked for with a whole login in clear: it is not read', () =>
    expect(read(client.login41({ capabilities: CAPABILITIES | C.ssl }))).toMatchObject({ kind: 'ssl' }));
  test('before 4.1', () =>
    expect(read(Buffer.concat([zeros(4), u16(C.ssl), u24(0xffffff)]))).toMatchObject({ kind: 'ssl' }));
  test('claimed where the server does not offer it: a login, and this one is cut', () =>
    expect(read(client.ssl(), CAPABILITIES)).toBe('truncated'));
});

describe('before 4.1', () => {
  const cases: [name: string, message: Buffer, want: object | string][] = [
    ['with a database', client.login320('ann', 'shop'), { user: 'ann', database: 'shop', collation: 0 }],
    ['without', client.login320('ann'), { user: 'ann', database: '' }],
    [
      'no password, and nothing behind the name',
      Buffer.concat([zeros(4), u16(1), u24(0), cstr('ann')]),
      { user: 'ann', database: '' },
    ],
    ['a name without an end', Buffer.concat([zeros(4), u16(1), u24(0), Buffer.from('ann')]), 'truncated'],
    ['cut', Buffer.concat([zeros(4), u16(1)]), 'truncated'],
  ];
  for (const [name, message, want] of cases)
    test(name, () => {
      const seen = read(message);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject({ kind: 'login', ...want });
    });
});

describe('hostile', () => {
  const head = Buffer.concat([u32(CAPABILITIES), u32(0), u8(45), zeros(23), cstr('ann')]);
  const withAttributes = (block: Buffer) =>
    Buffer.concat([zeros(4), head, lstr(''), cstr('shop'), cstr('plugin'), block]);
  const cases: [name: string, message: Buffer, want: string][] = [
    ['one byte', Buffer.concat([zeros(4), u8(0)]), 'truncated'],
    ['a response past the packet', Buffer.concat([zeros(4), head, u8(200), zeros(20)]), 'truncated'],
    [
      'a response of 2^64 - 1 bytes',
      Buffer.concat([zeros(4), head, Buffer.alloc(9, 0xff).fill(0xfe, 0, 1)]),
      'oversized',
    ],
    ['a response of NULL', Buffer.concat([zeros(4), head, u8(0xfb)]), 'unknown_type'],
    ['attributes past the packet', withAttributes(Buffer.concat([u8(50), lstr('a'), lstr('b')])), 'truncated'],
    ['a key past the attributes', withAttributes(lstr(Buffer.of(9, 97))), 'truncated'],
    ['a value past the attributes', withAttributes(lstr(Buffer.concat([lstr('a'), u8(9)]))), 'truncated'],
    ['a key without a value', withAttributes(lstr(lstr('a'))), 'truncated'],
    ['larger than any login', Buffer.concat([zeros(4), head, zeros(MAX_LOGIN_BYTES)]), 'oversized'],
  ];
  for (const [name, message, want] of cases) test(name, () => expect(read(message)).toBe(want));

  test('10,000 attributes: the first are read, all are stepped over', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 'v']));
    const message = client.login41({ attributes: { program_name: 'p', ...many } });
    expect(read(message)).toMatchObject({ attributes: { programName: 'p' } });
  });

  test('long values are cut', () => {
    const login = read(client.login41({ attributes: { program_name: 'p'.repeat(5000) }, user: 'u'.repeat(5000) }));
    expect(login).toMatchObject({ attributes: { programName: 'p'.repeat(256) }, user: 'u'.repeat(512) });
  });

  test('the response is nowhere in what is told', () => {
    const response = Buffer.from('SECRET-SECRET-SECRET');
    expect(JSON.stringify(read(client.login41({ response })))).not.toContain('SECRET');
  });
});
