import { ApiKey } from '../schema/api.ts';
import { encodeRequest } from '../wire/message-codec.ts';

/**
 * What the broker gets in the place of a denied request: a question that every broker answers, to everybody, in this place
 * among the replies. ApiVersions v0 has no body; its answer is replaced when it comes.
 */
export const standIn = (correlationId: number): Buffer => encodeRequest(ApiKey.apiVersions, 0, correlationId, null, {});
