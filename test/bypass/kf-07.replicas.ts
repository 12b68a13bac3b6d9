import { allowing, CLUSTER_DENIED, denied, fetchById, fetchOf, type KafkaRow, passes } from './support/kafka.ts';

/** Whoever may do everything may not be a broker. */
const EVERYTHING = allowing({ name: 'all', action: 'allow' });
const offsets = (replicaId: number) => ({
  replicaId,
  isolationLevel: 0,
  topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
});

export const row: KafkaRow = {
  id: 'KF-07',
  title: 'replicas',
  rules: ['R4'],
  cases: [
    {
      name: 'a Fetch as a broker, in the field of old versions',
      policies: EVERYTHING,
      rounds: () => [
        [0, 1, 2, 0x7fff_ffff].map((replicaId) =>
          denied('Fetch', 11, fetchOf(['orders'], { replicaId }), CLUSTER_DENIED),
        ),
        [passes('Fetch', 11, fetchOf(['orders']))],
      ],
    },
    {
      name: 'before Fetch had errors of its own, each partition tells',
      policies: EVERYTHING,
      rounds: () => [[denied('Fetch', 5, fetchOf(['orders'], { replicaId: 1 }), CLUSTER_DENIED)]],
    },
    {
      name: 'a Fetch as a broker, in the tagged field of new versions',
      policies: EVERYTHING,
      rounds: () => [
        [0, 3].map((replicaId) =>
          denied('Fetch', 15, fetchById([], { replicaState: { replicaId, replicaEpoch: 1n } }), CLUSTER_DENIED, {
            isNew: true,
          }),
        ),
      ],
    },
    {
      name: 'offsets as a broker',
      policies: EVERYTHING,
      rounds: () => [
        [
          denied('ListOffsets', 2, offsets(1), CLUSTER_DENIED),
          passes('ListOffsets', 2, offsets(-1)),
          denied(
            'OffsetForLeaderEpoch',
            3,
            {
              replicaId: 1,
              topics: [{ topic: 'orders', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
            },
            CLUSTER_DENIED,
          ),
        ],
      ],
    },
  ],
};
