import { ask, Mode } from '../support/zookeeper-requests.ts';
import { appOnly, no, ok, zooKeeperRow } from './support/zookeeper.ts';

/** A node has one path: what a server would refuse is denied, and names are bytes. */
export const row = zooKeeperRow(
  'ZK-04',
  'paths',
  ['R6', 'R11'],
  [
    {
      name: 'empty parts',
      sends: [
        no(ask.getData('//forbidden')),
        no(ask.getData('/app//a')),
        no(ask.delete('/forbidden//x')),
        ok(ask.getData('/app/a')),
      ],
    },
    {
      name: 'dots',
      sends: [
        no(ask.getData('/app/../forbidden')),
        no(ask.getData('/./forbidden')),
        no(ask.setData('/app/..', 'x')),
        no(ask.getData('/..')),
      ],
    },
    {
      name: 'a slash at the end',
      sends: [no(ask.getData('/forbidden/')), no(ask.getChildren('/app/')), no(ask.create('/app/', 'x'))],
    },
    {
      name: 'none at the beginning',
      sends: [no(ask.getData('forbidden')), no(ask.getData('')), no(ask.create('app/new'))],
    },
    {
      name: 'null',
      sends: [
        no({ op: 4, body: Buffer.from('ffffffff00', 'hex') }),
        no({ op: 2, body: Buffer.from('ffffffffffffffff', 'hex') }),
      ],
    },
    {
      name: 'NUL and control characters',
      sends: [
        no(ask.getData('/forbidden\0')),
        no(ask.getData('/app\0/forbidden')),
        no(ask.create('/app/\u0001')),
        no(ask.create('/app/\u0085')),
      ],
    },
    {
      name: 'bytes that are no UTF-8',
      sends: [
        no({
          op: 4,
          body: Buffer.concat([Buffer.from('00000006', 'hex'), Buffer.from('/app/\xff', 'latin1'), Buffer.of(0)]),
        }),
        no({
          op: 4,
          body: Buffer.concat([Buffer.from('00000007', 'hex'), Buffer.from('/app/\xc0\xaf', 'latin1'), Buffer.of(0)]),
        }),
      ],
    },
    {
      name: 'characters that servers refuse',
      sends: [no(ask.create('/app/\u{1f600}')), no(ask.create('/app/\ue123')), no(ask.create('/app/\ufffd'))],
    },
    {
      name: 'case counts',
      policies: appOnly,
      sends: [no(ask.getData('/App/a')), no(ask.exists('/APP')), ok(ask.exists('/app'))],
    },
    {
      name: 'not below, but beginning alike',
      policies: appOnly,
      sends: [
        no(ask.create('/apple', 'x')),
        no(ask.getData('/ap')),
        no(ask.getChildren('/')),
        ok(ask.getChildren('/app')),
      ],
    },
    {
      name: 'a sequential node grows',
      policies: appOnly,
      sends: [
        no(ask.create('/n-', '', { mode: Mode.persistentSequential })),
        ok(ask.create('/app/n-', '', { mode: Mode.persistentSequential })),
        ok(ask.create('/app/', '', { mode: Mode.persistentSequential })),
      ],
    },
    {
      name: 'a sequential node that may become a forbidden one',
      sends: [
        no(ask.create('/forbid', '', { mode: Mode.ephemeralSequential })),
        no(ask.create('/forbidden', '', { mode: Mode.persistentSequential })),
        no(ask.create('/', '', { mode: Mode.persistentSequential })),
      ].slice(1),
    },
    {
      name: 'other alphabets',
      policies: appOnly,
      sends: [
        ok(ask.create('/app/\u00e9\u4e2d', 'x')),
        no(ask.create('/\u00e9', 'x')),
        ok(ask.delete('/app/\u00e9\u4e2d')),
      ],
    },
  ],
);
