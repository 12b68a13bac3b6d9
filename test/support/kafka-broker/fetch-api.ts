import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';
import type { FetchSession, SessionPartition } from './fetch-sessions.ts';
import { move } from './journal.ts';
import type { PartitionLog } from './log.ts';
import type { Batch } from './records.ts';

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly currentLeaderEpoch: number;
      readonly fetchOffset: bigint;
      readonly partitionMaxBytes: number;
    }[];
  }[];
  readonly forgottenTopicsData: readonly {
    readonly topic: string;
    readonly topicId: string;
    readonly partitions: readonly number[];
  }[];
}

interface Found {
  readonly asked: SessionPartition;
  readonly error: number;
  readonly log: PartitionLog | undefined;
  readonly batches: readonly Batch[];
}

const NO_ID = '0'.repeat(32);
const keyOf = (topic: string, id: string, partition: number): string => `${id === NO_ID ? topic : id} ${partition}`;

function askedIn(request: FetchRequest, into: Map<string, SessionPartition>): Map<string, SessionPartition> {
  for (const { topic, topicId, partitions } of request.topics) {
    for (const { partition, fetchOffset, partitionMaxBytes } of partitions) {
      const key = keyOf(topic, topicId, partition);
      const known = into.get(key);
      const asked = { fetchOffset: Number(fetchOffset), maxBytes: partitionMaxBytes };
      if (known !== undefined) Object.assign(known, asked);
      else into.set(key, { topic, topicId, partition, ...asked, toldHigh: -1, toldStart: -1 });
    }
  }
  return into;
}

type Opened = { readonly session: FetchSession | null; readonly asked: Map<string, SessionPartition> } | string;

/** The request's place in its session; a text is an error. */
function open(request: FetchRequest, { broker }: Call): Opened {
  const { sessionId, sessionEpoch } = request;
  const { fetchSessions } = broker;
  if (sessionEpoch <= 0) {
    if (sessionId !== 0) fetchSessions.end(sessionId);
    const asked = askedIn(request, new Map());
    return { session: sessionEpoch === 0 ? fetchSessions.begin(asked) : null, asked };
  }
  const session = fetchSessions.get(sessionId);
  if (session === undefined) return 'FETCH_SESSION_ID_NOT_FOUND';
  if (session.epoch !== sessionEpoch) return 'INVALID_FETCH_SESSION_EPOCH';
  session.epoch = sessionEpoch === 0x7fffffff ? 1 : sessionEpoch + 1;
  for (const { topic, topicId, partitions } of request.forgottenTopicsData)
    for (const partition of partitions) session.partitions.delete(keyOf(topic, topicId, partition));
  return { session, asked: askedIn(request, session.partitions) };
}

function look(call: Call, request: FetchRequest, asked: SessionPartition, room: number, first: boolean): Found {
  const { cluster, broker } = call;
  const none = (error: string | number, log?: PartitionLog): Found => ({
    asked,
    error: codeOf(error),
    log,
    batches: [],
  });
  const byId = asked.topicId !== NO_ID;
  const topic = byId ? cluster.topicsById.get(asked.topicId) : cluster.topics.get(asked.topic);
  const forced = call.forced(topic?.name ?? asked.topic);
  if (forced !== 0) return none(forced);
  const log = topic?.partitions[asked.partition];
  if (log === undefined) return none(byId && topic === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
  if (log.leader !== broker.id) return none('NOT_LEADER_OR_FOLLOWER', log);
  if (asked.fetchOffset < log.start || asked.fetchOffset > log.high) return none('OFFSET_OUT_OF_RANGE', log);
  const limit = request.isolationLevel === 1 ? log.stable : log.high;
  const bytes = Math.min(room, asked.maxBytes);
  return { asked, error: 0, log, batches: log.read(asked.fetchOffset, limit, bytes, first) };
}

function lookAll(call: Call, request: FetchRequest, asked: ReadonlyMap<string, SessionPartition>) {
  let bytes = 0;
  let failed = false;
  const found: Found[] = [];
  for (const partition of asked.values()) {
    const one = look(call, request, partition, request.maxBytes - bytes, bytes === 0);
    for (const batch of one.batches) bytes += batch.bytes.length;
    failed ||= one.error !== 0;
    found.push(one);
  }
  return { found, bytes, failed };
}

/** Resolves when something is written to one of the partitions, or the time is up. */
function written(found: readonly Found[], ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const { log } of found) log?.waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const { log } of found) log?.waiting.add(done);
  });
}

