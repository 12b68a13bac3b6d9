import { ErrorCode } from '../schema/error-names.ts';
import { type Field, fieldsOf, within } from '../schema/field.ts';
import type { Message, Value } from '../wire/message.ts';
import { encodeReply } from '../wire/message-codec.ts';

/**
 * Replies in which everything that was asked for has failed, made from the schema: what the request names comes again in the
 * reply, each with its error code, as the broker itself would say it.
 */

/** What a list is about, so that the reply's can be found in the request. */
type Kind = 'topics' | 'partitions' | 'groups' | 'transactions' | 'keys' | 'resources' | 'other';

const PARTITION_NAMES = new Set(['partition', 'partitionIndex', 'partitionId', 'index']);
const PARTITION_LISTS = new Set(['partitions', 'partitionIndexes']);
/** Error codes that are not about the whole of what they stand in. */
const PARTIAL = new Set(['acknowledgeErrorCode', 'topicConfigErrorCode']);
/** Codes that a broker tells of the request, where its reply has room for one; all others are told of each topic. */
const OF_REQUEST: ReadonlySet<number> = new Set([
  ErrorCode.groupAuthorizationFailed,
  ErrorCode.clusterAuthorizationFailed,
  ErrorCode.transactionalIdAuthorizationFailed,
  ErrorCode.fetchSessionIdNotFound,
  ErrorCode.shareSessionNotFound,
  ErrorCode.unsupportedVersion,
]);
/** Fields by which what was asked for is known again. */
const ECHOED = new Set(['topicId', 'groupId', 'transactionalId', 'resourceType', 'resourceName', 'producerId', 'key']);

export interface ErrorReply {
  /** A whole frame. */
  readonly bytes: Buffer;
  /** False: the reply of this version has no room for an error, or nothing was asked for. */
  readonly isTold: boolean;
}

/** The reply to a request that was refused. `request`: as it was decoded. `text`: where the reply has room for words. */
export function errorReply(
  apiKey: number,
  version: number,
  correlationId: number,
  request: Message,
  code: number,
  text: string,
): ErrorReply {
  const writer = new ErrorWriter(version, code, text);
  const fields = fieldsOf(apiKey, 'response');
  const reply = writer.struct(fields, [{ fields: fieldsOf(apiKey, 'request'), message: request }]);
  if (!writer.isTold) writer.tellSomewhere(fields, reply);
  return { bytes: encodeReply(apiKey, version, correlationId, reply), isTold: writer.isTold };
}

/** A Fetch's reply with an error in the place of its records. It belongs to the same fetch session. */
export function failedReply(
  apiKey: number,
  version: number,
  correlationId: number,
  reply: Message,
  code: number,
): Buffer {
  const fields = fieldsOf(apiKey, 'response');
  const failed = new ErrorWriter(version, code, '').struct(fields, [{ fields, message: reply }]);
  if (reply['sessionId'] !== undefined) failed['sessionId'] = reply['sessionId'];
  return encodeReply(apiKey, version, correlationId, failed);
}

/** A struct of the request, or a bare value of one of its lists. */
interface Source {
  readonly fields: readonly Field[];
  readonly message: Message;
}

/** Under this name stands the value of a list that has no structs. */
const BARE = '';

class ErrorWriter {
  isTold = false;
  readonly #version: number;
  readonly #code: number;
  readonly #text: string;

  constructor(version: number, code: number, text: string) {
    this.#version = version;
    this.#code = code;
    this.#text = text;
  }

