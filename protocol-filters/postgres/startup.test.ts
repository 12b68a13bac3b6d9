import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { postgres } from './index.ts';
import { client, cstr, i32, server } from './testing/builders.ts';
import { byteByByte, envoy, login, own, play, type Script, said, stage, whole } from './testing/story.ts';

const KEY = Buffer.from('0000002a01020304', 'hex');
const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const raw = (code: number, ...rest: Uint8Array[]): Buffer => {
  const body = batch(...rest);
  return batch(i32(body.length + 8), i32(code), body);
};

interface Case {
  readonly name: string;
  readonly script: Script;
  readonly connects?: string[];
  readonly opaque?: string[];
  readonly counts: Record<string, number>;
  readonly facts?: Record<string, unknown>;
}

const cases: Case[] = [
  {
    name: 'trust',
    script: login,
    connects: [''],
    counts: { logins: 1, messages: 7, sessions: 1, sessions_unencrypted: 1, messages_frontend: 0 },
    facts: { user: 'ann', database: 'shop', application: 'test', serverVersion: '15.3', kind: '' },
  },
  {
    name: 'the database defaults to the user',
    script: [
      ['>', client.startup({ user: 'ann' })],
      ['<', server.welcome()],
    ],
    counts: { logins: 1 },
    facts: { database: 'ann' },
  },
  {
    name: 'protocol 3.2, answered with a lower version, and a long key',
    script: [
      ['>', client.startup({ user: 'ann' }, 0x30002)],
      ['<', batch(server.negotiate(), server.authenticationOk(), server.key(Buffer.alloc(4 + 32, 7)), server.ready())],
    ],
    counts: { logins: 1 },
  },
  {
    name: 'a password in clear, asked for and given',
    script: [
      ['>', client.startup()],
      ['<', server.authentication(3)],
      ['>', client.password()],
      ['<', server.welcome()],
    ],
    counts: { logins: 1, messages_frontend: 1 },
  },
  {
    name: 'SCRAM in its three steps',
    script: [
      ['>', client.startup()],
      ['<', server.authentication(10, cstr('SCRAM-SHA-256'), Buffer.of(0))],
      ['>', client.password('n,,n=,r=x')],
      ['<', server.authentication(11, Buffer.from('r=x'))],
      ['>', client.password('c=x')],
      ['<', batch(server.authentication(12, Buffer.from('v=x')), server.welcome())],
    ],
    counts: { logins: 1, messages_frontend: 2 },
  },
  {
    name: 'GSS, several rounds',
    script: [
      ['>', client.startup()],
      ['<', server.authentication(7)],
      ['>', client.password()],
      ['<', server.authentication(8, Buffer.from('token'))],
      ['>', client.password()],
      ['<', server.welcome()],
    ],
    counts: { logins: 1 },
  },
  {
    name: 'a login that the server refuses confirms nobody',
    script: [
      ['>', client.startup()],
      ['<', server.authentication(5, Buffer.from('salt'))],
      ['>', client.password()],
      ['<', server.error('28P01', 'FATAL')],
    ],
    counts: { logins: 0, login_failures: 1, errors_fatal: 1, sessions: 0 },
    facts: { user: '' },
  },
  {
    name: 'SSLRequest refused by the server: decoding goes on',
    script: [['>', client.ssl()], ['<', Buffer.from('N')], ...login],
    connects: ['', ''],
    counts: { ssl_requests: 1, ssl_refused: 1, logins: 1, sessions_encrypted: 0, messages_frontend: 1 },
    facts: { user: 'ann' },
  },
  {
    name: 'SSLRequest accepted: unreadable by their own will',
    script: [
      ['>', client.ssl()],
      ['<', Buffer.from('S')],
      ['>', Buffer.from('160301', 'hex')],
    ],
    opaque: ['encrypted'],
    counts: { ssl_requests: 1, ssl_refused: 0, sessions: 1, sessions_encrypted: 1, 'opaque.encrypted.sessions': 1 },
  },
  {
    name: 'SSLRequest answered by an error message',
    script: [
      ['>', client.ssl()],
      ['<', server.error('53300', 'FATAL')],
    ],
    counts: { login_failures: 1, errors_fatal: 1 },
  },
  {
    name: 'GSSENCRequest refused, then SSLRequest refused, then in clear',
    script: [['>', client.gssenc()], ['<', Buffer.from('N')], ['>', client.ssl()], ['<', Buffer.from('N')], ...login],
    connects: ['', '', ''],
    counts: { gssenc_requests: 1, ssl_requests: 1, logins: 1, sessions: 1 },
  },
  {
    name: 'GSSENCRequest accepted',
    script: [
      ['>', client.gssenc()],
      ['<', Buffer.from('G')],
    ],
    opaque: ['encrypted'],
    counts: { sessions_encrypted: 1 },
  },
  {
    name: 'a direct TLS handshake',
    script: [['>', Buffer.from('16030100f8010000f4', 'hex')]],
    opaque: ['encrypted'],
    counts: { direct_tls: 1, sessions_encrypted: 1 },
  },
  {
    name: 'a walsender',
    script: [
      ['>', client.startup({ user: 'ann', replication: 'yes' })],
      ['<', server.welcome()],
    ],
    counts: { replication_sessions: 1 },
    facts: { kind: 'replication' },
  },
  {
    name: 'replication=off is an ordinary session',
    script: [
      ['>', client.startup({ user: 'ann', replication: 'off' })],
      ['<', server.welcome()],
    ],
    counts: { replication_sessions: 0 },
    facts: { kind: '' },
  },
  {
    name: 'settings in the startup message are noted',
    script: [
      ['>', client.startup({ user: 'ann', options: '-c search_path=x' })],
      ['<', server.welcome()],
    ],
    counts: { startup_settings: 1 },
  },
  {
    name: 'an application_name that is a traceparent names a trace, not an application',
    script: [
      ['>', client.startup({ user: 'ann', application_name: TRACE })],
      ['<', server.welcome(TRACE)],
    ],
    counts: { logins: 1 },
    facts: { application: '', traceparent: TRACE },
  },
  {
    name: 'CancelRequest with a key that somebody issued',
    script: [['>', client.cancel(KEY)]],
    connects: [KEY.toString('hex')],
    counts: { cancel_requests: 1, cancel_requests_unknown_key: 0, sessions: 0, messages_frontend: 1 },
  },
  {
    name: 'CancelRequest with a key that nobody issued',
    script: [['>', client.cancel(Buffer.alloc(36, 9))]],
    connects: [Buffer.alloc(36, 9).toString('hex')],
    counts: { cancel_requests: 1, cancel_requests_unknown_key: 1 },
  },
];

