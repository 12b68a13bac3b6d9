import { ask } from '../support/zookeeper-requests.ts';
import { connectRequest, request } from '../support/zookeeper-wire.ts';
import { closes, no, ok, zooKeeperRow } from './support/zookeeper.ts';

/** Legal packets, where they may not stand. */
export const row = zooKeeperRow(
  'X-12',
  'wrong states',
  ['R4'],
  [
    { name: 'a request before the session', bare: true, sends: [closes(request(1, ask.delete('/forbidden/x')))] },
    {
      name: 'a second beginning',
      sends: [ok(ask.getData('/app/a')), no({ op: 0, body: Buffer.alloc(0) }), ok(ask.getData('/app/a'))],
    },
    {
      name: 'a ConnectRequest within the session reads like a request',
      sends: [ok(ask.getData('/app/a')), { ...no(ask.getData('/')), bytes: connectRequest() }, ok(ask.exists('/app'))],
    },
    {
      name: 'an unknown version',
      bare: true,
      sends: [
        closes(
          Buffer.concat([
            connectRequest().subarray(0, 4),
            Buffer.from('00000007', 'hex'),
            connectRequest().subarray(8),
          ]),
        ),
      ],
    },
  ],
);
