import { ALLOWED, denied, ends, type KafkaRow, metadataOf, passes, produceTo, TOPIC_DENIED } from './support/kafka.ts';

const NO_SASL = 'the strict broker ends such connections itself';
const versions = passes('ApiVersions', 0);
/** A reply where a request is due: its correlation id stands where API and version do. */
const reply = Buffer.from('0000001a000000630000000000000000000000000000000000000000000000', 'hex').subarray(0, 30);

export const row: KafkaRow = {
  id: 'X-12',
  title: 'wrong state',
  rules: ['R3', 'R4', 'R8'],
  cases: [
    {
      name: 'a reply in the direction of requests',
      policies: ALLOWED,
      closes: /unreadable/,
      rounds: () => [[versions], [ends(reply)]],
    },
    {
      name: 'a token without a handshake changes nothing',
      policies: ALLOWED,
      notReal: NO_SASL,
      rounds: () => [
        [
          passes('SaslAuthenticate', 1, { authBytes: Buffer.from('\0ada\0x') }),
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
          passes('Produce', 9, produceTo(['orders'])),
        ],
      ],
    },
    {
      name: 'requests between handshake and token are judged',
      policies: ALLOWED,
      notReal: NO_SASL,
      rounds: () => [
        [
          passes('SaslHandshake', 1, { mechanism: 'PLAIN' }),
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
          passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false })),
        ],
      ],
    },
    {
      name: 'a denied request first of all',
      policies: ALLOWED,
      rounds: () => [[denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED), versions]],
    },
    {
      name: 'ApiVersions again and again',
      policies: ALLOWED,
      rounds: () => [
        [versions, { ...versions }, denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED), { ...versions }],
      ],
    },
  ],
};
