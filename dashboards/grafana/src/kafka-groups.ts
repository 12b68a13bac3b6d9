import { ALL_FILTERS, BY_LISTENER, greatest, own, ownBy } from './kafka-promql.ts';
import { type Tile, timeseries } from './panels.ts';
import { quantile, rate } from './promql.ts';
import { promql } from './targets.ts';

const HEARD =
  'As far as it was heard here: high watermarks from Fetch, ListOffsets and Produce, offsets from commits. Prometheus.';

/** Consumer groups: how far they are behind, and how often they stop to share out anew. */
export function groups(): Tile[] {
  const group = ['sluice_listener', 'group'];
  return [
    timeseries({
      title: 'Consumer lag by group',
      description: `Messages that a group has not committed yet, all its topics together, the 15 that are behind most. ${HEARD}`,
      unit: 'short',
      targets: [
        promql(
          `topk(15, sum by (group) (${greatest('sluice_consumer_group_lag_sum', [...group, 'topic'])}))`,
          '{{group}}',
        ),
      ],
    }),
    timeseries({
      title: 'Consumer lag by topic',
      description: `Messages that have not been committed yet, by group and topic. ${HEARD}`,
      unit: 'short',
      targets: [
        promql(`topk(15, ${greatest('sluice_consumer_group_lag_sum', ['group', 'topic'])})`, '{{group}} {{topic}}'),
      ],
    }),
    timeseries({
      title: 'Partition that is behind most',
      description: `Messages of the one partition of a topic whose lag is the greatest: far above the others it is a hot key, or a consumer that is stuck. ${HEARD}`,
      unit: 'short',
      targets: [
        promql(`topk(15, ${greatest('sluice_consumer_group_lag_max', ['group', 'topic'])})`, '{{group}} {{topic}}'),
      ],
    }),
    timeseries({
      title: 'Messages done by group',
      description: `By how much a group's committed offsets rise, a second: compare with what is produced. ${HEARD}`,
      unit: 'ops',
      targets: [
        promql(
          `topk(15, ${rate('sluice_consumer_group_committed_messages_total', BY_LISTENER, { by: ['group'] })})`,
          '{{group}}',
        ),
      ],
    }),
    timeseries({
      title: 'Rebalances by group',
      description: `Generations begun a second, each counted where its leader was told of it, and responses that tell a member to join anew. While a group rebalances it reads nothing. ${ALL_FILTERS}`,
      unit: 'ops',
      targets: [
        ownBy('group_rebalances', ['group'], 'begun {{group}}'),
        ownBy('group_rebalancing', ['group'], 'told to join anew {{group}}'),
      ],
    }),
    timeseries({
      title: 'Members by group',
      description:
        'Members of a group, as its leader was told at the last rebalance. Groups of the newer protocol (KIP-848) tell nobody. Prometheus.',
      unit: 'short',
      targets: [promql(`topk(15, ${greatest('sluice_consumer_group_members', ['group'])})`, '{{group}}')],
    }),
    timeseries({
      title: 'Waits for other members',
      description: `How long JoinGroup and SyncGroup took, quantiles: they wait for the other members, and are no latency. ${ALL_FILTERS}`,
      unit: 's',
      targets: [0.5, 0.99].map((q) =>
        promql(quantile(q, 'sluice_kafka_group_wait_seconds', 'instance=~"$instance"'), `p${q * 100}`),
      ),
    }),
    timeseries({
      title: 'Commits, joins and leaves',
      description: `Offsets of partitions that were committed a second, and members that joined and left, by group. ${ALL_FILTERS}`,
      unit: 'ops',
      targets: [
        own('commits', 'commits'),
        ownBy('group_joins', ['group'], 'joins {{group}}'),
        ownBy('group_leaves', ['group'], 'leaves {{group}}'),
      ],
    }),
    timeseries({
      title: 'Fetched position behind the end, by client',
      description: `Messages that a client has not fetched yet (high watermark minus the offset that it asks for), by client id and topic; of clients without a group as well. ${HEARD}`,
      unit: 'short',
      targets: [
        promql(`topk(15, ${greatest('sluice_consumer_client_lag_sum', ['client', 'topic'])})`, '{{client}} {{topic}}'),
      ],
    }),
  ];
}
