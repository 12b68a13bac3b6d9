import { ask } from '../support/zookeeper-requests.ts';
import { request } from '../support/zookeeper-wire.ts';
import { ok, raw, zooKeeperRow } from './support/zookeeper.ts';

const whole = request(99, ask.delete('/forbidden/x'));

/** What is held when a side ends never leaves. */
export const row = zooKeeperRow(
  'X-09',
  'a side that ends',
  ['R1'],
  [2, 4, 9, 15, whole.length - 1].map((bytes) => ({
    name: `${bytes} bytes into a packet`,
    sends: [ok(ask.getData('/app/a')), raw('nothing', whole.subarray(0, bytes))],
  })),
);
