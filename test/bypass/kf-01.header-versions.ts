import { APIS } from '../../protocol-filters/kafka/schema/api.ts';
import { rawRequest } from '../support/kafka-wire.ts';
import {
  ALLOWED,
  CLUSTER_DENIED,
  denied,
  ends,
  frameOf,
  type KafkaCase,
  type KafkaRow,
  passes,
} from './support/kafka.ts';

const UNSUPPORTED_VERSION = [35];
const HEAD = Buffer.alloc(40);

const unknown = (name: string, key: number, version: number, headerVersion: 0 | 1 | 2 = 1): KafkaCase => ({
  name,
  policies: ALLOWED,
  closes: /^denied:sluice\.unreadable/,
  rounds: () => [
    [passes('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })],
    [ends(rawRequest(key, version, HEAD, { correlationId: 9, headerVersion }))],
  ],
});

const topic = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] });

export const row: KafkaRow = {
  id: 'KF-01',
  title: 'header versions',
  rules: ['R3', 'R4', 'R6'],
  cases: [
    unknown('an API key that nobody knows', 999, 0),
    unknown('a negative API key', -1, 0),
    unknown('the last key there can be', 32767, 0),
    ...APIS.filter(({ key }) => [0, 1, 3, 8, 19].includes(key)).flatMap(({ key, name, until }) => [
      unknown(`${name} of the version after the last`, key, until + 1, 2),
      unknown(`${name} of a negative version`, key, -1),
    ]),
    {
      name: 'ApiVersions of a version to come is answered as a broker does, and asked again',
      policies: ALLOWED,
      rounds: () => [
        [
          {
            bytes: rawRequest(18, 99, Buffer.from([0, 5, 0x74, 0x65, 0x73, 0x74, 2, 0x31, 0]), {
              correlationId: 5,
              headerVersion: 1,
            }),
            leaves: 'standIn',
            codes: UNSUPPORTED_VERSION,
          },
        ],
        [passes('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })],
      ],
    },
    {
      name: 'ControlledShutdown v0 has no client id',
      policies: ALLOWED,
      notReal: 'the strict broker has no such API',
      rounds: () => [
        [
          {
            bytes: rawRequest(7, 0, Buffer.from([0, 0, 0, 1]), { correlationId: 5, headerVersion: 0 }),
            leaves: 'standIn',
            codes: CLUSTER_DENIED,
          },
        ],
      ],
    },
    {
      name: 'tagged fields in the header hide nothing',
      policies: ALLOWED,
      notReal: 'the strict broker takes no tagged fields that it has not',
      rounds: () => [
        [
          denied('CreateTopics', 5, { topics: [topic('forbidden')], timeoutMs: 1000 }, [29], {
            tags: { 3: Buffer.from('orders') },
          }),
          passes(
            'Metadata',
            9,
            { topics: [{ name: 'orders' }], allowAutoTopicCreation: false },
            {
              tags: { 0: Buffer.from('x') },
            },
          ),
        ],
      ],
    },
    {
      name: 'a client id that is longer than its frame',
      policies: ALLOWED,
      closes: /unreadable|foreign/,
      denied: 0,
      rounds: () => {
        const frame = frameOf('Metadata', 1, { topics: [] });
        frame.writeInt16BE(2000, 12);
        return [[ends(frame)]];
      },
    },
  ],
};
