import { expect, test } from 'vitest';
import { denyRelationsConfig } from './deny-relations.ts';

test('relations are required, a message is not', () => {
  expect(denyRelationsConfig.parse({ relations: ['pay'] })).toEqual({
    relations: ['pay'],
    message: 'this statement is denied by policy',
  });
});
for (const wrong of [{}, { relations: [] }, { relations: [''] }, { relations: ['a'], messages: 'typo' }])
  test(`${JSON.stringify(wrong)} is a problem`, () => {
    expect(denyRelationsConfig.safeParse(wrong).success).toBe(false);
  });
