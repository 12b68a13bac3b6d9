import type { KafkaWire } from '../test/support/kafka-wire.ts';
import { poll } from '../test/support/poll.ts';
import { wire } from './record-kafka-asked.ts';
import type { Scene } from './record-kafka-scene.ts';

/** Scenes of a plain socket that says what no client should: what the real broker does then. */

const hostile = (
  name: string,
  title: string,
  bytes: Buffer | ((client: KafkaWire) => Buffer),
  /** Replies that come; the broker closes where there are none. */
  answers = 0,
): Scene => ({
  name: `hostile-${name}`,
  title: `a socket: ${title}`,
  play: wire(async (client) => {
    client.raw(typeof bytes === 'function' ? bytes(client) : bytes);
    for (let n = 0; n < answers; n++) await client.next();
    if (answers === 0) await poll('the broker has closed', () => client.closed);
  }),
});

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** A request of this API and version with this client id and body, whatever they are. */
const frame = (api: number, version: number, body: Buffer, clientId: Buffer = Buffer.of(0, 1, 0x61)): Buffer => {
  const head = Buffer.alloc(12);
  head.writeInt32BE(8 + clientId.length + body.length);
  head.writeInt16BE(api, 4);
  head.writeInt16BE(version, 6);
  head.writeInt32BE(77, 8);
  return Buffer.concat([head, clientId, body]);
};

const METADATA = 3;
const metadata = (client: KafkaWire): Buffer => client.request('Metadata', 1, { topics: [] });

export const HOSTILE_SCENES: readonly Scene[] = [
  hostile('negative-size', 'a size of -1', int32(-1)),
  hostile('huge-size', 'a size of 2,147,483,647', Buffer.concat([int32(0x7fff_ffff), Buffer.alloc(40)])),
  hostile('size-over-limit', 'a size one above socket.request.max.bytes', int32(104_857_601)),
  hostile('size-zero', 'a frame of no bytes', int32(0)),
  hostile('size-three', 'a frame that ends within its header', Buffer.concat([int32(3), Buffer.alloc(3)])),
  hostile('http', 'HTTP, whose first four letters are a size', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
  hostile('unknown-api', 'an API of the number 999', frame(999, 0, Buffer.alloc(0))),
  hostile('unknown-version', 'Metadata of version 40', frame(METADATA, 40, Buffer.alloc(4))),
  hostile('negative-version', 'Metadata of version -1', frame(METADATA, -1, Buffer.alloc(4))),
  hostile('array-count', 'Metadata v1 about two thousand million topics', frame(METADATA, 1, int32(2_000_000_000))),
  hostile(
    'array-negative',
    'Metadata v1 about -5 topics: the broker takes it for -1, all of them',
    frame(METADATA, 1, int32(-5)),
    1,
  ),
  hostile(
    'compact-past-end',
    'Metadata v9 with an array of a hundred topics in a frame of two bytes',
    frame(METADATA, 9, Buffer.of(0, 101, 0)),
  ),
  hostile(
    'varint-overlong',
    'Metadata v9 with a count whose varint is of six bytes',
    frame(METADATA, 9, Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)),
  ),
  hostile(
    'tags',
    'Metadata v9 with a header that promises a million tagged fields',
    frame(METADATA, 9, Buffer.of(0xc0, 0x84, 0x3d, 1, 0, 0, 0)),
  ),
  hostile(
    'client-id-past-end',
    'a client id that is longer than its frame',
    frame(METADATA, 1, Buffer.alloc(0), Buffer.of(0x7f, 0xff, 0x61)),
  ),
  hostile(
    'string-negative',
    'Metadata v1 about a topic whose name has a length of -7',
    frame(METADATA, 1, Buffer.concat([int32(1), Buffer.of(0xff, 0xf9)])),
  ),
  hostile(
    'bytes-behind',
    'Metadata v1 with more bytes behind it in its frame, then one that is whole',
    (client) => Buffer.concat([frame(METADATA, 1, Buffer.concat([int32(0), Buffer.from('more')])), metadata(client)]),
    2,
  ),
  hostile(
    'unknown-tag',
    'Metadata v9 with a tagged field that nobody knows',
    frame(METADATA, 9, Buffer.of(1, 77, 2, 0xab, 0xcd, 1, 0, 0, 0, 1, 99, 1, 0xff)),
    1,
  ),
  hostile(
    'topic-names',
    'Metadata v1 about topics of markup, of line ends, of no letters and of bytes that are no letters',
    frame(
      METADATA,
      1,
      Buffer.concat([
        int32(4),
        ...[Buffer.from('<b>x</b>'), Buffer.from('a\nb'), Buffer.alloc(0), Buffer.of(0xff, 0xfe)].map((name) =>
          Buffer.concat([Buffer.of(0, name.length), name]),
        ),
      ]),
    ),
    1,
  ),
  hostile('broker-api', 'LeaderAndIsr, which only controllers say', frame(4, 0, Buffer.alloc(20))),
];