describe('how a session begins', () => {
  for (const { name, script, connects, opaque, counts, facts } of cases)
    for (const cut of [whole, byteByByte])
      test(`${name}${cut === whole ? '' : ', byte by byte'}`, () => {
        const on = play(script, { issuedKeys: new Set([KEY.toString('hex')]) }, cut);
        if (connects) expect(on.harness.connects).toEqual(connects);
        expect(on.harness.opaqueReasons).toEqual(opaque ?? []);
        for (const [stat, want] of Object.entries(counts))
          expect(`${stat} ${own(on, stat) || envoy(on, stat) || 0}`).toBe(`${stat} ${want}`);
        if (facts) expect(on.harness.facts).toMatchObject(facts);
        expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
        expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
      });

  test('the server is dialled only when the first message is known', () => {
    const { harness } = stage();
    const startup = client.startup();
    harness.feed(Side.downstream, startup.subarray(0, startup.length - 1));
    expect(harness.connects).toEqual([]);
    harness.feed(Side.downstream, startup.subarray(startup.length - 1));
    expect(harness.connects).toEqual(['']);
  });

  test('the key that the server issued is learnt', () => {
    expect(play(login).harness.learned).toEqual([KEY.toString('hex')]);
  });
});

describe('refuse_ssl', () => {
  for (const cut of [whole, byteByByte])
    test(`answers N, then goes back to the tap${cut === whole ? '' : ', byte by byte'}`, () => {
      const script: Script = [
        ['>', client.gssenc()],
        ['>', client.ssl()],
        ['>', client.startup()],
        ['<', server.welcome()],
        ['>', client.query('select 1')],
        ['<', batch(server.complete('SELECT 0'), server.ready())],
      ];
      const on = play(script, { options: { refuse_ssl: true } }, cut);
      expect(on.harness.sent(Side.downstream)).toEqual(batch(Buffer.from('NN'), said(script, '<')));
      expect(on.harness.sent(Side.upstream)).toEqual(batch(client.startup(), client.query('select 1')));
      expect(on.harness.gear(Side.downstream)).toBe('tap');
      expect(on.harness.connects).toEqual(['']);
      expect([own(on, 'ssl_requests'), own(on, 'ssl_refused'), own(on, 'gssenc_requests')]).toEqual([1, 1, 1]);
      expect(on.harness.ended.length).toBe(1);
    });

  test('startup and a query in one segment', () => {
    const on = play([['>', batch(client.ssl(), client.startup(), client.query('select 1'))]], {
      options: { refuse_ssl: true },
    });
    expect(on.harness.sent(Side.upstream)).toEqual(batch(client.startup(), client.query('select 1')));
  });
});

const hostile: [string, Buffer, string][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'foreign_protocol'],
  ['a length below the header', raw(0x30000).fill(0, 0, 4).fill(7, 3, 4), 'undersized'],
  ['a length of 10,001', batch(i32(10_001), i32(0x30000)), 'oversized'],
  ['a length near 2^31', Buffer.from('7fffffff00030000', 'hex'), 'foreign_protocol'],
  ['a negative length', Buffer.from('ffffffff00030000', 'hex'), 'foreign_protocol'],
  ['protocol 2.0', raw(0x20000, Buffer.alloc(20)), 'unsupported_version'],
  ['an unknown code', raw(80877101), 'foreign_protocol'],
  ['SSLRequest with something inside', raw(80877103, Buffer.of(1)), 'oversized'],
  ['CancelRequest without a whole key', raw(80877102, Buffer.alloc(7)), 'undersized'],
  ['CancelRequest with a key of 257 bytes', raw(80877102, Buffer.alloc(4 + 257)), 'oversized'],
  ['bytes behind SSLRequest', batch(client.ssl(), client.startup()), 'out_of_order'],
  ['bytes behind CancelRequest', batch(client.cancel(KEY), Buffer.of(0)), 'out_of_order'],
  ['a password before it was asked for is no fault, but a query instead of it is', batch(client.startup()), ''],
];

