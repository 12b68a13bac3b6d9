import { ALL_FILTERS, own, ownBy } from './kafka-promql.ts';
import { type Tile, timeseries } from './panels.ts';
import { INSTANCE, rate } from './promql.ts';
import { promql } from './targets.ts';

const BOUNDED = 'The first topics have series of their own (option topics), the rest is `other`.';

/** Messages and bytes in and out by topic. */
export function topics(): Tile[] {
  return [
    timeseries({
      title: 'Records produced by topic',
      description: `Records a second that brokers took, the 15 busiest topics. ${BOUNDED} ${ALL_FILTERS}`,
      unit: 'ops',
      stacked: true,
      targets: [ownBy('topic_produced_records', ['topic'])],
    }),
    timeseries({
      title: 'Bytes produced by topic',
      description: `Bytes a second of the record batches that brokers took, as they were sent (compressed). ${BOUNDED} ${ALL_FILTERS}`,
      unit: 'Bps',
      stacked: true,
      targets: [ownBy('topic_produced_bytes', ['topic'])],
    }),
    timeseries({
      title: 'Records fetched by topic',
      description: `Records a second in Fetch responses, each as often as it is fetched. ${BOUNDED} ${ALL_FILTERS}`,
      unit: 'ops',
      stacked: true,
      targets: [ownBy('topic_fetched_records', ['topic'])],
    }),
    timeseries({
      title: 'Bytes fetched by topic',
      description: `Bytes a second of the record batches in Fetch responses. ${BOUNDED} ${ALL_FILTERS}`,
      unit: 'Bps',
      stacked: true,
      targets: [ownBy('topic_fetched_bytes', ['topic'])],
    }),
  ];
}

/** How large batches are, and how they are compressed. */
export function batches(): Tile[] {
  const per = (what: string, way: string, legend: string) =>
    promql(
      `${rate(`sluice_kafka_${way}_${what}_total`, INSTANCE)} / (${rate(`sluice_kafka_${way}_batches_total`, INSTANCE)} > 0)`,
      legend,
    );
  return [
    timeseries({
      title: 'Records in a batch',
      description: `Records of a record batch, on average: few in one cost brokers and network much (linger.ms, batch.size). ${ALL_FILTERS}`,
      unit: 'short',
      targets: [per('records', 'produced', 'produced'), per('records', 'fetched', 'fetched')],
    }),
    timeseries({
      title: 'Bytes of a batch',
      description: `Bytes of a record batch as it was sent, on average. ${ALL_FILTERS}`,
      unit: 'bytes',
      targets: [per('bytes', 'produced', 'produced'), per('bytes', 'fetched', 'fetched')],
    }),
    timeseries({
      title: 'Batches produced by codec',
      description: `Record batches a second that brokers took, by how they were compressed. ${ALL_FILTERS}`,
      unit: 'ops',
      stacked: true,
      targets: [ownBy('codec_produced_batches', ['codec'])],
    }),
    timeseries({
      title: 'Records not taken',
      description: `Records a second that producers sent and brokers refused, those of retries each time; and Produce requests that want no response (acks=0), of which nobody knows. ${ALL_FILTERS}`,
      unit: 'ops',
      targets: [own('refused_records', 'refused records'), own('no_response', 'requests with acks=0')],
    }),
  ];
}
