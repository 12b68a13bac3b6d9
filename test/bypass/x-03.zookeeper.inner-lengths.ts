import { ask } from '../support/zookeeper-requests.ts';
import { closing, ok, zooKeeperRow } from './support/zookeeper.ts';

const off =
  (by: number) =>
  (bytes: Buffer): Buffer => {
    bytes.writeInt32BE(bytes.readInt32BE(12) + by, 12);
    return bytes;
  };
const first = ok(ask.getData('/app/a'));

/** A field ends within its packet, and the packet with its last field. */
export const row = zooKeeperRow(
  'X-03',
  'lengths within a packet',
  ['R3'],
  [
    { name: 'a path that is one shorter', sends: [first, closing(ask.getData('/forbidden'), off(-1))] },
    { name: 'a path that is one longer', sends: [first, closing(ask.exists('/forbidden'), off(1))] },
    { name: 'a path that ends behind its packet', sends: [first, closing(ask.getData('/forbidden'), off(1000))] },
    { name: 'a path of less than none', sends: [first, closing(ask.getData('/forbidden'), off(-1000))] },
    {
      name: 'data that is one longer',
      sends: [
        first,
        closing(ask.setData('/forbidden', 'x'), (bytes) => {
          bytes.writeInt32BE(2, 26);
          return bytes;
        }),
      ],
    },
    {
      name: 'more ACLs than there are',
      sends: [
        first,
        closing(ask.create('/forbidden/n', ''), (bytes) => {
          bytes.writeInt32BE(1 << 20, 32);
          return bytes;
        }),
      ],
    },
    {
      name: 'more watches than there are',
      sends: [
        first,
        closing(ask.setWatches({ data: ['/forbidden'] }), (bytes) => {
          bytes.writeInt32BE(0x7fffffff, 20);
          return bytes;
        }),
      ],
    },
  ],
);