  /** `sources`: of what was asked for, the innermost first. */
  struct(fields: readonly Field[], sources: readonly Source[]): Message {
    const message: Message = {};
    const present = fields.filter((field) => within(this.#version, field.versions));
    const own = present.find(isErrorCode);
    const isOwn = own !== undefined && OF_REQUEST.has(this.#code);
    let isTold = false;
    for (const field of present) {
      if (field.isList && field.type === 'struct') {
        const before = this.isTold;
        this.isTold = false;
        const list = this.#list(field, sources, isOwn);
        if (list !== null) message[field.name] = list;
        isTold ||= this.isTold;
        this.isTold ||= before;
      } else {
        const value = echoOf(field, sources[0]!);
        if (value !== undefined && (value !== null || within(this.#version, field.nullable)))
          message[field.name] = value;
      }
    }
    if (own === undefined || (isTold && !isOwn)) return message;
    // Above topics only where none of them could be told of; the group of an OffsetFetch is one of these.
    message[own.name] = this.#code;
    const words = present.find(isErrorText);
    if (words !== undefined) message[words.name] = this.#text;
    this.isTold = true;
    return message;
  }

  /** Null: as its default is. */
  #list(field: Field, sources: readonly Source[], isOwn: boolean): Message[] | null {
    const [source] = sources;
    const isTelling = hasErrorCode(field, this.#version);
    if (!isTelling) return copyOf(field, source!, this.#version);
    if (isOwn) return [];
    const items = itemsLike(field, source!, this.#version);
    return items.map((item) => this.struct(field.fields, [item, ...sources]));
  }

  /** One element that nobody asked for, so that there is a place for the code: replies of brokers' own lists (DescribeLogDirs). */
  tellSomewhere(fields: readonly Field[], reply: Message): void {
    const list = fields.find(
      (field) =>
        field.isList &&
        within(this.#version, field.versions) &&
        kindOf(field) === 'other' &&
        field.fields.some((each) => isErrorCode(each) && within(this.#version, each.versions)),
    );
    if (list === undefined) return;
    reply[list.name] = [this.struct(list.fields, [{ fields: [], message: {} }])];
  }
}

const isErrorCode = (field: Field): boolean =>
  field.type === 'int16' && !field.isList && /errorCode$/i.test(field.name) && !PARTIAL.has(field.name);
const isErrorText = (field: Field): boolean => field.type === 'string' && field.name === 'errorMessage';

function hasErrorCode(field: Field, version: number): boolean {
  return field.fields.some(
    (each) =>
      within(version, each.versions) &&
      (isErrorCode(each) || (each.isList && each.type === 'struct' && hasErrorCode(each, version))),
  );
}

/** What a field of the reply repeats of the request; undefined: nothing. */
function echoOf(field: Field, { fields, message }: Source): Value | undefined {
  if (field.isList || field.type === 'struct') return undefined;
  const bare = message[BARE];
  if (field.entity === 'topicName')
    return textOf(bare ?? fieldValue(fields, message, (each) => each.entity === 'topicName'));
  if (field.type === 'int32' && PARTITION_NAMES.has(field.name))
    return bare ?? fieldValue(fields, message, (each) => PARTITION_NAMES.has(each.name) && each.type === 'int32');
  if (field.name === 'user') return textOf(message['name']);
  if (!ECHOED.has(field.name)) return undefined;
  return bare !== undefined && field.type === 'string' ? textOf(bare) : message[field.name];
}

const textOf = (value: Value | undefined): Value | undefined =>
  typeof value === 'string' || value === null ? value : undefined;

function fieldValue(fields: readonly Field[], message: Message, isIt: (field: Field) => boolean): Value | undefined {
  for (const field of fields)
    if (!field.isList && isIt(field) && message[field.name] !== undefined) return message[field.name];
  return undefined;
}

/** What stands in the request where this list of the reply answers it. */
function itemsLike(list: Field, source: Source, version: number): Source[] {
  const lists = source.fields.filter((field) => field.isList && within(version, field.versions));
  const kind = kindOf(list);
  const named = lists.find((field) => field.name === list.name && field.type === 'struct');
  if (named !== undefined) return itemsOf(named, source);
  const alike = lists.filter((field) => kindOf(field) === kind);
  if (kind === 'other')
    return alike.filter((field) => field.type === 'struct').flatMap((field) => itemsOf(field, source));
  if (alike.length > 0) return alike.flatMap((field) => itemsOf(field, source));
  // A level deeper: AlterReplicaLogDirs names topics by directory, and is answered by topic.
  return lists
    .filter((field) => field.type === 'struct')
    .flatMap((field) => itemsOf(field, source))
    .flatMap((item) => itemsLike(list, item, version));
}

function itemsOf(field: Field, { message }: Source): Source[] {
  const list = (message[field.name] ?? []) as Value[];
  if (field.type === 'struct') return list.map((each) => ({ fields: field.fields, message: each as Message }));
  return list.map((each) => ({ fields: [], message: { [BARE]: each } }));
}

function kindOf(field: Field): Kind {
  if (field.type !== 'struct') {
    if (field.entity === 'topicName') return 'topics';
    if (field.entity === 'groupId') return 'groups';
    if (field.entity === 'transactionalId') return 'transactions';
    if (field.name === 'coordinatorKeys') return 'keys';
    return field.type === 'int32' && PARTITION_LISTS.has(field.name) ? 'partitions' : 'other';
  }
  const has = (isIt: (each: Field) => boolean): boolean => field.fields.some((each) => !each.isList && isIt(each));
  if (has((each) => each.entity === 'topicName' || each.name === 'topicId')) return 'topics';
  if (has((each) => each.type === 'int32' && PARTITION_NAMES.has(each.name))) return 'partitions';
  if (has((each) => each.entity === 'groupId')) return 'groups';
  if (has((each) => each.entity === 'transactionalId')) return 'transactions';
  if (has((each) => each.name === 'resourceName')) return 'resources';
  return field.name === 'coordinators' ? 'keys' : 'other';
}

/** A list that the request has just so: who is meant by a quota. */
function copyOf(field: Field, { fields, message }: Source, version: number): Message[] | null {
  const same = fields.find((each) => each.isList && each.name === field.name && each.type === 'struct');
  if (same === undefined) return null;
  const present = field.fields.filter((each) => within(version, each.versions));
  if (!present.every((each) => same.fields.some(({ name, type }) => name === each.name && type === each.type)))
    return null;
  return (message[field.name] ?? null) as Message[] | null;
}
