import { MESSAGES } from './messages.generated.ts';

/** Types of Kafka's schema language; a struct has `fields`. */
export type FieldType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid'
  | 'struct';

/** Bytes of a value; 0: they vary. */
export const FIXED_BYTES: Readonly<Record<FieldType, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
  string: 0,
  bytes: 0,
  records: 0,
  struct: 0,
};

/** First and last version, both included; of an empty range the first is above the last. */
export type Versions = readonly [since: number, until: number];

/** A field of a message, as its schema has it. Names are in lowerCamel. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** A list of `type`. */
  readonly isList: boolean;
  readonly versions: Versions;
  readonly nullable: Versions;
  /** Its number among the tagged fields (KIP-482), in `tagged`; elsewhere it stands in line. */
  readonly tag: number;
  readonly tagged: Versions;
  /** The schema's word; '' = zero, empty, or a struct of defaults. */
  readonly fallback: string;
  /** `topicName`, `groupId`, `transactionalId`, `brokerId`, `producerId`, or ''. */
  readonly entity: string;
  /** Of a struct. */
  readonly fields: readonly Field[];
}

export type Direction = 'request' | 'response';

export const within = (version: number, versions: Versions): boolean =>
  version >= versions[0] && version <= versions[1];

const cache = new Map<number, readonly Field[]>();

/** Fields of an API's messages, of all versions; none for an API that the tables do not have. */
export function fieldsOf(key: number, direction: Direction): readonly Field[] {
  const slot = key * 2 + (direction === 'request' ? 0 : 1);
  const known = cache.get(slot);
  if (known) return known;
  const row = MESSAGES.find((message) => message[0] === key);
  if (!row) return [];
  const fields = fieldsFrom(direction === 'request' ? row[6] : row[7]);
  cache.set(slot, fields);
  return fields;
}

const NEVER: Versions = [1, 0];
const FOREVER = 0x7fff;

/** Reads the text that scripts/generate-kafka-messages.ts wrote; its fieldsText() tells how. */
export function fieldsFrom(text: string): Field[] {
  let at = 0;
  const list = (): Field[] => {
    const fields: Field[] = [];
    while (at < text.length && text[at] !== '}') {
      fields.push(field());
      if (text[at] === ',') at++;
    }
    return fields;
  };
  const word = (stop: RegExp): string => {
    const from = at;
    while (at < text.length && !stop.test(text[at]!)) at++;
    return text.slice(from, at);
  };
  const field = (): Field => {
    const [name, type, ...marks] = word(/[,{}]/).split(' ') as [string, string, ...string[]];
    const mark = (sign: string): string => marks.find((each) => each.startsWith(sign))?.slice(1) ?? '';
    const tag = mark('#').split(':');
    let fields: Field[] = [];
    if (text[at] === '{') {
      at++;
      fields = list();
      at++;
    }
    return {
      name,
      type: type.replace('*', '') as FieldType,
      isList: type.startsWith('*'),
      versions: versionsOf(mark('v')),
      nullable: versionsOf(mark('?')),
      tag: tag[0] === '' ? -1 : Number(tag[0]),
      tagged: versionsOf(tag[1] ?? ''),
      fallback: mark('='),
      entity: mark('@'),
      fields,
    };
  };
  return list();
}

/** `3+`, `0-7`, `4`; '' is none. */
function versionsOf(text: string): Versions {
  if (text === '') return NEVER;
  if (text.endsWith('+')) return [Number(text.slice(0, -1)), FOREVER];
  const [since, until] = text.split('-');
  return [Number(since), Number(until ?? since)];
}
