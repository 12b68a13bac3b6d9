import { describe, expect, test } from 'vitest';
import { attributesOf, MAX_ATTRIBUTES_TEXT } from './exchange-attributes.ts';

describe('attributes of a text', () => {
  const cases: [what: string, text: string, want: readonly (readonly [string, string | number])[]][] = [
    ['none', '', []],
    [
      'strings and numbers',
      '{"messaging.consumer.group.name":"billing","sluice.kafka.throttle_ms":5}',
      [
        ['messaging.consumer.group.name', 'billing'],
        ['sluice.kafka.throttle_ms', 5],
      ],
    ],
    ['no JSON', '{"a":', []],
    ['a list', '["a"]', []],
    ['null', 'null', []],
    ['a string', '"a"', []],
    ['values of other kinds', '{"a":true,"b":null,"c":[1],"d":{"e":1},"f":"g"}', [['f', 'g']]],
    ['a number that is none', '{"a":1e999,"b":2}', [['b', 2]]],
    ['keys that are no names', '{"A":1,"__proto__":1,"a b":1,"a..b":1,"\\n":1,"":1,"a.b":2}', [['a.b', 2]]],
    ['a name of every object', '{"constructor":"x"}', [['constructor', 'x']]],
    ['a long value', `{"a":"${'x'.repeat(300)}"}`, [['a', 'x'.repeat(256)]]],
    ['half a character', '{"a":"\\ud800"}', [['a', '\ufffd']]],
    ['a long key', `{"${'x'.repeat(129)}":1}`, []],
    ['a long text', `{"a":"${'x'.repeat(MAX_ATTRIBUTES_TEXT)}"}`, []],
  ];
  for (const [what, text, want] of cases) test(what, () => expect(attributesOf(text)).toEqual(want));

  test('many keys', () => {
    const text = JSON.stringify(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, i])));
    expect(attributesOf(text)).toHaveLength(32);
  });
});
