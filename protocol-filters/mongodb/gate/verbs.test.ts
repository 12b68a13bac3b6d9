import { describe, expect, test } from 'vitest';
import { MONGODB_VOCABULARY } from './verbs.ts';

describe('targets', () => {
  const GOOD: readonly (readonly [text: string, schema: string, name: string])[] = [
    ['orders', '*', 'orders'],
    ['shop.orders', 'shop', 'orders'],
    ['shop.*', 'shop', '*'],
    ['*.orders', '*', 'orders'],
    ['*', '*', '*'],
    ['shop.a.b', 'shop', 'a.b'],
    ['a\\.b', '*', 'a\\.b'],
    ['caf\u00e9.x', 'caf\u00c3\u00a9', 'x'],
    ['$external.x', '$external', 'x'],
    ['shop.$cmd.listCollections', 'shop', '$cmd.listCollections'],
  ];
  for (const [text, schema, name] of GOOD)
    test(text, () => {
      expect(MONGODB_VOCABULARY.target(text)).toEqual({ type: '', schema, name });
    });

  const BAD = [
    '',
    '.orders',
    'shop.',
    'a b.c',
    'a$b.c',
    'a/b.c',
    `${'x'.repeat(64)}.c`,
    'x'.repeat(256),
    'a\0b',
    '$where',
  ];
  for (const text of BAD)
    test(`${JSON.stringify(text)} can match nothing`, () => {
      expect(MONGODB_VOCABULARY.target(text)).toHaveProperty('fault');
    });
});

test('what is harmless and what is guarded are verbs', () => {
  for (const verb of [...MONGODB_VOCABULARY.harmless, ...(MONGODB_VOCABULARY.guarded ?? [])])
    expect(MONGODB_VOCABULARY.verbs).toHaveProperty(verb);
});
