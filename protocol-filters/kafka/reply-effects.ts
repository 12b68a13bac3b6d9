import type { Conversation } from './conversation.ts';
import type { ReplyFacts } from './reply-facts.ts';
import type { Request } from './request.ts';
import { ApiKey } from './schema/api.ts';
import { ErrorCode } from './schema/error-names.ts';

/** Epoch of a member that leaves its group for good. */
const LEAVES = -1;

/** What a reply that was read whole changes of what is known of its connection, its group or its fetch session. */
export function afterReply(talk: Conversation, r: Request, facts: ReplyFacts): void {
  switch (r.apiKey) {
    case ApiKey.fetch:
      afterFetch(talk, r, facts);
      return;
    case ApiKey.shareFetch:
      r.waits = r.maxWaitMs > 0 && r.error === 0 && !facts.hasRecords;
      return;
    case ApiKey.apiVersions:
      afterApiVersions(talk, r);
      return;
    case ApiKey.saslHandshake:
      if (r.ownError === 0) talk.login.begin(r.mechanism);
      else {
        talk.login.ask('');
        talk.bound.stats.sasl(r.mechanism, false, false);
      }
      return;
    case ApiKey.saslAuthenticate:
      return;
    default:
      if (talk.login.isUnderWay && r.error === 0) talk.onLoginStep(talk.login.onServed());
      afterMembership(talk, r, facts);
  }
}

function afterMembership({ bound: { stats } }: Conversation, r: Request, facts: ReplyFacts): void {
  const { group, ownError } = r;
  if (group === null) return;
  switch (r.apiKey) {
    case ApiKey.joinGroup:
      r.waits = hasWaitedForMembers(ownError);
      if (ownError !== 0) return;
      r.generation = facts.generation;
      stats.joined(group, facts.generation, facts.members);
      return;
    case ApiKey.consumerGroupHeartbeat:
      stats.heartbeat(group, ownError);
      if (ownError !== 0) return;
      // With epoch -1 a member leaves; with -2 a static one will be back, and the group keeps its place (KIP-848).
      if (r.generation === LEAVES) stats.left(group, 1);
      else if (facts.generation >= 0) stats.generation(group, facts.generation);
      return;
    case ApiKey.syncGroup:
      r.waits = hasWaitedForMembers(ownError);
      stats.heartbeat(group, ownError);
      return;
    case ApiKey.heartbeat:
      stats.heartbeat(group, ownError);
      return;
    case ApiKey.leaveGroup:
      if (ownError === 0) stats.left(group, Math.max(1, r.members));
      return;
    default:
      return;
  }
}

/** Who is refused is told at once; another rebalance may end a wait. */
const hasWaitedForMembers = (error: number): boolean => error === 0 || error === ErrorCode.rebalanceInProgress;

function afterFetch(talk: Conversation, r: Request, facts: ReplyFacts): void {
  const { stats } = talk.bound;
  for (let i = 0; i < r.touched; i++) stats.topicRequest(r.touches[i]!.topic, r.apiKey);
  r.waits = hasWaited(talk, r, facts);
  if (r.ownError === 0) talk.hasCaughtUp = !facts.isBehind;
  afterFetchSession(talk, r, facts.sessionId);
}

/** Without news, or where there was nothing left to read, the broker waits for producers as it was asked to; errors it tells at once. */
const hasWaited = (talk: Conversation, r: Request, facts: ReplyFacts): boolean =>
  r.maxWaitMs > 0 && r.error === 0 && (!facts.hasRecords || ((talk.hasCaughtUp || !r.mayHaveMore) && !facts.hasOld));

/** `sessionId`: of the reply; 0: there is none. */
function afterFetchSession({ fetchSessions, bound: { stats } }: Conversation, r: Request, sessionId: number): void {
  if (r.ownError === ErrorCode.fetchSessionIdNotFound || r.ownError === ErrorCode.invalidFetchSessionEpoch) {
    fetchSessions.delete(r.sessionId);
    stats.fetchSession('lost');
    return;
  }
  if (r.ownError !== 0) return;
  if (r.sessionEpoch > 0) {
    stats.fetchSession('resumed');
    return;
  }
  // -1 ends it, 0 begins another in its place.
  if (r.sessionId !== 0 && fetchSessions.delete(r.sessionId)) stats.fetchSession('closed');
  if (r.sessionEpoch !== 0 || sessionId === 0 || r.fetched === null) return;
  fetchSessions.set(sessionId, r.fetched);
  stats.fetchSession('opened');
}

function afterApiVersions({ host, bound: { stats } }: Conversation, r: Request): void {
  if (r.software === '') return;
  const driver = r.softwareVersion === '' ? r.software : `${r.software} ${r.softwareVersion}`;
  if (driver === host.facts.driver) return;
  if (host.facts.driver === '') stats.software(r.software, r.softwareVersion);
  host.confirm({ driver });
}
