import { spawn } from 'node:child_process';
import { which } from '../../scripts/debian-packages.mjs';
import { type KafkaLine, obtainKafka } from './apache-kafka/obtain.ts';
import type { Ran } from './psql.ts';
import { QUICK_JVM } from './real-zookeeper.ts';

/** Kafka clients as programs: Debian's kcat (librdkafka), and Apache Kafka's own tools in Java. */

const LIMIT_MS = 90_000;

/** `-X` settings that kcat has none of its own flags for, or '' as the client id. */
export interface KcatOptions {
  readonly clientId?: string;
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** kcat with these arguments (`-P -t orders`); never rejects for an exit code. */
export function kcat(
  brokers: readonly string[],
  args: readonly string[],
  input = '',
  { clientId = 'kcat', settings = {} }: KcatOptions = {},
): Promise<Ran> {
  const own = { 'client.id': clientId, 'broker.address.family': 'v4', 'log.connection.close': false, ...settings };
  const flags = Object.entries(own).flatMap(([name, value]) => ['-X', `${name}=${value}`]);
  return run(which('kcat') ?? 'kcat', ['-b', brokers.join(), ...flags, ...args], input);
}

/** What kcat is told where the brokers ask for a login. */
export const kcatLogin = (user: string, password: string, mechanism = 'PLAIN'): Record<string, string> => ({
  'security.protocol': 'sasl_plaintext',
  'sasl.mechanisms': mechanism,
  'sasl.username': user,
  'sasl.password': password,
});

/** A class of Apache Kafka's tools, `org.apache.kafka.tools.TopicCommand`, run to its end. */
export async function kafkaTool(
  className: string,
  args: readonly string[],
  input = '',
  line: KafkaLine = '3.9',
): Promise<Ran> {
  const got = await obtainKafka(line);
  if ('missing' in got) throw new Error(got.missing);
  const logging = line === '4' ? '-Dlog4j2.level=OFF' : '-Dlog4j.rootLogger=OFF';
  const flags = ['-Xmx128m', ...QUICK_JVM, logging, '-cp', `${got.jars}/*`, className];
  return run(got.java, [...flags, ...args], input);
}

/** A program that was to do what it was told. */
export async function done(program: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await program;
  if (code !== 0) throw new Error(`exit ${code}: ${stdout}\n${stderr}`);
  return stdout;
}

/** Killed after LIMIT_MS. */
function run(program: string, args: readonly string[], input: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      stdio: 'pipe',
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it ended before it read everything
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
