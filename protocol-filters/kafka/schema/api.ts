import { ApiKey, MESSAGES } from './messages.generated.ts';

export { ApiKey };

/** An API of Kafka: one pair of request and response. */
export interface Api {
  readonly key: number;
  /** Of the schema, without Request or Response: `ListOffsets`. */
  readonly name: string;
  /** Envoy's: `list_offsets`. */
  readonly kind: string;
  /** First and last version that can be decoded, in both directions. */
  readonly since: number;
  readonly until: number;
  /** A version above them that the schema still calls unstable, or -1: never decoded. */
  readonly unstable: number;
  /** First version with compact lengths and tagged fields (KIP-482), or -1. */
  readonly flexibleFrom: number;
}

/** By key. */
export const APIS: readonly Api[] = MESSAGES.map(([key, name, since, until, unstable, flexibleFrom]) => ({
  key,
  name,
  kind: snake(name),
  since,
  until,
  unstable,
  flexibleFrom,
}));

const byKey: (Api | null)[] = [];
for (const api of APIS) byKey[api.key] = api;

/** Null: no such API when the tables were written. */
export const apiOf = (key: number): Api | null => byKey[key] ?? null;

/** Can bodies of this version be read? */
export function decodes(key: number, version: number): boolean {
  const api = byKey[key];
  return api !== undefined && api !== null && version >= api.since && version <= api.until;
}

/** Are its lengths compact, and its structs open to tagged fields? Also asked of versions that are newer than the tables. */
export function isFlexible(key: number, version: number): boolean {
  const api = byKey[key];
  return api !== undefined && api !== null && api.flexibleFrom >= 0 && version >= api.flexibleFrom;
}

/** Has its request header no client id? (RequestHeader.json: v0 is used by one request only.) */
export const hasNoClientId = (key: number, version: number): boolean =>
  key === ApiKey.controlledShutdown && version === 0;

/** Does its reply begin with tagged fields? ApiVersions' never does: who asks does not know yet what the broker can. */
export const hasReplyTags = (key: number, version: number): boolean =>
  key !== ApiKey.apiVersions && isFlexible(key, version);

function snake(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])/g, '_$&').toLowerCase();
}
