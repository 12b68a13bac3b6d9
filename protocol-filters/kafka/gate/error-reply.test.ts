import { describe, expect, test } from 'vitest';
import { APIS } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import { type Field, fieldsOf, within } from '../schema/field.ts';
import type { Message, Value } from '../wire/message.ts';
import { decodeMessage, encodeMessage } from '../wire/message-codec.ts';
import { needsOf } from './acl.ts';
import { errorReply } from './error-reply.ts';

const CODES = [29, 30, 31, 53, 44];
/** Replies without room for an error, whatever was asked. */
const SILENT = new Set(['Metadata']);

const codesIn = (value: unknown): number[] => {
  if (Array.isArray(value)) return value.flatMap(codesIn);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    /errorCode$/i.test(name) && typeof inner === 'number' ? [inner] : codesIn(inner),
  );
};

describe('errors in the place of what was asked for', () => {
  for (const { key, name, since, until } of APIS)
    test(`${name}: every version, every code`, () => {
      for (let version = since; version <= until; version++) {
        const request = decodeMessage(
          key,
          version,
          'request',
          encodeMessage(key, version, 'request', oneOf(fieldsOf(key, 'request'), version)),
        )!;
        for (const code of CODES) {
          const { bytes, isTold } = errorReply(key, version, 7, request, code, 'no');
          expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
          expect(bytes.readInt32BE(4)).toBe(7);
          const reply = decodeMessage(key, version, 'response', bytes, 8);
          expect(reply, `${name} ${version} reads`).not.toBeNull();
          const codes = codesIn(reply).filter((each) => each !== 0);
          expect(new Set(codes).size, `${name} ${version}: one code`).toBeLessThanOrEqual(1);
          expect(codes.length > 0, `${name} ${version} tells`).toBe(isTold);
          if (!SILENT.has(name) && needsOf(key) !== null) expect(isTold, `${name} v${version}`).toBe(true);
        }
      }
    });

  test('topics and partitions come again, each with the code', () => {
    const request: Message = {
      topicData: [
        { name: 'a', partitionData: [{ index: 3 }, { index: 5 }] },
        { name: 'b', partitionData: [{ index: 0 }] },
      ],
    };
    const { bytes } = errorReply(0, 9, 1, request, ErrorCode.topicAuthorizationFailed, 'why');
    expect(decodeMessage(0, 9, 'response', bytes, 8)).toMatchObject({
      responses: [
        {
          name: 'a',
          partitionResponses: [
            { index: 3, errorCode: 29, errorMessage: 'why' },
            { index: 5, errorCode: 29 },
          ],
        },
        { name: 'b', partitionResponses: [{ index: 0, errorCode: 29 }] },
      ],
    });
  });
  test("a group's error stands with the group, a topic's with its partitions", () => {
    const request: Message = { groups: [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [1] }] }] };
    const of = (code: number) => decodeMessage(9, 8, 'response', errorReply(9, 8, 1, request, code, '').bytes, 8);
    expect(of(30)).toMatchObject({ groups: [{ groupId: 'g', topics: [], errorCode: 30 }] });
    expect(of(29)).toMatchObject({
      groups: [
        { groupId: 'g', errorCode: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 29 }] }] },
      ],
    });
  });
  test('who is meant by a quota, and by a credential', () => {
    const quotas = { entries: [{ entity: [{ entityType: 'user', entityName: 'ada' }], ops: [] }] };
    expect(decodeMessage(49, 1, 'response', errorReply(49, 1, 1, quotas, 31, 'no').bytes, 8)).toMatchObject({
      entries: [{ errorCode: 31, entity: [{ entityType: 'user', entityName: 'ada' }] }],
    });
    const users = { deletions: [{ name: 'ada', mechanism: 1 }], upsertions: [{ name: 'bob', mechanism: 1 }] };
    expect(decodeMessage(51, 0, 'response', errorReply(51, 0, 1, users, 31, 'no').bytes, 8)).toMatchObject({
      results: [
        { user: 'ada', errorCode: 31 },
        { user: 'bob', errorCode: 31 },
      ],
    });
  });
});

/** A message with one of everything. */
function oneOf(fields: readonly Field[], version: number): Message {
  const present = fields.filter((field) => within(version, field.versions));
  return Object.fromEntries(
    present.map((field) => [field.name, field.isList ? [valueOne(field, version)] : valueOne(field, version)]),
  );
}

function valueOne(field: Field, version: number): Value {
  switch (field.type) {
    case 'struct':
      return oneOf(field.fields, version);
    case 'string':
      return 'a';
    case 'uuid':
      return 'ab'.repeat(16);
    case 'bytes':
    case 'records':
      return Buffer.from('b');
    case 'bool':
      return true;
    case 'int64':
      return 1n;
    default:
      return 1;
  }
}
