import { ask } from '../support/zookeeper-requests.ts';
import { no, ok, policies, raw, zooKeeperRow } from './support/zookeeper.ts';

const forBob = policies({ action: 'allow', users: ['digest:bob'], targets: ['/app', '/app/*'] });
const held = (part: ReturnType<typeof ok>) => ({ ...part, fate: 'nothing' as const, error: null });

/** What changes the meaning of what follows is answered first. */
export const row = zooKeeperRow(
  'X-06',
  'behind a change',
  ['R8'],
  [
    {
      name: 'a session that is not granted',
      sends: [held(ok(ask.getData('/app/a'))), held(no(ask.getData('/forbidden')))],
      says: [''],
    },
    {
      name: 'a login that is not answered',
      policies: forBob,
      sends: [{ ...ok(ask.auth('digest', 'bob:x')), error: null }, held(ok(ask.getData('/app/a')))],
      says: ['*', ''],
    },
    {
      name: 'half a packet behind it',
      policies: forBob,
      sends: [ok(ask.auth('digest', 'bob:x')), raw('nothing', Buffer.from('000000170000', 'hex'))],
      notReal: 'nothing is answered',
    },
  ],
);
