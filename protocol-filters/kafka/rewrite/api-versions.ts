import { ApiKey, apiOf } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import type { Message } from '../wire/message.ts';
import { decodeMessage, encodeMessage } from '../wire/message-codec.ts';
import { planOf } from './walk-plan.ts';

/** Replies of these are bulk, so they must not be kept: versions that name brokers behind the records are not offered. */
const BULK: ReadonlySet<number> = new Set([ApiKey.produce, ApiKey.fetch]);
/** From this level on (KIP-890) clients leave out AddPartitionsToTxn and let Produce of this version stand for it. */
const TRANSACTIONS_V2 = { feature: 'transaction.version', level: 2, produce: 12 } as const;

/** The highest version of an API that clients may use while addresses are rewritten; -1: none. */
export function highestVersion(key: number): number {
  const api = apiOf(key);
  if (api === null) return -1;
  let version = api.until;
  if (BULK.has(key)) while (version > api.since && planOf(key, version)?.hasAddresses !== false) version--;
  return version;
}

/**
 * The body of an ApiVersions reply, told so that clients stay with what can be read: versions above are cut, APIs that we do not
 * know are left out, all else is kept. A reply of a version that we do not know becomes what a broker says that does not know it
 * either (KIP-511), and the client asks again. Null: it cannot be read.
 */
export function clampApiVersions(body: Buffer, version: number): Buffer | null {
  const isRefused = body.length >= 2 && body.readInt16BE(0) === ErrorCode.unsupportedVersion;
  const highest = highestVersion(ApiKey.apiVersions);
  if (!isRefused && version > highest) return refusal(highest);
  // Whoever refuses the version answers in that of v0.
  const written = isRefused ? 0 : version;
  const reply = decodeMessage(ApiKey.apiVersions, written, 'response', body, 0, body.length);
  if (reply === null) return null;
  reply['apiKeys'] = (reply['apiKeys'] as Message[]).filter(clampOne);
  clampFeatures((reply['finalizedFeatures'] ?? []) as Message[]);
  return encodeMessage(ApiKey.apiVersions, written, 'response', reply);
}

const refusal = (highest: number): Buffer =>
  encodeMessage(ApiKey.apiVersions, 0, 'response', {
    errorCode: ErrorCode.unsupportedVersion,
    apiKeys: [{ apiKey: ApiKey.apiVersions, minVersion: 0, maxVersion: highest }],
  });

/** False: nothing is left of it. */
function clampOne(api: Message): boolean {
  const key = api['apiKey'] as number;
  const known = apiOf(key);
  if (known === null) return false;
  const since = Math.max(api['minVersion'] as number, known.since);
  const until = Math.min(api['maxVersion'] as number, highestVersion(key));
  api['minVersion'] = since;
  api['maxVersion'] = until;
  return since <= until;
}

/** Clients that may not use the Produce of the new transactions must not be told that the cluster has them. */
function clampFeatures(features: Message[]): void {
  if (highestVersion(ApiKey.produce) >= TRANSACTIONS_V2.produce) return;
  for (const feature of features) {
    if (feature['name'] !== TRANSACTIONS_V2.feature) continue;
    const level = TRANSACTIONS_V2.level - 1;
    feature['maxVersionLevel'] = Math.min(feature['maxVersionLevel'] as number, level);
    feature['minVersionLevel'] = Math.min(feature['minVersionLevel'] as number, level);
  }
}
