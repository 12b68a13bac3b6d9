import { mkdir } from 'node:fs/promises';
import { HOSTILE_SCENES } from './record-kafka-hostile.ts';
import { KAFKAJS_SCENES } from './record-kafka-kafkajs.ts';
import { JAVA_SCENES, KCAT_SCENES } from './record-kafka-others.ts';
import { PLATFORMATIC_SCENES } from './record-kafka-platformatic.ts';
import { type Cluster, RecordedCluster, recordOnMock, type Scene } from './record-kafka-scene.ts';
import { VERSION_SCENES } from './record-kafka-versions.ts';
import { WIRE_SCENES } from './record-kafka-wire.ts';
import { retell } from './record-scenes.ts';

/**
 * Records real sessions of real clients with Apache Kafka (and one stand-in, which its transcripts name) into
 * protocol-filters/kafka/fixtures, and tells them. The passwords in them are made up.
 */
const ALL: readonly Scene[] = [
  ...KAFKAJS_SCENES,
  ...KCAT_SCENES,
  ...JAVA_SCENES,
  ...PLATFORMATIC_SCENES,
  ...VERSION_SCENES,
  ...WIRE_SCENES,
  ...HOSTILE_SCENES,
];

/** Records all scenes; of those that SCENES names, a list with commas, where it is set. */
export async function record(): Promise<void> {
  await mkdir(new URL('../protocol-filters/kafka/fixtures/', import.meta.url), { recursive: true });
  const wanted = process.env['SCENES']?.split(',');
  const scenes = ALL.filter(({ name }) => wanted === undefined || wanted.some((each) => name.startsWith(each)));
  const failures: unknown[] = [];
  for (const on of ['one', 'two', 'sasl', 'reauth', 'kafka4'] as const satisfies readonly Cluster[]) {
    const here = scenes.filter((scene) => (scene.on ?? 'one') === on);
    if (here.length === 0) continue;
    const cluster = await RecordedCluster.start(on);
    for (const scene of here) await cluster.record(scene).catch((error: unknown) => failures.push(error)); // the others may go well
    await cluster.stop();
  }
  for (const scene of scenes.filter(({ on }) => on === 'mock'))
    await recordOnMock(scene).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'scenes that were not recorded');
  if (process.env['RETELL'] !== 'no') await retell('kafka');
}
