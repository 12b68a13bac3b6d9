import { describe, test } from 'vitest';
import { CAPABILITIES, client, packet, server, u8, u16, u32, zeros } from './testing/builders.ts';
import { expectFault, expectTold } from './testing/checks.ts';
import { login, loginAs, type Script } from './testing/story.ts';
import { Capability as C } from './wire.ts';

const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const NEXT: Script = [
  ['>', client.ping()],
  ['<', server.ok()],
];

describe('MY-21: where a reply ends', () => {
  const OLD = CAPABILITIES & ~C.deprecateEof;
  for (const [name, capabilities] of [
    ['DEPRECATE_EOF', CAPABILITIES],
    ['EOF', OLD],
  ] as const) {
    const first = capabilities & C.deprecateEof ? 3 : 4;
    const rowsOf = (...rows: Buffer[]): Buffer =>
      batch(server.columns(1, 1, capabilities), ...rows, server.end(2, first + rows.length, capabilities));
    test(`${name}: rows that begin with 0xfb, 0xfc and 0x00`, () => {
      const reply = rowsOf(
        server.row([null], first),
        server.row(['x'.repeat(300)], first + 1),
        server.row([''], first + 2),
        server.row(['y'.repeat(254)], first + 3),
      );
      expectTold(
        [...loginAs({ capabilities }), ['>', client.query('select 1')], ['<', reply], ...NEXT],
        ['query | select ? | ok | returned 4', 'ping | ping | ok'],
      );
    });
    test(`${name}: 251 columns and 300`, () => {
      for (const columns of [250, 251, 300]) {
        const definitions = server.columns(columns, 1, capabilities);
        const next = (1 + columns + (capabilities & C.deprecateEof ? 1 : 2)) & 0xff;
        const reply = batch(definitions, packet(next, zeros(columns)), server.end(2, (next + 1) & 0xff, capabilities));
        expectTold(
          [...loginAs({ capabilities }), ['>', client.query('select 1')], ['<', reply], ...NEXT],
          ['query | select ? | ok | returned 1', 'ping | ping | ok'],
        );
      }
    });
    test(`${name}: an empty packet is no row`, () =>
      expectFault(
        [
          ...loginAs({ capabilities }),
          ['>', client.query('select 1')],
          ['<', batch(server.columns(1, 1, capabilities), packet(first))],
        ],
        'undersized',
      ));
  }
  test('optional metadata (MySQL 8): the count says whether definitions follow, and so does a prepare', () => {
    const capabilities = CAPABILITIES | C.optionalResultsetMetadata;
    expectTold(
      [
        ...loginAs({ capabilities }),
        ['>', client.query('select 1')],
        ['<', batch(packet(1, u8(1), u8(0)), server.row(['1'], 2), server.end(2, 3))],
        ['>', client.query('select 1')],
        ['<', batch(packet(1, u8(1), u8(1)), server.column('a', 2), server.row(['1'], 3), server.end(2, 4))],
        ['>', client.prepare('select 2, 2')],
        ['<', packet(1, u8(0), u32(1), u16(2), u16(0), u8(0), u16(0), u8(0))],
        ...NEXT,
      ],
      ['query | select ? | ok | returned 1', 'query | select ? | ok | returned 1', 'ping | ping | ok'],
    );
  });
  const replies: [string, Script, string][] = [
    ['a reply that nobody waits for', [['<', server.ok()]], 'unexpected_reply'],
    [
      'a second reply',
      [
        ['>', client.ping()],
        ['<', batch(server.ok(), server.ok())],
      ],
      'unexpected_reply',
    ],
    [
      'a row in the place of the EOF behind definitions',
      [
        ['>', client.ping()],
        ['<', server.row(['1'], 1)],
      ],
      'unexpected_reply',
    ],
    [
      'a malformed column count',
      [
        ['>', client.query('select 1')],
        ['<', packet(1, u8(0xfc), u8(1))],
      ],
      'truncated',
    ],
    [
      'a column count of NULL for an execute',
      [
        ['>', client.execute(1)],
        ['<', packet(1, u8(0xfb))],
      ],
      'unknown_type',
    ],
    [
      'a column count of 2^32',
      [
        ['>', client.query('select 1')],
        ['<', packet(1, u8(0xfe), zeros(4), u32(1))],
      ],
      'oversized',
    ],
    [
      'a column count of 0 in a long form',
      [
        ['>', client.query('select 1')],
        ['<', packet(1, u8(0xfc), u16(0))],
      ],
      'unexpected_reply',
    ],
    [
      'an OK whose integer runs out of it',
      [
        ['>', client.ping()],
        ['<', packet(1, u8(0), u8(0xfe), zeros(3))],
      ],
      'truncated',
    ],
    [
      'an ERR without a code',
      [
        ['>', client.ping()],
        ['<', packet(1, u8(0xff), u8(1))],
      ],
      'truncated',
    ],
    [
      'an empty reply',
      [
        ['>', client.ping()],
        ['<', packet(1)],
      ],
      'undersized',
    ],
    ['an empty command', [['>', packet(0)]], 'undersized'],
  ];
  for (const [name, script, fault] of replies) test(name, () => expectFault([...login, ...script], fault));
});
