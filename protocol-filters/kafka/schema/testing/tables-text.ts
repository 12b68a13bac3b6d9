import { type Copy, rangeOf, type SourceField, type SourceMessage } from './source.ts';

/** The text of messages.generated.ts. */
export function tablesText({ about, messages }: Copy): string {
  const requests = messages.filter((message) => message.type === 'request' && rangeOf(message.validVersions));
  const rows = requests.map((request) => {
    const response = messages.find((each) => each.apiKey === request.apiKey && each.type === 'response')!;
    const valid = rangeOf(request.validVersions)!;
    const flexible = rangeOf(request.flexibleVersions);
    if (rangeOf(response.flexibleVersions)?.[0] !== flexible?.[0])
      throw new Error(`${request.name}: flexible in one only`);
    if (response.validVersions !== request.validVersions) throw new Error(`${request.name}: valid in one only`);
    const unstable = request.latestVersionUnstable ? valid[1] : -1;
    const until = unstable === -1 ? valid[1] : unstable - 1;
    const head = [request.apiKey, quoted(nameOf(request)), valid[0], until, unstable, flexible?.[0] ?? -1];
    return `[${head.join(',')},${quoted(fieldsText(request.fields))},${quoted(fieldsText(response.fields))}]`;
  });
  const keys = requests.map((request) => `${lower(nameOf(request))}: ${request.apiKey}`);
  return `/**
 * Kafka's messages, from ${about.sources.join('; ')} (Apache-2.0).
 * Written by scripts/generate-kafka-messages.ts.
 */

export const ApiKey = {${keys.join(',')}} as const;

/** Key, name, first and last decodable version, unstable version, first flexible version, fields of request and response. */
export type MessageRow = readonly [number, string, number, number, number, number, string, string];

export const MESSAGES: readonly MessageRow[] = [${rows.join(',\n')}];
`;
}

const nameOf = (request: SourceMessage): string => request.name.replace(/Request$/, '');
const lower = (name: string): string => name[0]!.toLowerCase() + name.slice(1);
const quoted = (text: string): string => `'${text}'`;

/**
 * Each field: its name, its type (`*` before that of a list), then marks: v versions, ? where it may be null, # tag and
 * the versions in which it is tagged, = default, @ entity. A struct's fields stand in braces behind.
 */
function fieldsText(fields: readonly SourceField[]): string {
  return fields.map(fieldText).join(',');
}

function fieldText(field: SourceField): string {
  const inner = field.fields ? `{${fieldsText(field.fields)}}` : '';
  const marks = [
    lower(field.name),
    field.type.replace('[]', '*'),
    `v${field.versions}`,
    field.nullableVersions && `?${field.nullableVersions}`,
    field.taggedVersions && `#${field.tag}:${field.taggedVersions}`,
    field.default !== undefined && field.default !== '' && `=${field.default}`,
    field.entityType && `@${field.entityType}`,
  ];
  return `${marks.filter(Boolean).join(' ')}${inner}`;
}
