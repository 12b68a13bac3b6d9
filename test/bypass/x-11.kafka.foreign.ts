import { ALLOWED, ends, type KafkaCase, type KafkaRow } from './support/kafka.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const OPENINGS: Readonly<Record<string, Buffer>> = {
  'HTTP GET': text('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  'HTTP POST': text('POST /produce HTTP/1.1\r\nContent-Length: 100\r\n\r\n'),
  'HTTP/2': text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  TLS: Buffer.from('16030100a5010000a10303000000000000000000000000', 'hex'),
  SSLv2: Buffer.from('802e0100020015000000100100800700c0030080060040', 'hex'),
  'PROXY v1': text('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'),
  'PROXY v2': Buffer.from('0d0a0d0a000d0a515549540a21110000', 'hex'),
  'Postgres startup': Buffer.from('0000002000030000757365720061646100000000000000000000000000000000', 'hex'),
  'Postgres SSLRequest': Buffer.from('0000000804d2162f', 'hex'),
  MongoDB: Buffer.from('3f0000000100000000000000d40700000000000061646d696e2e24636d6400', 'hex'),
  Redis: text('*1\r\n$4\r\nPING\r\n'),
  'Redis inline': text('PING\r\n'),
  ZooKeeper: Buffer.from('0000002d00000000000000000000000000007530000000000000000000000010', 'hex'),
  MySQL: Buffer.from('200000018da6ff0900000001210000000000000000000000000000000000000000', 'hex'),
  SSH: text('SSH-2.0-OpenSSH_9.2\r\n'),
  SMTP: text('EHLO there\r\n'),
  memcached: text('stats\r\nversion\r\n'),
  zeros: Buffer.alloc(40),
  ones: Buffer.alloc(40, 0xff),
};

/** Of a length that is more than came: they wait for ever, and nothing of them leaves. */
const SHORT = new Set(['Postgres startup', 'Postgres SSLRequest', 'ZooKeeper']);

const opening = ([name, bytes]: [string, Buffer]): KafkaCase => ({
  name,
  policies: ALLOWED,
  ...(!SHORT.has(name) && { closes: /./ }),
  denied: 0,
  rounds: () => [[ends(bytes)]],
});

export const row: KafkaRow = {
  id: 'X-11',
  title: 'foreign openings',
  rules: ['R3'],
  cases: Object.entries(OPENINGS).map(opening),
};
