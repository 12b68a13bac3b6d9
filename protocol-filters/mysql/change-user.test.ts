import { describe, expect, test } from 'vitest';
import { readChangeUser } from './change-user.ts';
import { CAPABILITIES, client, cstr, payloadOf, u8, u16, zeros } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';
import { Capability as C, MAX_LOGIN_BYTES } from './wire.ts';

const read = (payload: Buffer, capabilities = CAPABILITIES) =>
  guarded(payload, (buf, start, end) => readChangeUser(buf, start, end, capabilities));
const head = Buffer.concat([u8(0x11), cstr('bob')]);
const NO_ATTRIBUTES = { programName: '', clientName: '', clientVersion: '', traceparent: '', isDoubtful: false };

test('all fields', () => {
  const payload = payloadOf(client.changeUser({ plugin: 'client_ed25519', attributes: { program_name: 'p' } }));
  expect(read(payload)).toEqual({
    user: 'bob',
    database: 'shop',
    collation: 45,
    authPlugin: 'client_ed25519',
    attributes: { ...NO_ATTRIBUTES, programName: 'p' },
    isCertain: true,
  });
});

describe('other shapes', () => {
  const shop = { user: 'bob', database: 'shop' };
  const cases: [name: string, payload: Buffer, capabilities: number, want: object | string][] = [
    [
      'it ends behind the database',
      Buffer.concat([head, u8(0), cstr('shop')]),
      CAPABILITIES,
      { ...shop, collation: 0 },
    ],
    ['and without its NUL', Buffer.concat([head, u8(0), Buffer.from('shop')]), CAPABILITIES, shop],
    [
      'it ends behind the collation',
      Buffer.concat([head, u8(0), cstr('shop'), u16(300)]),
      CAPABILITIES,
      { ...shop, collation: 300, authPlugin: '', attributes: NO_ATTRIBUTES },
    ],
    [
      'a NUL-terminated response',
      Buffer.concat([head, cstr('hash'), cstr('shop'), u16(8)]),
      CAPABILITIES & ~C.secureConnection,
      { ...shop, collation: 8 },
    ],
    [
      'a response of 253 bytes has one byte of length',
      Buffer.concat([head, u8(0xfd), zeros(0xfd), cstr('shop')]),
      CAPABILITIES,
      shop,
    ],
    ['no database', Buffer.concat([head, u8(0), cstr('')]), CAPABILITIES, { user: 'bob', database: '' }],
    ['a name without an end', Buffer.concat([u8(0x11), Buffer.from('bob')]), CAPABILITIES, 'truncated'],
    ['a response past the packet', Buffer.concat([head, u8(9), zeros(8)]), CAPABILITIES, 'truncated'],
    ['half a collation', Buffer.concat([head, u8(0), cstr('shop'), u8(1)]), CAPABILITIES, 'truncated'],
    [
      'attributes past the packet',
      Buffer.concat([head, u8(0), cstr('shop'), u16(1), cstr('x'), u8(9)]),
      CAPABILITIES,
      'truncated',
    ],
    ['larger than any', Buffer.concat([head, zeros(MAX_LOGIN_BYTES)]), CAPABILITIES, 'oversized'],
  ];
  for (const [name, payload, capabilities, want] of cases)
    test(name, () => {
      const seen = read(payload, capabilities);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});

test('the response is nowhere in what is told', () => {
  const response = Buffer.from('SECRET-SECRET-SECRET');
  expect(JSON.stringify(read(payloadOf(client.changeUser({ response }))))).not.toContain('SECRET');
});
