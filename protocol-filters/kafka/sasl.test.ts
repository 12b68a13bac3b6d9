import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { ask, join, reply, token } from './testing/builders.ts';
import { own, play, type Script, stage, tells, told } from './testing/story.ts';

const handshake = (version: number, mechanism: string, errorCode = 0): Script => [
  ['>', ask('SaslHandshake', version, { mechanism })],
  ['<', reply('SaslHandshake', version, { errorCode, mechanisms: [mechanism] })],
];
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const step = (said: string, answer: string, errorCode = 0): Script => [
  ['>', ask('SaslAuthenticate', 1, { authBytes: bytes(said) })],
  ['<', reply('SaslAuthenticate', 1, { errorCode, errorMessage: null, authBytes: bytes(answer) })],
];
const METADATA: Script = [
  ['>', ask('Metadata', 1, { topics: [] })],
  ['<', reply('Metadata', 1, {})],
];
const PLAIN = '\0ada\0secret';
const FIRST = 'n,,n=ada,r=nonce';
const FINAL = 'c=biws,r=nonce2,p=proof';
const AUTHENTICATED = 'sasl_authenticate | SaslAuthenticate | ok';
const HANDSHAKE = 'sasl_handshake | SaslHandshake | ok';
const login = (on: Parameters<typeof own>[0], name: string): number => own(on, `auth.${name}`) || 0;

