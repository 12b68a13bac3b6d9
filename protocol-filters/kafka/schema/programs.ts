import { ApiKey, decodes, hasReplyTags, isFlexible } from './api.ts';
import { type Direction, FIXED_BYTES, type Field, fieldsOf, within } from './field.ts';
import { Form, Op, type Program } from './program.ts';
import { bareRole, fieldRole, listRole, type Place, Role } from './roles.ts';

const cache = new Map<number, Program>();

/**
 * How a request reads behind its client id, or a reply behind its correlation id. Null: the tables cannot tell. A reply
 * to an ApiVersions request of any version can be read as far as the broker did not know that version either.
 */
export function programOf(key: number, version: number, direction: Direction): Program | null {
  const isKnown = decodes(key, version);
  const isFallback = !isKnown && key === ApiKey.apiVersions && direction === 'response';
  if (!isKnown && !isFallback) return null;
  const slot = ((key << 8) | (isFallback ? 0xff : version)) * 2 + (direction === 'request' ? 0 : 1);
  let program = cache.get(slot);
  if (!program) {
    program = isFallback ? new Compiler(0, direction).fallback() : new Compiler(version, direction).message(key);
    cache.set(slot, program);
  }
  return program;
}

/** programOf() of a request, for those who judge it: it tells of more fields. */
export function judgedProgramOf(key: number, version: number): Program | null {
  if (!decodes(key, version)) return null;
  const slot = (key << 8) | version;
  let program = judged.get(slot);
  if (!program) {
    program = new Compiler(version, 'request', true).message(key);
    judged.set(slot, program);
  }
  return program;
}
const judged = new Map<number, Program>();

const NUMBER_OPS: Readonly<Record<string, number>> = {
  bool: Op.bool,
  int8: Op.int8,
  int16: Op.int16,
  uint16: Op.uint16,
  int32: Op.int32,
  int64: Op.int64,
  uuid: Op.uuid,
};

class Compiler {
  readonly #version: number;
  readonly #direction: Direction;
  readonly #isJudged: boolean;
  #isFlexible = false;
  readonly #code: number[] = [];
  /** Where the last Op.skip stands, as long as another can be added to it; else -1. */
  #skipAt = -1;

  constructor(version: number, direction: Direction, isJudged = false) {
    this.#version = version;
    this.#direction = direction;
    this.#isJudged = isJudged;
  }

  message(key: number): Program {
    this.#isFlexible = isFlexible(key, this.#version);
    const hasHeaderTags = this.#direction === 'request' ? this.#isFlexible : hasReplyTags(key, this.#version);
    if (hasHeaderTags) this.#tags([], this.#place([], Role.none, []));
    const fields = fieldsOf(key, this.#direction);
    const isVersions = key === ApiKey.apiVersions && this.#direction === 'response' && this.#version > 0;
    if (isVersions) this.#versionsReply(fields);
    else this.#body(fields);
    return Int32Array.from(this.#code);
  }

  /** A reply in a version of ApiVersions that we do not know, unless the broker knows it no better. */
  fallback(): Program {
    this.#versionError();
    this.#emit(Op.rest);
    this.#emit(Op.end);
    return this.#versionsZero();
  }

  #body(fields: readonly Field[]): void {
    this.#struct(fields, this.#place(fields, Role.none, []));
    this.#emit(Op.end);
  }

  /** errorCode stands first in all versions; what follows UNSUPPORTED_VERSION is that of version 0 (KIP-511). */
  #versionsReply([, ...others]: readonly Field[]): void {
    this.#versionError();
    this.#body(others);
    this.#code.splice(0, this.#code.length, ...this.#versionsZero());
  }

