import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';

interface Producer {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

type Topics = readonly { readonly name: string; readonly partitions: readonly number[] }[];

interface AddPartitionsRequest {
  readonly transactions: readonly (Producer & { readonly topics: Topics })[];
  readonly v3AndBelowTransactionalId: string;
  readonly v3AndBelowProducerId: bigint;
  readonly v3AndBelowProducerEpoch: number;
  readonly v3AndBelowTopics: Topics;
}

function wrongFor({ transactionalId, producerId, producerEpoch }: Producer, { cluster, broker }: Call): string {
  if (cluster.coordinator(transactionalId) !== broker) return 'NOT_COORDINATOR';
  return cluster.transactions.check(transactionalId, producerId, producerEpoch);
}

function add(producer: Producer, topics: Topics, call: Call) {
  const { cluster } = call;
  const wrong = wrongFor(producer, call);
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => {
      const unknown = cluster.partition(name, partitionIndex) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : '';
      const partitionErrorCode = call.forced(name) || codeOf(wrong || unknown || 'NONE');
      if (partitionErrorCode === 0) cluster.transactions.add(producer.transactionalId, `${name}-${partitionIndex}`);
      return { partitionIndex, partitionErrorCode };
    }),
  }));
}

export const transactionsApis = {
  InitProducerId: api<{
    readonly transactionalId: string | null;
    readonly producerId: bigint;
    readonly producerEpoch: number;
  }>([0, 5], ({ transactionalId, producerId, producerEpoch }, { cluster, broker }) => {
    const elsewhere = transactionalId !== null && cluster.coordinator(transactionalId) !== broker;
    const begun = elsewhere
      ? 'NOT_COORDINATOR'
      : cluster.transactions.begin(transactionalId, Number(producerId), producerEpoch);
    if (typeof begun === 'string') return { errorCode: codeOf(begun), producerId: -1n, producerEpoch: -1 };
    return { producerId: BigInt(begun.producerId), producerEpoch: begun.epoch };
  }),

  AddPartitionsToTxn: api<AddPartitionsRequest>(
    [0, 5],
    (request, call) => {
      if (call.version >= 4)
        return {
          resultsByTransaction: request.transactions.map((transaction) => ({
            transactionalId: transaction.transactionalId,
            topicResults: add(transaction, transaction.topics, call),
          })),
        };
      const producer: Producer = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
      };
      return { resultsByTopicV3AndBelow: add(producer, request.v3AndBelowTopics, call) };
    },
    true,
  ),

  AddOffsetsToTxn: api<Producer & { readonly groupId: string }>([0, 4], (request, call) => {
    const wrong = wrongFor(request, call);
    if (wrong === '') call.cluster.transactions.addGroup(request.transactionalId, request.groupId);
    return { errorCode: codeOf(wrong || 'NONE') };
  }),

  EndTxn: api<Producer & { readonly committed: boolean }>([0, 4], (request, call) => {
    const wrong = wrongFor(request, call);
    const error = wrong || call.cluster.transactions.end(request.transactionalId, request.committed);
    return { errorCode: codeOf(error || 'NONE') };
  }),
};
