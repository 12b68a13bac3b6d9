import { Bson } from '../bson/bson-type.ts';
import { numberAt } from '../bson/bson-values.ts';
import type { CommandInfo } from '../commands/command-table.ts';
import type { FactsRecord } from './facts-record.ts';
import { Field, type FieldNumber, type Fields } from './fields.ts';

const EMPTY_DOCUMENT = 5;

/** Where servers take a command's condition from: the same name in another command says nothing. */
const CONDITIONS: ReadonlyMap<string, FieldNumber> = new Map([
  ['find', Field.filter],
  ['clusterFind', Field.filter],
  ...['count', 'clusterCount', 'distinct', 'findAndModify', 'mapReduce', 'geoNear', 'group'].map(
    (name) => [name, Field.query] as const,
  ),
]);
const LIMITED: ReadonlySet<string> = new Set(['find', 'clusterFind', 'count', 'clusterCount', 'mapReduce']);

/** Whether the command has a condition, and how many documents it asks for, as its own fields say. */
export function noteAsked(record: FactsRecord, info: CommandInfo, buf: Buffer, fields: Fields): void {
  const condition = CONDITIONS.get(info.name);
  const at = condition === undefined ? -1 : fields.place(condition);
  if (at >= 0)
    record.hasWhere =
      fields.type[at] === Bson.document && fields.valueEnd[at]! - fields.valueStart[at]! > EMPTY_DOCUMENT;
  const place = fields.place(Field.limit);
  if (place < 0 || !LIMITED.has(info.name)) return;
  const limit = Math.abs(numberAt(fields.type[place]!, buf, fields.valueStart[place]!));
  record.limit = Number.isInteger(limit) && limit > 0 ? limit : -1;
}
