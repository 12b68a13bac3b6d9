import { Bson } from '../bson/bson-type.ts';
import { isName } from '../bson/bson-values.ts';
import type { CommandInfo } from '../commands/command-table.ts';
import { Field } from './fields.ts';
import { Context } from './meaning.ts';

/** What the document or array in this field of a command is. */
export function contextOf(info: CommandInfo, field: number, type: number): number {
  const isArray = type === Bson.array;
  switch (field) {
    case Field.pipeline:
      return isArray ? Context.pipeline : Context.expression;
    case Field.documents:
      return info.verb === 'insert' ? Context.data : Context.expression;
    case Field.encryptionInformation:
    case Field.encryptedFields:
      return Context.encryption;
    case Field.comment:
    case Field.lsid:
    case Field.payload:
      return Context.data;
    case Field.updates:
      return isArray ? Context.updates : Context.expression;
    case Field.deletes:
      return isArray ? Context.deletes : Context.expression;
    case Field.ops:
      return isArray ? Context.operations : Context.expression;
    case Field.nsInfo:
      return isArray ? Context.namespaces : Context.expression;
    case Field.update:
      // Of findAndModify: modifiers and a whole document are data, a pipeline computes.
      return isArray ? Context.pipeline : Context.data;
    case Field.out:
      return info.name === 'mapReduce' && !isArray ? Context.output : Context.expression;
    default:
      return Context.expression;
  }
}

/** What the documents of a sequence of this name are; -1: the command takes none. */
export function sequenceContext(info: CommandInfo, buf: Uint8Array, start: number, end: number): number {
  switch (info.name) {
    case 'insert':
    case 'clusterInsert':
      return isName(buf, start, end, 'documents') ? Context.data : -1;
    case 'update':
    case 'clusterUpdate':
      return isName(buf, start, end, 'updates') ? Context.update : -1;
    case 'delete':
    case 'clusterDelete':
      return isName(buf, start, end, 'deletes') ? Context.delete : -1;
    case 'bulkWrite':
    case 'clusterBulkWrite':
      if (isName(buf, start, end, 'ops')) return Context.operation;
      return isName(buf, start, end, 'nsInfo') ? Context.namespace : -1;
    default:
      return -1;
  }
}
