import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { readLog } from './access-log-file.ts';
import { freePort } from './free-port.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from './kafka-clients.ts';
import { done, kcat } from './kafka-programs.ts';
import { type RunningSluice, runSluice } from './run-sluice.ts';

/** Kafka clients that know no address but Sluice's, and what Sluice says of them. */

/** How many messages each client sends, and gets again. */
export const MESSAGES = 40;
export const PARTITIONS = 4;
export const VALUES: readonly string[] = Array.from({ length: MESSAGES }, (_, i) => `value ${i}`);

export interface KafkaProxy {
  /** Also the prefix of its stats; `kafka` unless said. */
  readonly name?: string;
  readonly brokers: readonly string[];
  /** A free one unless said. */
  readonly port?: number;
  /** More lines of its configuration. */
  readonly options?: readonly string[];
}

export interface KafkaFront {
  readonly sluice: RunningSluice;
  /** Where clients find the first proxy, and all. */
  readonly bootstrap: string;
  readonly bootstraps: readonly string[];
  /** Of connections that have ended: the port from which Sluice spoke to a broker. */
  localPorts(): number[];
  stop(): Promise<void>;
}

/** Sluice before brokers, as the short form has it: rewriting is on unless an option says otherwise. */
export async function kafkaFront(proxies: readonly KafkaProxy[], concurrency: number): Promise<KafkaFront> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-addresses-'));
  const [log, config] = [path.join(folder, 'log'), path.join(folder, 'sluice.yaml')];
  const bootstraps: string[] = [];
  const lines = ['proxies:'];
  for (const { name = 'kafka', brokers, port, options = [] } of proxies) {
    const bootstrap = `127.0.0.1:${port ?? (await freePort())}`;
    bootstraps.push(bootstrap);
    lines.push(`  - name: ${name}`, `    upstream: [${brokers.map((broker) => `"kafka://${broker}"`).join()}]`);
    lines.push(`    listen: ${bootstrap}`, ...options.map((line) => `    ${line}`));
    lines.push('    access_log:', `      - path: ${log}`, '        exchanges: false');
    lines.push('        log_format: { json_format: { local: "%UPSTREAM_LOCAL_ADDRESS%" } }');
  }
  writeFileSync(log, '');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const sluice = await runSluice({ args: ['-c', config], concurrency });
  return {
    sluice,
    bootstrap: bootstraps[0]!,
    bootstraps,
    localPorts: () => readLog(log).map(({ local }) => Number(String(local).split(':').at(-1))),
    stop: async () => {
      await sluice.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Counters of /stats that begin so and are not 0, by the rest of their name. */
export async function statsOf({ sluice }: KafkaFront, prefix: string): Promise<Record<string, number>> {
  const lines = (await sluice.getText('/stats')).split('\n').filter((line) => line.startsWith(prefix));
  const pairs = lines.map((line) => line.slice(prefix.length).split(': '));
  return Object.fromEntries(
    pairs.filter(([, value]) => /^[1-9]\d*$/.test(value!)).map(([name, value]) => [name, Number(value)]),
  );
}

/** Requests by Envoy's names of the APIs, `list_offsets`. */
export async function requestsCounted(at: KafkaFront, proxy = 'kafka'): Promise<Record<string, number>> {
  const counted = Object.entries(await statsOf(at, `kafka.${proxy}.request.`));
  return Object.fromEntries(counted.map(([name, count]) => [name.replace(/_request$/, ''), count]));
}

/** Each sends VALUES, and reads them again in a group. */
export const KAFKA_CLIENTS: Readonly<Record<string, (bootstrap: string, topic: string) => Promise<readonly string[]>>> =
  {
    kafkajs: async (bootstrap, topic) => {
      const kafka = kafkaJs([bootstrap], { clientId: 'kafkajs' });
      await kafkaJsSend(kafka, [{ topic, messages: VALUES.map((value, i) => ({ value, partition: i % PARTITIONS })) }]);
      const member = await kafkaJsMember(kafka, 'by-kafkajs', [topic]);
      await member.until(MESSAGES);
      await member.stop();
      return member.got.map(({ value }) => value);
    },
    kcat: async (bootstrap, topic) => {
      // Keys spread the messages over all partitions.
      const input = VALUES.map((value, i) => `${i}:${value}\n`).join('');
      await done(kcat([bootstrap], ['-P', '-t', topic, '-K:'], input));
      const read = await done(kcat([bootstrap], ['-C', '-t', topic, '-o', 'beginning', '-e', '-q']));
      return read.trimEnd().split('\n');
    },
    platformatic: async (bootstrap, topic) => {
      const common = { bootstrapBrokers: [bootstrap], clientId: 'platformatic' };
      const producer = new Producer({ ...common, serializers: stringSerializers });
      await producer.send({
        messages: VALUES.map((value, i) => ({ topic, key: `${i}`, value, partition: i % PARTITIONS })),
      });
      await producer.close();
      const consumer = new Consumer({ ...common, groupId: 'by-platformatic', deserializers: stringDeserializers });
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200, autocommit: true });
      const got: string[] = [];
      for await (const { value } of stream) if (got.push(String(value)) === MESSAGES) break;
      await stream.close();
      await consumer.close(true);
      return got;
    },
  };
