import { ask } from '../support/zookeeper-requests.ts';
import { closes, frame, no, ok, raw, zooKeeperRow } from './support/zookeeper.ts';

const first = ok(ask.getData('/app/a'));
const length = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const behind = ask.delete('/forbidden/x').body;

/** A packet has a length that it may have. */
export const row = zooKeeperRow(
  'ZK-03',
  'lengths of packets',
  ['R3', 'R12'],
  [
    ...[-1, -2147483648, 0, 4, 7, 2147483647, (4 << 20) + 1].map((value) => ({
      name: String(value),
      sends: [first, closes(Buffer.concat([length(value), behind]))],
    })),
    { name: 'a header alone', sends: [first, closes(frame(length(5), length(4)))] },
    {
      name: 'the longest that is held',
      options: { max_held_bytes: 2048 },
      sends: [no(ask.setData('/forbidden', 'x'.repeat(2000))), first],
    },
    { name: 'one byte more', options: { max_held_bytes: 2048 }, sends: [first, closes(frame(Buffer.alloc(2049)))] },
    {
      name: 'that does not come',
      sends: [first, raw('nothing', Buffer.concat([length(1000), behind]))],
      notReal: 'nothing is answered',
    },
  ],
);
