import { ask } from '../support/zookeeper-requests.ts';
import { connectRequest } from '../support/zookeeper-wire.ts';
import { closes, closing, ok, zooKeeperRow } from './support/zookeeper.ts';

const more =
  (count: number) =>
  (bytes: Buffer): Buffer => {
    const all = Buffer.concat([bytes, Buffer.alloc(count)]);
    all.writeInt32BE(all.length - 4, 0);
    return all;
  };

/** Bytes behind the last field may be read by somebody. */
export const row = zooKeeperRow(
  'X-04',
  'bytes behind a record',
  ['R6'],
  [
    ...[1, 2, 4, 8].map((count) => ({
      name: `${count} behind a read`,
      sends: [ok(ask.getData('/app/a')), closing(ask.getData('/app/a'), more(count))],
    })),
    { name: 'behind a multi', sends: [closing(ask.multi([ask.check('/app/a')]), more(9))] },
    { name: 'behind a ping', sends: [closing(ask.ping(), more(4), -2)] },
    { name: 'behind the beginning', bare: true, sends: [closes(more(3)(connectRequest()))] },
  ],
);
