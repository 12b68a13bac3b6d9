import { describe, expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { digests } from '../../test/support/filter-env.ts';
import { zookeeper } from './index.ts';
import { ask, asked, identities, join, reply, text } from './testing/builders.ts';
import { BEGUN, byteByByte, own, play, type Script } from './testing/story.ts';

const TOKEN = 'charset=utf-8,username="ann",realm="zk",response=s3cret';

const CASES: readonly (readonly [name: string, script: Script, user: string])[] = [
  ['nobody has said', [], ''],
  [
    'digest, once the server has accepted it',
    [
      ['>', asked(1, ask.auth('digest', 'ann:secret'))],
      ['<', reply(-4)],
    ],
    'digest:ann',
  ],
  ['digest that is not answered', [['>', asked(1, ask.auth('digest', 'ann:secret'))]], ''],
  [
    'digest that is refused',
    [
      ['>', asked(1, ask.auth('digest', 'ann:secret'))],
      ['<', reply(-4, -115)],
    ],
    '',
  ],
  [
    'digest without a name',
    [
      ['>', asked(1, ask.auth('digest', 'secret'))],
      ['<', reply(-4)],
    ],
    '',
  ],
  [
    'one after the other: the last',
    [
      ['>', asked(1, ask.auth('digest', 'ann:a'), ask.auth('digest', 'bob:b'), ask.auth('digest', 'eve:c'))],
      ['<', join(reply(-4), reply(-4), reply(-4, -115))],
    ],
    'digest:bob',
  ],
  [
    'a name with controls in it shows them',
    [
      ['>', asked(1, ask.auth('digest', 'a\nb\u001b:secret'))],
      ['<', reply(-4)],
    ],
    'digest:a\\x0ab\\x1b',
  ],
  [
    'another scheme: what it holds is no name',
    [
      ['>', asked(1, ask.auth('x509', 'ann:secret'))],
      ['<', reply(-4)],
    ],
    '',
  ],
  [
    'SASL by DIGEST-MD5: the server’s proof confirms the name',
    [
      ['>', asked(1, ask.sasl(''), ask.sasl(TOKEN))],
      ['<', join(reply(1, 0, text('nonce="x"')), reply(2, 0, text('rspauth=1')))],
    ],
    'sasl:ann',
  ],
  [
    'a digest behind a proved name: nobody proves it',
    [
      ['>', asked(1, ask.sasl(''), ask.sasl(TOKEN))],
      ['<', join(reply(1, 0, text('nonce="x"')), reply(2, 0, text('rspauth=1')))],
      ['>', asked(3, ask.auth('digest', 'bob:b'))],
      ['<', reply(-4)],
    ],
    'sasl:ann',
  ],
  [
    'SASL that went wrong, at a server that lets everybody stay',
    [
      ['>', asked(1, ask.sasl(TOKEN))],
      ['<', reply(1, 0, text(null))],
    ],
    '',
  ],
  [
    'SASL that is refused',
    [
      ['>', asked(1, ask.sasl(TOKEN))],
      ['<', reply(1, -115)],
    ],
    '',
  ],
  [
    'whoAmI: the first identity that is more than an address',
    [
      ['>', asked(1, ask.whoAmI())],
      ['<', reply(1, 0, identities(['ip', '10.0.0.1'], ['sasl', 'ann'], ['digest', 'bob']))],
    ],
    'sasl:ann',
  ],
  [
    'whoAmI of nobody',
    [
      ['>', asked(1, ask.whoAmI())],
      ['<', reply(1, 0, identities(['ip', '10.0.0.1']))],
    ],
    '',
  ],
];

describe('who is talking', () => {
  for (const [name, script, user] of CASES)
    test(name, () => {
      for (const cut of [undefined, byteByByte]) {
        const { facts } = play([...BEGUN, ...script], {}, cut).harness;
        expect([facts.user, facts.database, facts.application, facts.kind]).toEqual([user, '', '', '']);
      }
    });

  test('logins are counted, by scheme', () => {
    const on = play([
      ...BEGUN,
      ['>', asked(1, ask.auth('digest', 'a:b'), ask.auth('ip', ''), ask.sasl('x'), ask.sasl('y'))],
      ['<', join(reply(-4), reply(-4, -115), reply(3, 0, text('z')), reply(4, -115))],
    ]);
    expect([own(on, 'logins'), own(on, 'login_failures'), own(on, 'sasl_tokens')]).toEqual([1, 2, 2]);
    expect([own(on, 'auth.digest.accepted'), own(on, 'auth.ip.refused')]).toEqual([1, 1]);
    expect(own(on, 'error.AUTHFAILED.sasl.responses')).toBe(1);
  });
});

test('metadata: Envoy’s keys, paths as their patterns, and all operations beside', () => {
  const exchange = (kind: string, name: string, operations: readonly string[]) => {
    const targets = name === '' ? [] : [{ schema: '', name, operations }];
    const digest = digests.named('zookeeper', kind, `${kind} ${name}`, { targets, confidence: 'parsed' });
    return Object.assign(new Exchange(), { kind, digest, requestBytes: 27 });
  };
  const told = zookeeper.metadata([exchange('getData', '/a/*', ['read']), exchange('__proto__', '', [])]);
  expect(told['envoy.filters.network.zookeeper_proxy']).toEqual({ opname: 'getdata', path: '/a/*', bytes: '27' });
  expect(told['sluice.filters.network.zookeeper']).toEqual({
    operations: ['getData', '__proto__'],
    paths: { '/a/*': ['read'] },
  });
  expect(told['sluice.query']).toMatchObject({ protocol: 'zookeeper', relations: ['/a/*'], kind: 'getData' });
  expect(zookeeper.metadata([exchange('ruok', '', [])])['envoy.filters.network.zookeeper_proxy']).toEqual({
    opname: 'ruok',
    bytes: '27',
  });
});
