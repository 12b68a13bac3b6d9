import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';
import { countIn, move } from './journal.ts';
import type { PartitionLog } from './log.ts';
import { type Batch, batchAt, problemOf } from './records.ts';

interface ProduceRequest {
  readonly transactionalId: string | null;
  readonly acks: number;
  readonly timeoutMs: number;
  readonly topicData: readonly {
    readonly name: string;
    readonly partitionData: readonly { readonly index: number; readonly records: Buffer | null }[];
  }[];
}

interface Outcome {
  readonly error: number;
  readonly message: string | null;
  readonly offset: number;
  readonly log: PartitionLog | undefined;
}

const refused = (error: string | number, log?: PartitionLog, message: string | null = null): Outcome => ({
  error: codeOf(error),
  message,
  offset: -1,
  log,
});

/** All batches of a field; a text says what is wrong with one. */
function batchesOf(records: Buffer): Batch[] | string {
  const batches: Batch[] = [];
  for (let at = 0; at < records.length; ) {
    const batch = batchAt(records, at);
    if (typeof batch === 'string') return batch;
    batches.push(batch);
    at += batch.bytes.length;
  }
  return batches;
}

/** The transaction's rules: only what was added to it may be written to. */
function outsideTransaction(call: Call, request: ProduceRequest, batch: Batch, partition: string): string {
  if (!batch.transactional) return '';
  if (request.transactionalId === null) return 'INVALID_TXN_STATE';
  return call.cluster.transactions.mayWrite(request.transactionalId, batch.producerId, batch.producerEpoch, partition);
}

function append(call: Call, request: ProduceRequest, topic: string, index: number, records: Buffer | null): Outcome {
  const { cluster, broker } = call;
  const forced = call.forced(topic);
  if (forced !== 0) return refused(forced);
  if (![-1, 0, 1].includes(request.acks)) return refused('INVALID_REQUIRED_ACKS');
  const log = cluster.partition(topic, index);
  if (log === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION');
  if (log.leader !== broker.id) return refused('NOT_LEADER_OR_FOLLOWER', log);
  if (records === null || records.length === 0) return refused('INVALID_RECORD', log, 'no records');
  const batches = batchesOf(records);
  if (typeof batches === 'string') return bad(call, log, batches);
  if (batches.length !== 1) return bad(call, log, `${batches.length} batches for one partition`);
  const [batch] = batches as [Batch];
  if (batch.bytes.length > cluster.settings.maxMessageBytes) return refused('MESSAGE_TOO_LARGE', log);
  const { verify } = cluster.settings;
  const problem = verify === 'none' ? '' : problemOf(batch, verify);
  if (problem === 'CRC') return bad(call, log, problem, 'CORRUPT_MESSAGE');
  if (problem !== '') return bad(call, log, problem);
  if (batch.codec === 4 && call.version < 7) return refused('UNSUPPORTED_COMPRESSION_TYPE', log);
  const outside = outsideTransaction(call, request, batch, `${topic}-${index}`);
  if (outside !== '') return refused(outside, log);
  const appended = log.append(batch);
  if (appended.error !== '') return refused(appended.error, log);
  return { error: 0, message: null, offset: appended.offset, log };
}

/** Records no sane client sends: told as a fault, but the connection lives, as it does with a broker. */
function bad(call: Call, log: PartitionLog, what: string, error = 'INVALID_RECORD'): Outcome {
  const { cluster, broker, clientId } = call;
  cluster.faults.push({ broker: broker.id, client: clientId, what: `records of ${log.topic}-${log.index}: ${what}` });
  return refused(error, log, what);
}

function tally(call: Call, topic: string, records: Buffer | null, error: number): void {
  const { journal } = call.broker;
  const batches = records === null ? [] : batchesOf(records);
  if (typeof batches === 'string') return;
  const where = error === 0 ? journal.produced : journal.refused;
  for (const { bytes, records: n } of batches) move(where, topic, call.clientId, n, bytes.length);
}

export const produceApis = {
  Produce: api<ProduceRequest>(
    [3, 11],
    (request, call) => {
      let failed = false;
      const responses = request.topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index, records }) => {
          const { error, message, offset, log } = append(call, request, name, index, records);
          failed ||= error !== 0;
          tally(call, name, records, error);
          return {
            index,
            errorCode: error,
            baseOffset: BigInt(offset),
            logStartOffset: error === 0 ? BigInt(log?.start ?? -1) : -1n,
            errorMessage: message,
            ...(error === codeOf('NOT_LEADER_OR_FOLLOWER') &&
              log !== undefined && { currentLeader: { leaderId: log.leader, leaderEpoch: log.leaderEpoch } }),
          };
        }),
      }));
      if (request.acks === 0) {
        // Nobody can be told: a broker closes, so that the producer asks for the leaders anew.
        if (failed) {
          countIn(call.broker.journal.errors, 'Produce', 'acks=0 closed');
          call.connection.close();
        }
        return null;
      }
      return { responses, nodeEndpoints: call.version < 10 ? [] : leaders(call, request.topicData) };
    },
    true,
  ),
};

/** Where the leaders are that the request took this broker for (KIP-951). */
function leaders({ cluster, broker }: Call, topics: ProduceRequest['topicData']) {
  const elsewhere = new Set<number>();
  for (const { name, partitionData } of topics) {
    for (const { index } of partitionData) {
      const leader = cluster.partition(name, index)?.leader;
      if (leader !== undefined && leader !== broker.id) elsewhere.add(leader);
    }
  }
  return [...elsewhere].map((id) => ({ ...cluster.brokers[id - 1]!.endpoint, rack: null }));
}