function replyFor(
  { found, session, request }: { found: readonly Found[]; session: FetchSession | null; request: FetchRequest },
  call: Call,
) {
  const incremental = session !== null && request.sessionEpoch > 0;
  const topics = new Map<string, { topic: string; topicId: string; partitions: ReturnType<typeof partitionFor>[] }>();
  const leaders = new Set<number>();
  for (const one of found) {
    const { asked, log, error } = one;
    const high = log?.high ?? -1;
    const start = log?.start ?? -1;
    const news = error !== 0 || one.batches.length > 0 || high !== asked.toldHigh || start !== asked.toldStart;
    asked.toldHigh = error === 0 ? high : -1;
    asked.toldStart = error === 0 ? start : -1;
    if (incremental && !news) continue;
    if (error === codeOf('NOT_LEADER_OR_FOLLOWER') && log !== undefined) leaders.add(log.leader);
    const key = asked.topicId === NO_ID ? asked.topic : asked.topicId;
    const topic = topics.get(key) ?? { topic: asked.topic, topicId: asked.topicId, partitions: [] };
    topics.set(key, topic);
    topic.partitions.push(partitionFor(one, request));
    for (const { records, bytes } of one.batches)
      move(call.broker.journal.fetched, log!.topic, call.clientId, records, bytes.length);
  }
  return {
    sessionId: session?.id ?? 0,
    responses: [...topics.values()],
    nodeEndpoints: [...leaders].map((id) => ({ ...call.cluster.brokers[id - 1]!.endpoint, rack: null })),
  };
}

function partitionFor({ asked, error, log, batches }: Found, { isolationLevel }: FetchRequest) {
  const moved = error === codeOf('NOT_LEADER_OR_FOLLOWER') && log !== undefined;
  const last = batches.at(-1);
  const end = last === undefined ? asked.fetchOffset : last.baseOffset + last.lastOffsetDelta;
  const aborted = log?.aborted.filter(
    ({ firstOffset, lastOffset }) => lastOffset >= asked.fetchOffset && firstOffset <= end,
  );
  return {
    partitionIndex: asked.partition,
    errorCode: error,
    highWatermark: BigInt(error === 0 ? log!.high : -1),
    lastStableOffset: BigInt(error === 0 ? log!.stable : -1),
    logStartOffset: BigInt(error === 0 ? log!.start : -1),
    abortedTransactions:
      isolationLevel === 1 && error === 0
        ? aborted!.map(({ producerId, firstOffset }) => ({
            producerId: BigInt(producerId),
            firstOffset: BigInt(firstOffset),
          }))
        : null,
    records: batches.map(({ bytes }) => bytes),
    ...(moved && { currentLeader: { leaderId: log.leader, leaderEpoch: log.leaderEpoch } }),
  };
}

async function longPoll(call: Call, request: FetchRequest, asked: ReadonlyMap<string, SessionPartition>) {
  const until = performance.now() + request.maxWaitMs;
  for (;;) {
    const looked = lookAll(call, request, asked);
    const left = until - performance.now();
    if (looked.failed || looked.bytes >= request.minBytes || left <= 0 || call.connection.socket.destroyed)
      return looked;
    await written(looked.found, left);
  }
}

export const fetchApis = {
  Fetch: api<FetchRequest>(
    [4, 16],
    (request, call) => {
      const opened = open(request, call);
      if (typeof opened === 'string') return { errorCode: codeOf(opened) };
      const { session, asked } = opened;
      const looked = lookAll(call, request, asked);
      if (looked.failed || looked.bytes >= request.minBytes || asked.size === 0 || request.maxWaitMs <= 0)
        return replyFor({ found: looked.found, session, request }, call);
      return longPoll(call, request, asked).then(({ found }) => replyFor({ found, session, request }, call));
    },
    true,
  ),
};