describe('logins with headers (SaslHandshake v1)', () => {
  tells('PLAIN', [...handshake(1, 'PLAIN'), ...step(PLAIN, '')], [HANDSHAKE, AUTHENTICATED], (on) => {
    expect(on.harness.facts.user).toBe('ada');
    expect(login(on, 'PLAIN.logins')).toBe(1);
  });
  tells(
    'PLAIN, refused',
    [...handshake(1, 'PLAIN'), ...step(PLAIN, '', 58)],
    [HANDSHAKE, 'sasl_authenticate | SaslAuthenticate | error | SASL_AUTHENTICATION_FAILED'],
    (on) => {
      expect(on.harness.facts.user).toBe('');
      expect(login(on, 'PLAIN.login_failures')).toBe(1);
    },
  );
  describe('a client that does not wait for the answer to its handshake', () => {
    const both = (said: string): Buffer =>
      join(
        ask('SaslHandshake', 1, { mechanism: 'PLAIN' }, 1),
        ask('SaslAuthenticate', 1, { authBytes: bytes(said) }, 2),
      );
    const answers = (refused: number, failed: number): Buffer =>
      join(
        reply('SaslHandshake', 1, { errorCode: refused, mechanisms: ['PLAIN'] }, 1),
        reply('SaslAuthenticate', 1, { errorCode: failed, errorMessage: null, authBytes: bytes('') }, 2),
      );
    test.each([
      ['is who it says', 0, 0, 'ada'],
      ['is nobody where its password is wrong', 0, 58, ''],
      ['is nobody where its mechanism is refused', 33, 34, ''],
    ])('%s', (_, refused, failed, user) => {
      const on = play([
        ['>', both(PLAIN)],
        ['<', answers(refused, failed)],
      ]);
      expect(on.harness.facts.user).toBe(user);
      expect(login(on, 'PLAIN.logins')).toBe(user === '' ? 0 : 1);
    });
    test('nor is it somebody else by a token that an earlier handshake was sent with', () => {
      const on = play([
        ['>', both('\0root\0guess')],
        ['<', answers(33, 34)],
        ...handshake(1, 'PLAIN'),
        ...step(PLAIN, ''),
      ]);
      expect(on.harness.facts.user).toBe('ada');
    });
  });
  tells(
    'SCRAM takes two rounds',
    [...handshake(1, 'SCRAM-SHA-256'), ...step(FIRST, 'r=nonce2,s=salt,i=4096'), ...step(FINAL, 'v=proof')],
    [HANDSHAKE, AUTHENTICATED, AUTHENTICATED],
    (on) => expect([on.harness.facts.user, login(on, 'SCRAM-SHA-256.logins')]).toEqual(['ada', 1]),
  );
  test('SCRAM is not over after the first round', () => {
    const on = play([...handshake(1, 'SCRAM-SHA-512'), ...step(FIRST, 'r=nonce2,s=salt,i=4096')]);
    expect(on.harness.facts.user).toBe('');
    expect(login(on, 'SCRAM-SHA-512.login_failures')).toBe(1); // the connection ended
  });
  test('a user with a comma in the name', () => {
    const on = play([...handshake(1, 'SCRAM-SHA-256'), ...step('n,,n=a=2Cb=3D,r=x', 'r='), ...step(FINAL, 'v=1')]);
    expect(on.harness.facts.user).toBe('a,b=');
  });
  tells(
    'what nobody here can check names nobody (KF-12: OAUTHBEARER)',
    [
      ...handshake(1, 'OAUTHBEARER'),
      ...step('n,,\x01auth=Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.\x01\x01', ''),
    ],
    [HANDSHAKE, AUTHENTICATED],
    (on) => expect([on.harness.facts.user, login(on, 'OAUTHBEARER.logins')]).toEqual(['', 1]),
  );
  test('an OAUTHBEARER error comes as a token', () => {
    const on = play([
      ...handshake(1, 'OAUTHBEARER'),
      ...step('n,,\x01auth=Bearer x\x01\x01', '{"status":"invalid_token"}'),
    ]);
    expect(login(on, 'OAUTHBEARER.login_failures')).toBe(1);
  });
  test('a delegation token is no user (KF-12)', () => {
    const on = play([
      ...handshake(1, 'SCRAM-SHA-256'),
      ...step('n,,n=T0ken,r=nonce,tokenauth=true', 'r=nonce2,s=salt,i=4096'),
      ...step(FINAL, 'v=proof'),
    ]);
    expect(on.harness.facts.user).toBe('token:T0ken');
  });
  test('GSSAPI is over when the broker serves', () => {
    const rounds = [...handshake(1, 'GSSAPI'), ...step('`\x82', 'x'), ...step('', 'y'), ...step('z', '')];
    expect(login(play(rounds), 'GSSAPI.logins')).toBe(0);
    const on = play([...rounds, ...METADATA]);
    expect([on.harness.facts.user, login(on, 'GSSAPI.logins')]).toEqual(['', 1]);
  });
  tells(
    'a mechanism that the broker has not',
    handshake(1, 'PLAIN', 33),
    ['sasl_handshake | SaslHandshake | error | UNSUPPORTED_SASL_MECHANISM'],
    (on) => expect(login(on, 'PLAIN.login_failures')).toBe(1),
  );
  tells(
    'again on the same connection, as somebody else (KF-13)',
    [
      ...handshake(1, 'PLAIN'),
      ...step(PLAIN, ''),
      ...METADATA,
      ...handshake(1, 'PLAIN'),
      ...step('\0bob\0x', '', 58),
      ...handshake(1, 'PLAIN'),
      ...step('\0eve\0x', ''),
    ],
    [
      HANDSHAKE,
      AUTHENTICATED,
      'metadata | Metadata | ok',
      HANDSHAKE,
      'sasl_authenticate | SaslAuthenticate | error | SASL_AUTHENTICATION_FAILED',
      HANDSHAKE,
      AUTHENTICATED,
    ],
    (on) => {
      expect(on.harness.confirmed.map(({ user }) => user).filter((user) => user !== undefined)).toEqual(['ada', 'eve']);
      expect(own(on, 'reauthentications')).toBe(2);
    },
  );
});

