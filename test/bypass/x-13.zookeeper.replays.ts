import { ask } from '../support/zookeeper-requests.ts';
import { appOnly, no, ok, zooKeeperRow } from './support/zookeeper.ts';

/** What each cut of a stream tells is what the whole one told; the suite plays every case of the corpus twice besides. */
export const row = zooKeeperRow(
  'X-13',
  'the same stream tells the same',
  ['R14', 'R15'],
  [
    {
      name: 'of all kinds',
      retells: true,
      sends: [
        ok(ask.getData('/app/a')),
        no(ask.delete('/forbidden/x')),
        ok(ask.exists('/app')),
        no(ask.multi([ask.check('/app/a'), ask.delete('/forbidden/x')])),
        ok(ask.getChildren('/app')),
      ],
    },
    {
      name: 'twice in one',
      retells: true,
      sends: [
        ok(ask.getData('/app/a')),
        no(ask.getData('/forbidden')),
        ok(ask.getData('/app/a')),
        no(ask.getData('/forbidden')),
      ],
    },
    {
      name: 'in an allow list, and only denied ones',
      retells: true,
      policies: appOnly,
      sends: [no(ask.getData('/forbidden')), no(ask.delete('/other')), no(ask.getChildren('/'))],
    },
  ],
);
