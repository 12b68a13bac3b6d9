import { ask } from '../support/zookeeper-requests.ts';
import { no, ok, zooKeeperRow } from './support/zookeeper.ts';

const sends = [
  ok(ask.getData('/app/a')),
  no(ask.delete('/forbidden/x')),
  ok(ask.exists('/app')),
  no(ask.getData('/forbidden')),
];

/** A peer that is gone, at every offset: every exchange has ended once, and nothing that was held has left. */
export const row = zooKeeperRow(
  'X-10',
  'resets',
  ['R1'],
  [
    { name: 'of the client', sends, breaks: ['client', 'reset'] },
    { name: 'of the server', sends, breaks: ['server', 'reset'] },
    { name: 'an error of the client', sends, breaks: ['client', 'error'] },
    { name: 'an error of the server', sends, breaks: ['server', 'error'] },
  ],
);