describe('hostile beginnings', () => {
  for (const [name, bytes, reason] of hostile) {
    test(`${name}: observed bytes flow on unread`, () => {
      const more = Buffer.from('and more');
      for (const cut of [whole, byteByByte]) {
        const on = play([['>', bytes], ...(reason ? [['>', more] as const] : [])], {}, cut);
        expect(on.harness.opaqueReasons).toEqual(reason ? [reason] : []);
        expect(on.harness.sent(Side.upstream)).toEqual(reason ? batch(bytes, more) : bytes);
        expect(on.harness.connects.length).toBeGreaterThan(0);
        if (reason) expect(own(on, `opaque.${reason}.sessions`)).toBe(1);
      }
    });
    if (reason)
      test(`${name}: an enforced connection closes, nothing unreadable leaves`, () => {
        const issuedKeys = new Set([KEY.toString('hex')]);
        const on = play([['>', bytes]], { enforces: true, judge: () => null, issuedKeys });
        // Enforced sessions answer SSLRequest themselves: a startup message may then follow at once.
        const readable = name === 'bytes behind SSLRequest';
        expect(on.harness.closed).toBe(readable ? '' : `opaque:${reason}`);
        if (!name.includes('CancelRequest') && !readable) expect(on.harness.sent(Side.upstream).length).toBe(0);
      });
  }

  const startups: [string, Buffer[]][] = [
    ['no user', [cstr('database'), cstr('x'), Buffer.of(0)]],
    ['an empty user', [cstr('user'), cstr(''), Buffer.of(0)]],
    ['two users', [cstr('user'), cstr('a'), cstr('user'), cstr('b'), Buffer.of(0)]],
    ['two options', [cstr('user'), cstr('a'), cstr('options'), cstr('b'), cstr('options'), cstr('c'), Buffer.of(0)]],
    ['no terminator', [cstr('user'), cstr('a')]],
    ['bytes behind the terminator', [cstr('user'), cstr('a'), Buffer.of(0, 1)]],
    ['a name without its value', [cstr('user'), Buffer.of(0)]],
    ['a user of 64 bytes', [cstr('user'), cstr('u'.repeat(64)), Buffer.of(0)]],
  ];
  for (const [name, parts] of startups)
    test(`${name}: enforced closes with the server's own kind of error, observed lets the server say`, () => {
      const bytes = raw(0x30000, ...parts);
      const strict = play([['>', bytes]], { enforces: true, judge: () => null }).harness;
      expect(strict.closed).toBe('opaque:ambiguous');
      expect(strict.sent(Side.upstream).length).toBe(0);
      expect(strict.sent(Side.downstream).toString('latin1')).toContain('SFATAL\0VFATAL\0C08P01');
      expect(play([['>', bytes]]).harness.opaqueReasons).toEqual([]);
    });

  test('9,999 and 10,000 bytes of startup are read, and never more is kept than came', () => {
    for (const size of [9_999, 10_000]) {
      const bytes = raw(
        0x30000,
        cstr('user'),
        cstr('a'),
        cstr('x'),
        cstr('y'.repeat(size - 8 - 5 - 2 - 2 - 2)),
        Buffer.of(0),
      );
      expect(bytes.length).toBe(size);
      expect(play([['>', bytes]], {}, byteByByte).harness.opaqueReasons).toEqual([]);
    }
  });

  test('the server answers SSLRequest with something else', () => {
    for (const answer of ['X', 'G']) {
      const on = play([
        ['>', client.ssl()],
        ['<', Buffer.from(answer)],
      ]);
      expect(on.harness.opaqueReasons).toEqual(['unexpected_reply']);
    }
  });

  test('the server speaks first', () => {
    expect(play([['<', server.welcome()]]).harness.opaqueReasons).toEqual(['unexpected_reply']);
  });
});

test('detect', () => {
  const says = (bytes: Buffer): string => postgres.detect!(bytes);
  expect(says(client.startup())).toBe('yes');
  expect(says(client.ssl())).toBe('yes');
  expect(says(client.cancel(KEY))).toBe('yes');
  expect(says(client.ssl().subarray(0, 7))).toBe('more');
  expect(says(Buffer.alloc(0))).toBe('more');
  expect(says(Buffer.from('GET / HTTP/1.1'))).toBe('no');
  expect(says(Buffer.from('16030100', 'hex'))).toBe('no');
  expect(says(raw(42))).toBe('no');
});
