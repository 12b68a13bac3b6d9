import { type Field, within } from '../schema/field.ts';
import type { Message, Value } from '../wire/message.ts';

/** A message without what other decoders do not read: tagged fields, and errors, which they throw. */
export function plainOf(fields: readonly Field[], version: number, message: Message): Message {
  const plain: Message = {};
  for (const field of fields) {
    const value = message[field.name];
    if (value === undefined || within(version, field.tagged)) continue;
    plain[field.name] = plainValue(field, version, value);
  }
  return plain;
}

function plainValue(field: Field, version: number, value: Value): Value {
  if (field.name.endsWith('rrorCode')) return 0;
  if (field.name.endsWith('rrorMessage')) return null;
  if (field.type !== 'struct' || value === null) return value;
  if (!field.isList) return plainOf(field.fields, version, value as Message);
  return (value as Message[]).map((each) => plainOf(field.fields, version, each));
}

/** All values that are no lists and no structs, in their order, as texts. */
export function leavesOf(value: unknown): string[] {
  if (value === undefined) return [];
  if (value === null) return ['null'];
  if (Buffer.isBuffer(value)) return [value.toString('hex')];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  if (typeof value === 'object') return Object.values(value).flatMap(leavesOf);
  return [String(value)];
}