describe('logins without headers (SaslHandshake v0)', () => {
  const ACCEPTED = 'sasl_token | SaslToken PLAIN | ok';
  tells(
    'PLAIN: one token each way, then requests (KF-11)',
    [...handshake(0, 'PLAIN'), ['>', token(PLAIN)], ['<', token('')], ...METADATA],
    [HANDSHAKE, ACCEPTED, 'metadata | Metadata | ok'],
    (on) => {
      expect(on.harness.facts.user).toBe('ada');
      expect(on.harness.ended[1]).toMatchObject({ requestBytes: 15, replyBytes: 4 });
    },
  );
  tells(
    'a token that reads like a request is a token (KF-11)',
    [
      ...handshake(0, 'PLAIN'),
      ['>', ask('Produce', 3, { acks: 0, topicData: [] }, 1, 'ada\0x')],
      ['<', token('')],
      ...METADATA,
    ],
    [HANDSHAKE, ACCEPTED, 'metadata | Metadata | ok'],
  );
  tells(
    'SCRAM: two of them',
    [
      ...handshake(0, 'SCRAM-SHA-256'),
      ['>', token(FIRST)],
      ['<', token('r=nonce2,s=salt,i=4096')],
      ['>', token(FINAL)],
      ['<', token('v=proof')],
      ...METADATA,
    ],
    [
      HANDSHAKE,
      'sasl_token | SaslToken SCRAM-SHA-256 | ok',
      'sasl_token | SaslToken SCRAM-SHA-256 | ok',
      'metadata | Metadata | ok',
    ],
    (on) => expect(on.harness.facts.user).toBe('ada'),
  );
  tells(
    'GSSAPI: until a request comes; its last token has no answer',
    [
      ...handshake(0, 'GSSAPI'),
      ['>', token('`\x82\x01\x02token')],
      ['<', token('`answer')],
      ['>', token('')],
      ['<', token('\x05\x04wrapped')],
      ['>', token('\x05\x04\x01\x02choice')],
      ...METADATA,
    ],
    [
      HANDSHAKE,
      'sasl_token | SaslToken GSSAPI | ok',
      'sasl_token | SaslToken GSSAPI | ok',
      'sasl_token | SaslToken GSSAPI | ok',
      'metadata | Metadata | ok | pipelined',
    ],
    (on) => expect(login(on, 'GSSAPI.logins')).toBe(1),
  );
  test('the broker hangs up on a wrong password', () => {
    const on = play([...handshake(0, 'PLAIN'), ['>', token(PLAIN)]]);
    expect(told(on)).toEqual([HANDSHAKE, 'sasl_token | SaslToken PLAIN | lost']);
    expect([on.harness.facts.user, login(on, 'PLAIN.login_failures')]).toEqual(['', 1]);
  });
  test('who does not wait for the broker may mean a token or a request', () => {
    const on = play([
      ['>', join(ask('SaslHandshake', 0, { mechanism: 'PLAIN' }), token(PLAIN))],
      ['<', reply('SaslHandshake', 0, { mechanisms: [] })],
    ]);
    expect(on.harness.opaqueReasons).toEqual(['ambiguous']);
    expect(own(on, 'opaque.ambiguous.sessions')).toBe(1);
  });
  test('a mechanism of which nobody knows how long it talks', () => {
    const on = play(handshake(0, 'HOMEMADE'));
    expect(told(on)).toEqual([HANDSHAKE]);
    expect(on.harness.opaqueReasons).toEqual(['unsupported_version']);
    expect(login(on, 'other.logins')).toBe(0);
  });
  test('what was refused changes nothing', () => {
    tellsNothing(play([...handshake(0, 'PLAIN', 33), ...METADATA]));
  });
  function tellsNothing(on: ReturnType<typeof play>): void {
    expect(told(on).at(-1)).toBe('metadata | Metadata | ok');
    expect(on.harness.opaqueReasons).toEqual([]);
  }
});

test('no secret stands anywhere in what is told (KF-12)', () => {
  const on = stage();
  const script: Script = [
    ...handshake(1, 'PLAIN'),
    ...step('\0ada\0s3cr3t-one', ''),
    ...handshake(0, 'PLAIN'),
    ['>', token('\0ada\0s3cr3t-two')],
    ['<', token('')],
  ];
  for (const [who, said] of script) on.harness.feed(who === '>' ? Side.downstream : Side.upstream, said);
  on.harness.finish();
  const all = JSON.stringify([on.harness.ended, on.harness.confirmed, on.harness.facts, on.stats.list]);
  expect(all).toContain('ada');
  expect(all).not.toContain('s3cr3t');
});
