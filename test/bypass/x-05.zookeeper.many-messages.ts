import { ask } from '../support/zookeeper-requests.ts';
import { no, ok, zooKeeperRow } from './support/zookeeper.ts';

const mixed = (count: number, every: number) =>
  Array.from({ length: count }, (_, i) =>
    i % every === every - 1 ? no(ask.setData('/forbidden', 'x')) : ok(ask.getData('/app/a')),
  );

/** The unit is the packet, not the segment. */
export const row = zooKeeperRow(
  'X-05',
  'many packets in one segment',
  ['R1', 'R2', 'R9'],
  [
    { name: 'a thousand, each tenth denied', sends: mixed(1000, 10) },
    { name: 'two, the second denied', sends: mixed(2, 2) },
    { name: 'two, the first denied', sends: [no(ask.delete('/forbidden/x')), ok(ask.getData('/app/a'))] },
    { name: 'all denied', sends: Array.from({ length: 30 }, () => no(ask.getData('/forbidden'))) },
  ],
);
