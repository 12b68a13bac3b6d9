import { ask, OPEN } from '../support/zookeeper-requests.ts';
import { appOnly, no, ok, policies, zooKeeperRow } from './support/zookeeper.ts';

const F = '/forbidden';

/** Each opcode that names a path, or many; what is not in the table does not pass. */
export const row = zooKeeperRow(
  'ZK-05',
  'all opcodes',
  ['R4', 'R7'],
  [
    {
      name: 'reads',
      sends: [
        no(ask.exists(F)),
        no(ask.getData(F)),
        no(ask.getACL(F)),
        no(ask.getChildren(F)),
        no(ask.getChildren2(F)),
        no(ask.sync(F)),
        no(ask.check(F)),
        ok(ask.getData('/app/a')),
      ],
    },
    {
      name: 'reads that watch',
      sends: [no(ask.exists(F, true)), no(ask.getData(F, true)), no(ask.getChildren2('/forbidden/x', true))],
    },
    {
      name: 'writes',
      sends: [
        no(ask.create('/forbidden/n')),
        no(ask.create2('/forbidden/n')),
        no(ask.createContainer('/forbidden/n')),
        no(ask.createTTL('/forbidden/n', null, 1000n)),
        no(ask.delete('/forbidden/x')),
        no(ask.setData(F, 'x')),
        no(ask.setACL(F, OPEN)),
        no(ask.deleteContainer('/forbidden/x')),
      ],
    },
    {
      name: 'watches',
      sends: [
        no(ask.addWatch(F)),
        no(ask.addWatch('/forbidden/x', 1)),
        no(ask.removeWatches(F)),
        no(ask.checkWatches(F)),
        ok(ask.addWatch('/app/a')),
      ],
    },
    { name: 'a watch of a tree that holds it', sends: [no(ask.addWatch('/', 1)), ok(ask.addWatch('/app', 1))] },
    {
      name: 'a watch of a tree, by an allow list',
      policies: appOnly,
      sends: [
        no(ask.addWatch('/', 1)),
        ok(ask.addWatch('/app', 1)),
        ok(ask.addWatch('/app/a', 1)),
        no(ask.addWatch('/other', 1)),
      ],
    },
    {
      name: 'lists of watches',
      sends: [
        no(ask.setWatches({ data: ['/app/a', F] })),
        no(ask.setWatches({ exist: [F] })),
        no(ask.setWatches({ child: ['/app', F] })),
        no(ask.setWatches2({ persistent: [F] })),
        no(ask.setWatches2({ recursive: ['/'] })),
        ok(ask.setWatches({ data: ['/app/a'] })),
      ],
    },
    {
      name: 'beginnings of paths',
      sends: [
        no(ask.getEphemerals('/')),
        no(ask.getEphemerals('')),
        no(ask.getEphemerals('/forb')),
        ok(ask.getEphemerals('/app')),
      ],
    },
    {
      name: 'children of a tree',
      sends: [no(ask.getAllChildrenNumber('/')), no(ask.getAllChildrenNumber(F)), ok(ask.getAllChildrenNumber('/app'))],
    },
    {
      name: 'reconfiguration',
      policies: appOnly,
      sends: [no(ask.reconfig(null, '1', null)), no(ask.getData('/zookeeper/config')), ok(ask.whoAmI())],
    },
    {
      name: 'administration',
      policies: policies({ action: 'deny', operations: ['admin', 'acl'] }),
      sends: [
        no(ask.reconfig(null, '1', null)),
        no(ask.setACL('/app/a', OPEN)),
        no(ask.getACL('/app/a')),
        ok(ask.getData('/app/a')),
      ],
    },
    {
      name: 'opcodes that servers use among themselves',
      sends: [
        no({ op: -10, body: Buffer.alloc(4) }),
        no({ op: -1, body: Buffer.alloc(4) }),
        no({ op: 0, body: Buffer.alloc(4) }),
      ],
    },
    {
      name: 'opcodes that nobody knows',
      sends: [
        no({ op: 10, body: ask.getData(F).body }),
        no({ op: 23, body: ask.getData(F).body }),
        no({ op: 108, body: ask.getData(F).body }),
        no({ op: 2147483647, body: ask.getData(F).body }),
        no({ op: -2147483648, body: Buffer.alloc(0) }),
      ],
    },
  ],
);
