import { describe, expect, test } from 'vitest';
import { AuthDialogue, type AuthStep } from './auth.ts';
import { CAPABILITIES, payloadOf, server, u8, zeros } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';
import { Capability, MAX_AUTH_BYTES } from './wire.ts';

/** `<` and the server's payload, `>` and the client's bytes, and what the dialogue says to it. */
type Line = ['<', Buffer, AuthStep] | ['>', number, AuthStep];
const OK = payloadOf(server.ok());
const ERR = payloadOf(server.err(1045, '28000', 'Access denied'));
const more = (...bytes: number[]): Buffer => payloadOf(server.authMore(Buffer.from(bytes)));
const RSA_KEY = payloadOf(server.authMore(Buffer.from(`-----BEGIN PUBLIC KEY-----\n${'A'.repeat(380)}`)));
const change = (plugin: string): Buffer => payloadOf(server.authSwitch(plugin));

function play(dialogue: AuthDialogue, lines: readonly Line[]): AuthStep[] {
  return lines.map(([who, what]) => (who === '>' ? dialogue.onClient(what) : dialogue.onServer(what, 0, what.length)));
}

describe('dialogues', () => {
  const multiFactor = CAPABILITIES | Capability.multiFactorAuthentication;
  const cases: [name: string, plugin: string, capabilities: number, lines: Line[], want: object][] = [
    ['native password', 'mysql_native_password', CAPABILITIES, [['<', OK, 'ok']], { switches: 0 }],
    ['refused', 'mysql_native_password', CAPABILITIES, [['<', ERR, 'error']], {}],
    [
      'a switch',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('client_ed25519'), 'continue'],
        ['>', 64, 'continue'],
        ['<', OK, 'ok'],
      ],
      { switches: 1, plugin: 'client_ed25519' },
    ],
    [
      'several switches: MariaDB tries all plugins of an account',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('client_ed25519'), 'continue'],
        ['>', 64, 'continue'],
        ['<', change('mysql_native_password'), 'continue'],
        ['>', 20, 'continue'],
        ['<', ERR, 'error'],
      ],
      { switches: 2, plugin: 'mysql_native_password' },
    ],
    [
      'the old password',
      '',
      CAPABILITIES,
      [
        ['<', u8(0xfe), 'continue'],
        ['>', 9, 'continue'],
        ['<', OK, 'ok'],
      ],
      { switches: 1, plugin: 'mysql_old_password' },
    ],
    [
      'caching_sha2_password, fast: the server goes on by itself',
      'caching_sha2_password',
      CAPABILITIES,
      [
        ['<', more(3), 'continue'],
        ['<', OK, 'ok'],
      ],
      { fast: true, full: false },
    ],
    [
      'fast, and a client that speaks all the same',
      'caching_sha2_password',
      CAPABILITIES,
      [
        ['<', more(3), 'continue'],
        ['>', 1, 'out_of_order'],
      ],
      {},
    ],
    [
      'caching_sha2_password, full, with the RSA key',
      'caching_sha2_password',
      CAPABILITIES,
      [
        ['<', more(4), 'continue'],
        ['>', 1, 'continue'],
        ['<', RSA_KEY, 'continue'],
        ['>', 256, 'continue'],
        ['<', OK, 'ok'],
      ],
      { fast: false, full: true },
    ],
    [
      'full in TLS: the password itself',
      'caching_sha2_password',
      CAPABILITIES,
      [
        ['<', more(4), 'continue'],
        ['>', 7, 'continue'],
        ['<', OK, 'ok'],
      ],
      { full: true },
    ],
    [
      'a switch to caching_sha2_password, then fast',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('caching_sha2_password'), 'continue'],
        ['>', 32, 'continue'],
        ['<', more(3), 'continue'],
        ['<', OK, 'ok'],
      ],
      { switches: 1, fast: true },
    ],
    [
      'sha256_password with the RSA key',
      'sha256_password',
      CAPABILITIES,
      [
        ['<', change('sha256_password'), 'continue'],
        ['>', 1, 'continue'],
        ['<', RSA_KEY, 'continue'],
        ['>', 256, 'continue'],
        ['<', OK, 'ok'],
      ],
      { full: false },
    ],
    [
      'clear password',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('mysql_clear_password'), 'continue'],
        ['>', 12, 'continue'],
        ['<', ERR, 'error'],
      ],
      {},
    ],
    [
      'PAM with two questions, whose packets have no 0x01 in front',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', Buffer.concat([u8(0xfe), Buffer.from('dialog\0\x04Password: ')]), 'continue'],
        ['>', 7, 'continue'],
        ['<', Buffer.from('\x02PIN: '), 'continue'],
        ['>', 5, 'continue'],
        ['<', OK, 'ok'],
      ],
      { plugin: 'dialog', factors: 1 },
    ],
    [
      'GSSAPI: tokens, an empty packet, and a last word that wants no answer',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('auth_gssapi_client'), 'continue'],
        ['>', 900, 'continue'],
        ['<', Buffer.alloc(0), 'continue'],
        ['>', 0, 'continue'],
        ['<', Buffer.concat([u8(0xa1), zeros(100)]), 'continue'],
        ['<', OK, 'ok'],
      ],
      { plugin: 'auth_gssapi_client' },
    ],
    [
      'two factors',
      'caching_sha2_password',
      multiFactor,
      [
        ['<', more(3), 'continue'],
        ['<', payloadOf(server.authNextFactor('authentication_ldap_sasl_client')), 'continue'],
        ['>', 100, 'continue'],
        ['<', more(0x72, 0x3d), 'continue'],
        ['>', 80, 'continue'],
        ['<', OK, 'ok'],
      ],
      { factors: 2, plugin: 'authentication_ldap_sasl_client', fast: false },
    ],
    [
      "a server that gives up while it is the client's turn",
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('x'), 'continue'],
        ['<', ERR, 'error'],
      ],
      {},
    ],
    [
      'a server that does not wait for the answer',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('x'), 'continue'],
        ['<', OK, 'unexpected_reply'],
      ],
      {},
    ],
    ['a client that does not wait', 'mysql_native_password', CAPABILITIES, [['>', 20, 'out_of_order']], {}],
    [
      'an answer given twice',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', change('x'), 'continue'],
        ['>', 20, 'continue'],
        ['>', 20, 'out_of_order'],
      ],
      {},
    ],
    [
      'nothing after the end',
      'mysql_native_password',
      CAPABILITIES,
      [
        ['<', OK, 'ok'],
        ['>', 20, 'out_of_order'],
        ['<', OK, 'unexpected_reply'],
      ],
      {},
    ],
    ['a factor without a name', '', multiFactor, [['<', u8(2), 'truncated']], {}],
    [
      'a fourth factor',
      '',
      multiFactor,
      [
        ['<', payloadOf(server.authNextFactor('a')), 'continue'],
        ['>', 1, 'continue'],
        ['<', payloadOf(server.authNextFactor('b')), 'continue'],
        ['>', 1, 'continue'],
        ['<', payloadOf(server.authNextFactor('c')), 'oversized'],
      ],
      {},
    ],
    ['more than any plugin sends', '', CAPABILITIES, [['<', zeros(MAX_AUTH_BYTES + 1), 'oversized']], {}],
  ];
  for (const [name, plugin, capabilities, lines, want] of cases)
    test(name, () => {
      const dialogue = new AuthDialogue();
      // Used before: nothing of that may stay.
      dialogue.begin('old', -1);
      play(dialogue, [
        ['<', change('caching_sha2_password'), 'continue'],
        ['>', 1, 'continue'],
        ['<', more(4), 'continue'],
      ]);
      dialogue.begin(plugin, capabilities);
      expect(play(dialogue, lines)).toEqual(lines.map(([, , step]) => step));
      expect(dialogue).toMatchObject(want);
    });
});

test('an endless dialogue ends', () => {
  const dialogue = new AuthDialogue();
  dialogue.begin('dialog', CAPABILITIES);
  let step: AuthStep = 'continue';
  let packets = 0;
  while (step === 'continue' && packets++ < 1000) {
    step = dialogue.onServer(Buffer.from('\x02more?'), 0, 6);
    if (step === 'continue') step = dialogue.onClient(4);
  }
  expect(step).toBe('oversized');
});

test('a name is read within its packet and bounded', () => {
  const read = (buf: Buffer, start: number, end: number) => {
    const dialogue = new AuthDialogue();
    dialogue.begin('', CAPABILITIES);
    return [dialogue.onServer(buf, start, end), dialogue.plugin];
  };
  expect(guarded(Buffer.from('\xfename', 'latin1'), read)).toEqual(['continue', 'name']);
  expect(guarded(Buffer.concat([u8(0xfe), Buffer.alloc(500, 0x61)]), read)).toEqual(['continue', 'a'.repeat(64)]);
});
