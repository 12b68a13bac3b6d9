import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Versions from…to, both among them; [0, -1] is none. */
export type Versions = readonly [number, number];

export interface Field {
  /** As in the decoded message: `topicData`. */
  readonly name: string;
  /** `int32`, `string`, …, `struct`; of an array its items'. */
  readonly type: string;
  readonly array: boolean;
  readonly versions: Versions;
  readonly nullable: Versions;
  /** -1: not a tagged field. */
  readonly tag: number;
  readonly fallback: string | null;
  /** Holds the name of a topic. */
  readonly isTopic: boolean;
  readonly fields: readonly Field[];
}

export interface Schema {
  readonly key: number;
  readonly name: string;
  readonly versions: Versions;
  readonly flexible: Versions;
  readonly fields: readonly Field[];
}

const NONE: Versions = [0, -1];
const NEWEST = 0x7fff;

/** `3`, `3+`, `3-5`, `none` */
function versionsOf(text: string): Versions {
  if (text === 'none') return NONE;
  const [from = '', to] = text.split('-');
  if (to !== undefined) return [Number(from), Number(to)];
  return from.endsWith('+') ? [Number(from.slice(0, -1)), NEWEST] : [Number(from), Number(from)];
}

export const within = (version: number, [from, to]: Versions): boolean => version >= from && version <= to;

type Growing = Omit<Field, 'fields'> & { readonly fields: Field[] };

function fieldOf(words: readonly string[]): Growing {
  const [name = '', type = '', versions = ''] = words;
  const option = (key: string): string | undefined =>
    words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const array = type.startsWith('[]');
  const plain = array ? type.slice(2) : type;
  return {
    name: name[0]!.toLowerCase() + name.slice(1),
    type: plain === '' || plain === '{}' ? 'struct' : plain,
    array,
    versions: versionsOf(versions),
    nullable: versionsOf(option('null') ?? 'none'),
    tag: Number(option('tag') ?? -1),
    fallback: option('default') ?? null,
    isTopic: words.includes('topic'),
    fields: [],
  };
}

function parse(text: string): Map<string, Schema> {
  const schemas = new Map<string, Schema>();
  /** The lists of fields that are open, the message's own first. */
  let open: Field[][] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const words = line.trim().split(' ');
    const depth = (line.length - line.trimStart().length) / 2;
    if (depth > 0) {
      const field = fieldOf(words);
      open.length = depth;
      open[depth - 1]!.push(field);
      open.push(field.fields);
      continue;
    }
    const [kind = '', key = '', name = '', versions = '', , flexible = '', unstable] = words;
    const [from, to] = versionsOf(versions);
    const fields: Field[] = [];
    open = [fields];
    const stable: Versions = [from, unstable === undefined ? to : to - 1];
    schemas.set(`${kind} ${name}`, {
      key: Number(key),
      name,
      versions: stable,
      flexible: versionsOf(flexible),
      fields,
    });
  }
  return schemas;
}

const SCHEMAS = parse(readFileSync(path.join(import.meta.dirname, 'messages.txt'), 'utf8'));
const NAMES: ReadonlyMap<number, string> = new Map([...SCHEMAS.values()].map(({ key, name }) => [key, name]));

/** `Produce`; undefined: no such API here. */
export const apiName = (key: number): string | undefined => NAMES.get(key);

export function schemaOf(kind: 'request' | 'response', api: string): Schema {
  const schema = SCHEMAS.get(`${kind} ${api}`);
  if (schema === undefined) throw new Error(`no such API: ${api}`);
  return schema;
}

export const isFlexible = (api: string, version: number): boolean => within(version, schemaOf('request', api).flexible);

/** Of a request's header; 0 is ControlledShutdown's first version, without a client id. */
export const requestHeaderVersion = (api: string, version: number): 0 | 1 | 2 =>
  isFlexible(api, version) ? 2 : api === 'ControlledShutdown' && version === 0 ? 0 : 1;

/** A reply to ApiVersions never has tagged fields in its header, so that clients of any age can read it (KIP-511). */
export const responseHeaderVersion = (api: string, version: number): 0 | 1 =>
  api !== 'ApiVersions' && isFlexible(api, version) ? 1 : 0;
