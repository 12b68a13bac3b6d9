import type { Denial } from '../../../src/exchange/protocol-filter.ts';
import { ApiKey } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import { needsOf } from './acl.ts';

const BY_TYPE: Readonly<Record<string, number>> = {
  topic: ErrorCode.topicAuthorizationFailed,
  group: ErrorCode.groupAuthorizationFailed,
  transactional_id: ErrorCode.transactionalIdAuthorizationFailed,
  cluster: ErrorCode.clusterAuthorizationFailed,
};

/** From this version on clients know that they are to ask again later (KIP-599). */
const THROTTLED_FROM: ReadonlyMap<number, number> = new Map([
  [ApiKey.createTopics, 6],
  [ApiKey.createPartitions, 3],
  [ApiKey.deleteTopics, 5],
]);

/** Kafka's error code for a denial, as its own brokers have it for a lack of rights. */
export function codeOf(why: Denial, apiKey: number, version: number): number {
  if (why.kind === 'limit') {
    const since = THROTTLED_FROM.get(apiKey);
    return since !== undefined && version >= since ? ErrorCode.throttlingQuotaExceeded : ErrorCode.policyViolation;
  }
  const type = why.access?.type ?? '';
  if (Object.hasOwn(BY_TYPE, type)) return BY_TYPE[type]!;
  const needs = needsOf(apiKey);
  if (needs === null) return ErrorCode.clusterAuthorizationFailed;
  if (needs.topic !== '') return ErrorCode.topicAuthorizationFailed;
  if (needs.group !== '' || needs.all === 'group') return ErrorCode.groupAuthorizationFailed;
  if (needs.transactionalId !== '' || needs.all !== '') return ErrorCode.transactionalIdAuthorizationFailed;
  return ErrorCode.clusterAuthorizationFailed;
}
