import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startKafkaBroker } from './index.ts';

/**
 * `node test/support/kafka-broker/main.ts --brokers 2 --topic orders:3`: the stand-in as a program. Prints its addresses on a
 * line once it listens; takes commands on its standard input, a line each, and answers each with a line; ends with SIGTERM,
 * SIGINT or when its standard input does (`--stay`: not then).
 */
const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '1' },
    host: { type: 'string', default: '127.0.0.1' },
    /** `9092,9093` */
    ports: { type: 'string', default: '' },
    /** `name:partitions` */
    topic: { type: 'string', multiple: true, default: [] },
    /** `name:password` */
    user: { type: 'string', multiple: true, default: [] },
    /** `1=host:port` */
    advertise: { type: 'string', multiple: true, default: [] },
    verify: { type: 'string', default: 'records' },
    'max-message-bytes': { type: 'string', default: '1048588' },
    'retention-bytes': { type: 'string', default: String(64 * 1024 * 1024) },
    stay: { type: 'boolean', default: false },
  },
});

/** `a:b` → ['a', 'b'], at the last colon. */
function halves(text: string): [string, string] {
  const at = text.lastIndexOf(':');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const advertised = new Map(
  values.advertise.map((text) => {
    const [id = '', address = ''] = text.split('=');
    const [host, port] = halves(address);
    return [Number(id), { host, port: Number(port) }];
  }),
);
const { verify } = values;
if (verify !== 'records' && verify !== 'crc' && verify !== 'none') throw new Error(`--verify ${verify}`);

const cluster = await startKafkaBroker({
  brokers: Number(values.brokers),
  host: values.host,
  ports: values.ports === '' ? [] : values.ports.split(',').map(Number),
  topics: Object.fromEntries(values.topic.map((text) => halves(text)).map(([name, n]) => [name, Number(n || 1)])),
  ...(values.user.length > 0 && { sasl: { users: Object.fromEntries(values.user.map((text) => halves(text))) } }),
  advertised: ({ id, host, port }) => advertised.get(id) ?? { host, port },
  verify,
  maxMessageBytes: Number(values['max-message-bytes']),
  retentionBytes: Number(values['retention-bytes']),
});
process.stdout.write(`${cluster.bootstrap}\n`);

function answer(line: string): string {
  const [command, api = '', first = '', second = '1'] = line.trim().split(/\s+/);
  switch (command) {
    case 'journal':
      return JSON.stringify(cluster.journal);
    case 'faults':
      return JSON.stringify(cluster.faults);
    case 'fail':
      cluster.failNext(api, first, Number(second));
      return 'ok';
    case 'throttle':
      cluster.throttle(api, Number(first));
      return 'ok';
    case 'delay':
      cluster.delay(api, Number(first));
      return 'ok';
    case 'silence':
      cluster.silence(api, Number(first || 1));
      return 'ok';
    case 'topic':
      cluster.createTopic(api, Number(first || 1));
      return 'ok';
    case 'leader':
      cluster.moveLeader(api, Number(first), Number(second));
      return 'ok';
    case 'drop':
      cluster.drop(api === '' ? undefined : Number(api));
      return 'ok';
    default:
      return `no such command: ${command}`;
  }
}

const end = (): void => void cluster.stop().then(() => process.exit(0));
process.once('SIGTERM', end);
process.once('SIGINT', end);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (line.trim() === '') return;
  let text: string;
  try {
    text = answer(line);
  } catch (error) {
    text = error instanceof Error ? error.message : String(error);
  }
  process.stdout.write(`${text}\n`);
});
if (!values.stay) lines.once('close', end);
