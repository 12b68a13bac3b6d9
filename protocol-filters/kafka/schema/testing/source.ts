/** Kafka's message schemas as their source has them, and what we keep of it. */

/** A field of a schema. Versions are texts: `3+`, `0-7`, `4`. */
export interface SourceField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  taggedVersions?: string;
  tag?: number;
  default?: string | number | boolean;
  entityType?: string;
  fields?: SourceField[];
}

export interface SourceMessage {
  apiKey: number;
  type: 'request' | 'response';
  name: string;
  validVersions: string;
  flexibleVersions: string;
  latestVersionUnstable?: boolean;
  fields: SourceField[];
  commonStructs?: { name: string; versions: string; fields: SourceField[] }[];
}

/** What fixtures/messages.json holds. */
export interface Copy {
  about: { licence: string; sources: string[] };
  messages: SourceMessage[];
}

export const MOST_VERSION = 0x7fff;

/** First and last; null for `none`. */
export function rangeOf(text: string | undefined): [number, number] | null {
  if (!text || text === 'none') return null;
  const [since, until] = text.replace('+', `-${MOST_VERSION}`).split('-');
  return [Number(since), Number(until ?? since)];
}

export const holds = (range: [number, number] | null, version: number): boolean =>
  range !== null && version >= range[0] && version <= range[1];

function rangeText(range: [number, number] | null): string | undefined {
  if (!range) return undefined;
  const [since, until] = range;
  if (until === MOST_VERSION) return `${since}+`;
  return since === until ? `${since}` : `${since}-${until}`;
}

/** A message without its prose, its shared structs put where they are used; [] for what is no request or response. */
export function compact(message: SourceMessage): SourceMessage[] {
  if (message.apiKey === undefined) return [];
  // A release keeps the names of what it has dropped, and nothing else.
  if (message.validVersions === 'none') return [];
  const shared = new Map((message.commonStructs ?? []).map((struct) => [struct.name, struct.fields]));
  const field = (from: SourceField): SourceField => {
    const struct = from.fields ?? shared.get(from.type.replace('[]', ''));
    if ((from as { flexibleVersions?: string }).flexibleVersions) throw new Error(`${from.name} has flexibleVersions`);
    return {
      name: from.name,
      type: struct ? (from.type.startsWith('[]') ? '[]struct' : 'struct') : from.type,
      versions: from.versions,
      ...(from.nullableVersions && { nullableVersions: from.nullableVersions }),
      ...(from.taggedVersions && { taggedVersions: from.taggedVersions, tag: from.tag! }),
      ...(from.default !== undefined && { default: from.default }),
      ...(from.entityType && { entityType: from.entityType }),
      ...(struct && { fields: struct.map(field) }),
    };
  };
  return [
    {
      apiKey: message.apiKey,
      type: message.type,
      name: message.name,
      validVersions: message.validVersions,
      flexibleVersions: message.flexibleVersions,
      ...(message.latestVersionUnstable && { latestVersionUnstable: true }),
      fields: message.fields.map(field),
    },
  ];
}

/** What a version looks like, for comparison: its fields and nothing of other versions. */
export function layout(fields: readonly SourceField[], version: number): string {
  return fields
    .filter((field) => holds(rangeOf(field.versions), version))
    .map((field) => {
      const isNullable = holds(rangeOf(field.nullableVersions), version);
      const tag = holds(rangeOf(field.taggedVersions), version) ? `#${field.tag}` : '';
      const inner = field.fields ? `{${layout(field.fields, version)}}` : '';
      return `${field.name}:${field.type}${isNullable ? '?' : ''}${tag}${inner}`;
    })
    .join(',');
}

