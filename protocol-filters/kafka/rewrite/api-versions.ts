import { isForBrokers } from '../gate/acl.ts';
import { ApiKey, apiOf } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import type { Message } from '../wire/message.ts';
import { decodeMessage, encodeMessage } from '../wire/message-codec.ts';
import { planOf } from './walk-plan.ts';

/** Replies of these are bulk, so they must not be kept: versions that name brokers behind the records are not offered. */
const BULK: ReadonlySet<number> = new Set([ApiKey.produce, ApiKey.fetch]);
/** From this level on (KIP-890) clients leave out AddPartitionsToTxn and let Produce of this version stand for it. */
const TRANSACTIONS_V2 = { feature: 'transaction.version', level: 2, produce: 12 } as const;

/** What is done with requests and replies, and so which versions of them clients may use. */
export interface Offer {
  /** Addresses are rewritten. */
  readonly rewrites: boolean;
  /** Requests are judged, and may be denied. */
  readonly enforces: boolean;
  /** Tokens of a login may come without headers. */
  readonly allowsRawTokens: boolean;
}
const REWRITTEN: Offer = { rewrites: true, enforces: false, allowsRawTokens: true };

/** The highest version of an API that clients may use; -1: none. */
export function highestVersion(key: number, offer = REWRITTEN): number {
  const api = apiOf(key);
  if (api === null) return -1;
  let version = api.until;
  if (offer.rewrites && BULK.has(key))
    while (version > api.since && planOf(key, version)?.hasAddresses !== false) version--;
  if (offer.enforces) while (version >= api.since && isForBrokers(key, version)) version--;
  return version < api.since ? -1 : version;
}

/** From here on Metadata says whether topics are to be made (KIP-4). */
const METADATA_ASKS = 4;

/** The lowest: what does more than it says is not offered where the broker, whose highest version is `until`, has better. */
function lowestVersion(key: number, since: number, until: number, offer: Offer): number {
  if (!offer.enforces) return since;
  if (key === ApiKey.saslHandshake && !offer.allowsRawTokens) return Math.max(1, since);
  return key === ApiKey.metadata ? Math.max(Math.min(METADATA_ASKS, until), since) : since;
}

/**
 * The body of an ApiVersions reply, told so that clients stay with what can be read: versions above are cut, APIs that we do not
 * know are left out, all else is kept. A reply of a version that we do not know becomes what a broker says that does not know it
 * either (KIP-511), and the client asks again. Null: it cannot be read.
 */
export function clampApiVersions(body: Buffer, version: number, offer = REWRITTEN): Buffer | null {
  const isRefused = body.length >= 2 && body.readInt16BE(0) === ErrorCode.unsupportedVersion;
  const highest = highestVersion(ApiKey.apiVersions);
  if (!isRefused && version > highest) return refusal(highest);
  // Whoever refuses the version answers in that of v0.
  const written = isRefused ? 0 : version;
  const reply = decodeMessage(ApiKey.apiVersions, written, 'response', body, 0, body.length);
  if (reply === null) return null;
  reply['apiKeys'] = (reply['apiKeys'] as Message[]).filter((api) => clampOne(api, offer));
  clampFeatures((reply['finalizedFeatures'] ?? []) as Message[], offer);
  return encodeMessage(ApiKey.apiVersions, written, 'response', reply);
}

/** What a broker says that does not know the version either. */
export const refusal = (highest: number): Buffer =>
  encodeMessage(ApiKey.apiVersions, 0, 'response', {
    errorCode: ErrorCode.unsupportedVersion,
    apiKeys: [{ apiKey: ApiKey.apiVersions, minVersion: 0, maxVersion: highest }],
  });

/** False: nothing is left of it. */
function clampOne(api: Message, offer: Offer): boolean {
  const key = api['apiKey'] as number;
  const known = apiOf(key);
  if (known === null) return false;
  const since = Math.max(
    api['minVersion'] as number,
    lowestVersion(key, known.since, api['maxVersion'] as number, offer),
  );
  const until = Math.min(api['maxVersion'] as number, highestVersion(key, offer));
  api['minVersion'] = since;
  api['maxVersion'] = until;
  return since <= until;
}

/** Clients that may not use the Produce of the new transactions must not be told that the cluster has them. */
function clampFeatures(features: Message[], offer: Offer): void {
  if (highestVersion(ApiKey.produce, offer) >= TRANSACTIONS_V2.produce) return;
  for (const feature of features) {
    if (feature['name'] !== TRANSACTIONS_V2.feature) continue;
    const level = TRANSACTIONS_V2.level - 1;
    feature['maxVersionLevel'] = Math.min(feature['maxVersionLevel'] as number, level);
    feature['minVersionLevel'] = Math.min(feature['minVersionLevel'] as number, level);
  }
}
