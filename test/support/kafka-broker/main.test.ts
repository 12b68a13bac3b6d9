import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { KafkaWire } from '../kafka-wire.ts';

test('the stand-in as a program: addresses, commands, and its end with its standard input', async () => {
  const program = path.join(import.meta.dirname, 'main.ts');
  const flags = ['--brokers', '2', '--topic', 'orders:3', '--advertise', '2=broker.example:9092'];
  const child = spawn(process.execPath, [program, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  const say = (command: string): Promise<string> => {
    child.stdin.write(`${command}\n`);
    return line();
  };
  const ports = (await line()).split(',').map((address) => Number(address.split(':')[1]));
  expect(ports).toHaveLength(2);
  const wire = await KafkaWire.connect(ports[1]!);
  const { brokers } = await wire.ask('Metadata', 9, { topics: null });
  expect(brokers).toMatchObject([
    { nodeId: 1, host: '127.0.0.1', port: ports[0] },
    { nodeId: 2, host: 'broker.example', port: 9092 },
  ]);
  expect(JSON.parse(await say('journal'))).toMatchObject({ requests: { 'Metadata v9': 1 } });
  expect(await say('fail Heartbeat REBALANCE_IN_PROGRESS 2')).toBe('ok');
  expect(await wire.ask('Heartbeat', 3, { groupId: 'g' })).toMatchObject({ errorCode: 27 });
  expect(await say('fail Heartbeat NONSENSE')).toBe('Kafka has no error NONSENSE');
  expect(await say('faults')).toBe('[]');
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
  wire.close();
});
