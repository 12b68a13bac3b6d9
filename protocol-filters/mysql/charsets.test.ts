import { describe, expect, test } from 'vitest';
import { charsetNamed, charsetOf, utf8Of } from './charsets.ts';
import { client, packet, server, u8 } from './testing/builders.ts';
import { login, loginAs, play, type Script, stage, told } from './testing/story.ts';

const utf8 = (name: string, hex: string): string | undefined => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const guarded = Buffer.concat([Buffer.of(0x81), bytes, Buffer.of(0x5c)]);
  return utf8Of(charsetNamed(name)!, guarded, 1, 1 + bytes.length)?.toString();
};

describe('MY-18: character sets whose characters can hold a quote or a backslash', () => {
  const cases: [name: string, charset: string, hex: string, want: string | undefined][] = [
    ['ASCII is UTF-8', 'gbk', '27 5c 27', undefined],
    ['a backslash in a character', 'gbk', '27 bf 5c 27', "'\u7e17'"],
    ['a backslash behind a character', 'gbk', 'bf aa 5c', '\u5f00\\'],
    ['a first byte before a quote is none', 'gbk', 'bf 27', "\ufffd'"],
    ['at the end of the text', 'gbk', '61 bf', 'a\ufffd'],
    ['four bytes', 'gb18030', '81 30 81 30 5c', '\u0080\\'],
    ['a backslash in sjis', 'sjis', '95 5c 27', "\u8868'"],
    ['half-width letters stand alone', 'sjis', 'b1 5c', '\uff71\\'],
    ['a backquote in cp932', 'cp932', '83 60', '\u30c1'],
    ['a backslash in big5', 'big5', 'a5 5c 27', "\u529f'"],
    ['the server does not take this for a first byte', 'big5', '87 5c', '\ufffd\\'],
    ['a pair that Unicode lacks holds no quote all the same', 'sjis', 'fc 5c 27', "\ufffd'"],
  ];
  for (const [name, charset, hex, want] of cases)
    test(`${charset}: ${name}`, () => expect(utf8(charset, hex)).toBe(want));

  test('by the numbers of their collations, and by name', () => {
    expect([1, 84, 13, 88, 28, 87, 95, 96, 248, 1025].map((id) => charsetOf(id)?.name)).toEqual([
      'big5',
      'big5',
      'sjis',
      'sjis',
      'gbk',
      'gbk',
      'cp932',
      'cp932',
      'gb18030',
      'big5',
    ]);
    expect([0, 8, 33, 45, 255].map(charsetOf)).toEqual([null, null, null, null, null]);
    expect(charsetNamed('GBK')).toBe(charsetOf(28));
    expect(charsetNamed('utf8mb4')).toBe(null);
  });

  const QUERY = packet(0, u8(0x03), Buffer.from("select '\xbf\\' from t; select 2", 'latin1'));
  const asked = (script: Script): string[] =>
    told(play([...script, ['>', QUERY], ['<', server.err()]])).filter((line) => line.startsWith('query | select'));
  const BYTES = ['query | select ? | error | 1064'];
  const GBK = ['query | select ? from t | error | 1064 | batch', 'query | select ? | skipped | batch'];
  const set = (text: string, answer: Buffer = server.ok()): Script => [
    ['>', client.query(text)],
    ['<', answer],
  ];
  const sessions: [name: string, script: Script, want: string[]][] = [
    ['a login', loginAs({ collation: 28 }), GBK],
    ['another login', login, BYTES],
    ['SET NAMES', [...login, ...set('set names gbk')], GBK],
    ['SET NAMES that fails', [...login, ...set('set names gbk', server.err(1115))], BYTES],
    ['SET NAMES back', [...loginAs({ collation: 28 }), ...set("set names 'utf8mb4'")], BYTES],
    [
      'session tracking',
      [...login, ...set('call x()', server.ok({ track: server.trackVariable('character_set_client', 'gbk') }))],
      GBK,
    ],
    ['a reset', [...login, ...set('set names gbk'), ['>', client.resetConnection()], ['<', server.ok()]], BYTES],
    [
      'a reset goes back to the login',
      [...loginAs({ collation: 28 }), ...set('set names utf8mb4'), ['>', client.resetConnection()], ['<', server.ok()]],
      GBK,
    ],
    ['a change of the user', [...login, ['>', client.changeUser({ collation: 28 })], ['<', server.ok()]], GBK],
  ];
  for (const [name, script, want] of sessions) test(name, () => expect(asked(script)).toEqual(want));

  test('what a text does is read in its characters', () => {
    const { harness } = stage();
    const script: Script = [
      ...loginAs({ collation: 28 }),
      ['>', packet(0, u8(0x03), Buffer.from('use `\xbf\x60`', 'latin1'))],
      ['<', server.ok()],
    ];
    for (const [who, bytes] of script) harness.feed(who === '>' ? 0 : 1, bytes);
    expect(harness.facts.database).toBe('\u7e1b');
  });
});
