import { ask } from '../support/zookeeper-requests.ts';
import { no, ok, policies, zooKeeperRow } from './support/zookeeper.ts';

const forBob = policies({ action: 'allow', users: ['digest:bob'], targets: ['/app', '/app/*'] });
const notForBob = policies(
  { action: 'deny', users: ['digest:bob'], targets: ['/app/*'] },
  { action: 'deny', targets: ['/forbidden*'] },
);

/** Who somebody is changes with the server's answer. */
export const row = zooKeeperRow(
  'ZK-06',
  'logins',
  ['R8'],
  [
    {
      name: 'pipelined behind a login',
      policies: forBob,
      sends: [ok(ask.auth('digest', 'bob:secret')), ok(ask.getData('/app/a')), no(ask.getData('/other'))],
    },
    {
      name: 'denied to the one who logs in',
      policies: notForBob,
      sends: [ok(ask.getData('/app/a')), ok(ask.auth('digest', 'bob:secret')), no(ask.getData('/app/a'))],
    },
    {
      name: 'tokens whose name another reading finds elsewhere',
      sends: [
        no(ask.sasl('cnonce=",username=",nc=00000001,username="bob"')),
        no(ask.sasl('username="b\\ob",realm="zk"')),
        no(ask.sasl('USERNAME="bob",realm="zk"')),
        no(ask.sasl('username=bob,realm="zk"')),
        no(ask.sasl(`username="${'b'.repeat(129)}"`)),
        ok(ask.getData('/app/a')),
      ],
    },
    {
      name: 'a login as somebody else',
      policies: forBob,
      sends: [ok(ask.auth('digest', 'alice:x')), no(ask.getData('/app/a'))],
    },
  ],
);