/** The newer messages, with the versions, fields and messages that only the older ones had. */
export function mergeMessages(older: readonly SourceMessage[], newer: readonly SourceMessage[]): SourceMessage[] {
  const idOf = (message: SourceMessage): string => `${message.apiKey} ${message.type}`;
  const before = new Map(older.map((message) => [idOf(message), message]));
  const requests = new Map(older.flatMap((message) => (message.type === 'request' ? [[message.apiKey, message]] : [])));
  const merged = newer.map((message) => {
    const old = before.get(idOf(message));
    before.delete(idOf(message));
    // Only requests say so.
    const isUnstable = requests.get(message.apiKey)?.latestVersionUnstable ?? false;
    return old ? mergeMessage(old, message, isUnstable) : message;
  });
  return [...merged, ...before.values()].sort(
    (a, b) => a.apiKey - b.apiKey || (a.type < b.type ? -1 : a.type > b.type ? 1 : 0),
  );
}

function mergeMessage(old: SourceMessage, message: SourceMessage, isUnstable: boolean): SourceMessage {
  const oldRange = rangeOf(old.validVersions)!;
  // What was unstable was never anybody's word: the release that came of it counts.
  if (isUnstable) oldRange[1]--;
  if (oldRange[0] > oldRange[1]) return message;
  const range = rangeOf(message.validVersions)!;
  const flexible = rangeOf(message.flexibleVersions);
  const since = Math.min(oldRange[0], range[0]);
  const merged: SourceMessage = {
    ...message,
    validVersions: rangeText([since, range[1]])!,
    flexibleVersions: flexible
      ? rangeOf(old.flexibleVersions)
        ? old.flexibleVersions
        : message.flexibleVersions
      : 'none',
    fields: mergeFields(old.fields, message.fields, range[0] - 1),
  };
  for (let version = since; version <= range[1]; version++) {
    const judge = version >= range[0] ? message : old;
    const isSame =
      layout(judge.fields, version) === layout(merged.fields, version) &&
      holds(rangeOf(judge.flexibleVersions), version) === holds(rangeOf(merged.flexibleVersions), version);
    if (!isSame) throw new Error(`${message.name} v${version} cannot be merged`);
  }
  return merged;
}

/** Fields of both. Up to version `last` the old ones count, above it the new ones. */
function mergeFields(old: readonly SourceField[], fields: readonly SourceField[], last: number): SourceField[] {
  const names = new Set(fields.map((field) => field.name));
  const oldByName = new Map(old.map((field) => [field.name, field]));
  const merged = fields.map((field) => {
    const from = oldByName.get(field.name);
    return from ? mergeField(from, field, last) : field;
  });
  // A field that was dropped stands behind the one that it followed.
  let place = 0;
  for (const field of old) {
    const at = merged.findIndex((each) => each.name === field.name);
    if (names.has(field.name)) {
      place = at + 1;
      continue;
    }
    const versions = upTo(rangeOf(field.versions), last);
    if (versions) merged.splice(place++, 0, { ...field, versions: rangeText(versions)! });
  }
  return merged;
}

function mergeField(old: SourceField, field: SourceField, last: number): SourceField {
  const both = (a: string | undefined, b: string | undefined): string | undefined =>
    rangeText(union(upTo(rangeOf(a), last), above(rangeOf(b), last)));
  const nullableVersions = both(old.nullableVersions, field.nullableVersions);
  const taggedVersions = both(old.taggedVersions, field.taggedVersions);
  const { nullableVersions: _n, taggedVersions: _t, ...rest } = field;
  return {
    ...rest,
    versions: both(old.versions, field.versions) ?? field.versions,
    ...(nullableVersions && { nullableVersions }),
    ...(taggedVersions && { taggedVersions }),
    ...(field.fields && { fields: mergeFields(old.fields ?? [], field.fields, last) }),
  };
}

type Range = [number, number] | null;
const upTo = (range: Range, last: number): Range =>
  range && range[0] <= last ? [range[0], Math.min(range[1], last)] : null;
const above = (range: Range, last: number): Range =>
  range && range[1] > last ? [Math.max(range[0], last + 1), range[1]] : null;

function union(a: Range, b: Range): Range {
  if (!a || !b) return a ?? b;
  // A gap shows when the layouts are compared.
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}