  #versionError(): void {
    this.#emit(Op.versionError, Role.errorCode, 0);
  }

  #versionsZero(): Program {
    this.#code[2] = this.#code.length;
    const zero = new Compiler(0, this.#direction);
    // All its jumps are within: they move with it.
    const [, ...others] = fieldsOf(ApiKey.apiVersions, this.#direction);
    zero.#body(others);
    relocate(zero.#code, this.#code.length);
    return Int32Array.from([...this.#code, ...zero.#code]);
  }

  #place(siblings: readonly Field[], list: Role, path: readonly string[]): Place {
    return { direction: this.#direction, isJudged: this.#isJudged, list, siblings, path };
  }

  #emit(...words: number[]): number {
    this.#skipAt = -1;
    return this.#code.push(...words) - words.length;
  }

  #skip(bytes: number): void {
    if (this.#skipAt >= 0) {
      this.#code[this.#skipAt + 1]! += bytes;
      return;
    }
    const at = this.#emit(Op.skip, bytes);
    this.#skipAt = at;
  }

  #struct(fields: readonly Field[], place: Place): void {
    const version = this.#version;
    const inLine = fields.filter((field) => within(version, field.versions) && !within(version, field.tagged));
    for (const field of inLine) this.#field(field, place, within(version, field.nullable));
    if (this.#isFlexible) this.#tags(fields, place);
  }

  #tags(fields: readonly Field[], place: Place): void {
    const known = fields.filter(
      (field) => within(this.#version, field.versions) && within(this.#version, field.tagged),
    );
    const at = this.#emit(Op.tags, 0, known.length, ...known.flatMap((field) => [field.tag, 0]));
    this.#emit(Op.tag);
    if (known.length > 0) {
      // Their programs stand behind; whoever has passed Op.tag goes around them.
      known.forEach((field, i) => {
        this.#code[at + 4 + i * 2] = this.#code.length;
        this.#skipAt = -1;
        this.#field(field, place, within(this.#version, field.nullable));
        this.#emit(Op.tagEnd);
      });
    }
    this.#code[at + 1] = this.#code.length;
    this.#skipAt = -1;
  }

  #field(field: Field, place: Place, isNullable: boolean): void {
    const form = (isNullable ? Form.nullable : 0) | (this.#isFlexible ? Form.compact : 0);
    if (field.isList) {
      this.#list(field, place, form);
      return;
    }
    if (field.type === 'struct') {
      const path = [...place.path, field.name];
      const inner = this.#place(field.fields, place.list, path);
      if (!isNullable) {
        this.#struct(field.fields, inner);
        return;
      }
      const at = this.#emit(Op.struct, 0);
      this.#struct(field.fields, inner);
      this.#code[at + 1] = this.#code.length;
      this.#skipAt = -1;
      return;
    }
    this.#value(field, fieldRole(field, place), form);
  }

  #value(field: Field, role: Role, form: number): void {
    const bytes = FIXED_BYTES[field.type];
    if (bytes > 0) {
      if (role === Role.none) this.#skip(bytes);
      else this.#emit(NUMBER_OPS[field.type]!, role);
    } else if (field.type === 'string') this.#emit(Op.string, form, role);
    else if (role === Role.records) this.#emit(Op.records, form, role);
    else this.#emit(Op.bytes, form, role);
  }

  #list(field: Field, place: Place, form: number): void {
    const role = listRole(field, place);
    const fixed = this.#fixedBytes(field);
    if (role === Role.none && fixed > 0 && !this.#isWanted(field, place)) {
      this.#emit(Op.skipList, form, fixed);
      return;
    }
    const at = this.#emit(Op.list, form, role, this.#leastBytes(field), 0);
    if (field.type === 'struct') {
      this.#struct(
        field.fields,
        this.#place(field.fields, role === Role.none ? place.list : role, [...place.path, field.name]),
      );
    } else this.#value(field, bareRole(field, role), this.#isFlexible ? Form.compact : 0);
    this.#emit(Op.next);
    this.#code[at + 4] = this.#code.length;
    this.#skipAt = -1;
  }

  /** Of every element of the list; 0: they vary. */
  #fixedBytes(field: Field): number {
    if (field.type !== 'struct') return FIXED_BYTES[field.type];
    if (this.#isFlexible) return 0;
    let sum = 0;
    for (const each of this.#present(field.fields)) {
      const bytes = each.isList || within(this.#version, each.nullable) ? 0 : this.#fixedBytes(each);
      if (bytes === 0) return 0;
      sum += bytes;
    }
    return sum;
  }

  /** Has a field of the list's elements a role? */
  #isWanted(field: Field, place: Place): boolean {
    const inner = this.#place(field.fields, place.list, [...place.path, field.name]);
    return this.#present(field.fields).some((each) => {
      if (each.isList) return listRole(each, inner) !== Role.none || this.#isWanted(each, inner);
      return each.type === 'struct' ? this.#isWanted(each, inner) : fieldRole(each, inner) !== Role.none;
    });
  }

  #present(fields: readonly Field[]): Field[] {
    return fields.filter((each) => within(this.#version, each.versions) && !within(this.#version, each.tagged));
  }

  /** What an element takes at least, so that a count can be judged before anything is read. */
  #leastBytes(field: Field): number {
    if (field.type !== 'struct') return this.#leastOf({ ...field, isList: false });
    const own = this.#present(field.fields).reduce((sum, each) => sum + this.#leastOf(each), 0);
    return Math.max(1, own + (this.#isFlexible ? 1 : 0));
  }

  #leastOf(field: Field): number {
    if (field.isList) return this.#isFlexible ? 1 : 4;
    if (field.type === 'struct') return within(this.#version, field.nullable) ? 1 : this.#leastBytes(field);
    const fixed = FIXED_BYTES[field.type];
    if (fixed > 0) return fixed;
    if (this.#isFlexible) return 1;
    return field.type === 'string' ? 2 : 4;
  }
}

/** Moves jumps of a program that will stand `by` words further back. */
function relocate(code: number[], by: number): void {
  for (let pc = 0; pc < code.length; ) {
    const op = code[pc]!;
    if (op === Op.list) code[pc + 4]! += by;
    else if (op === Op.struct || op === Op.tags) code[pc + 1]! += by;
    if (op === Op.tags) for (let i = 0; i < code[pc + 2]!; i++) code[pc + 4 + i * 2]! += by;
    pc += WORDS[op]! + (op === Op.tags ? code[pc + 2]! * 2 : 0);
  }
}

/** Words of an op, itself included; of Op.tags without those of its tags. */
const WORDS: readonly number[] = [1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 5, 1, 3, 2, 3, 1, 1, 3, 1];
