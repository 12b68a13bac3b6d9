import { ask } from '../support/zookeeper-requests.ts';
import { appOnly, closing, no, ok, zooKeeperRow } from './support/zookeeper.ts';

const SMALL = Array.from({ length: 300 }, () => ask.check('/app/a'));
/** The end of a multi: its type, done, error. */
const END = 9;

/** Every operation of a multi is one, and all of it is denied with one. */
export const row = zooKeeperRow(
  'ZK-02',
  'multi',
  ['R2', 'R3', 'R7'],
  [
    {
      name: 'a denied delete behind a check',
      sends: [no(ask.multi([ask.check('/app/a'), ask.delete('/forbidden/x')])), ok(ask.getData('/app/a'))],
    },
    {
      name: 'a denied one first',
      sends: [no(ask.multi([ask.setData('/forbidden', 'x'), ask.setData('/app/a', 'one')]))],
    },
    { name: 'a denied one last of many', sends: [no(ask.multi([...SMALL, ask.delete('/forbidden/x')]))] },
    {
      name: 'a denied create',
      sends: [
        no(ask.multi([ask.create('/forbidden/new', 'x')])),
        no(ask.multi([ask.create2('/forbidden/new')])),
        no(ask.multi([ask.createContainer('/forbidden/c')])),
      ],
    },
    { name: 'only a check', sends: [no(ask.multi([ask.check('/forbidden')]))] },
    {
      name: 'multiRead',
      sends: [
        no(ask.multiRead([ask.getData('/app/a'), ask.getData('/forbidden')])),
        no(ask.multiRead([ask.getChildren('/forbidden')])),
      ],
    },
    {
      name: 'by an allow list',
      policies: appOnly,
      sends: [
        no(ask.multi([ask.check('/app/a'), ask.check('/other')])),
        ok(ask.multi([ask.check('/app/a'), ask.check('/app/b')])),
      ],
    },
    {
      name: 'nested',
      sends: [ok(ask.getData('/app/a')), closing(ask.multi([ask.multi([ask.delete('/forbidden/x')])]))],
    },
    {
      name: 'operations behind its end',
      sends: [
        closing({ op: 14, body: Buffer.concat([ask.multi([]).body, ask.multi([ask.delete('/forbidden/x')]).body]) }),
      ],
    },
    {
      name: 'without an end',
      sends: [closing({ op: 14, body: ask.multi([ask.delete('/forbidden/x')]).body.subarray(0, -END) })],
    },
    {
      name: 'an end that names an operation',
      sends: [
        closing(ask.multi([ask.check('/app/a')]), (bytes) => {
          bytes.writeInt32BE(2, bytes.length - END);
          return bytes;
        }),
      ],
    },
    {
      name: 'done before it is',
      sends: [
        closing(ask.multi([ask.delete('/forbidden/x')]), (bytes) => {
          bytes[16] = 1;
          return bytes;
        }),
      ],
    },
    {
      name: 'done twice over',
      sends: [
        closing(ask.multi([ask.check('/app/a')]), (bytes) => {
          bytes[bytes.length - 5] = 2;
          return bytes;
        }),
      ],
    },
    {
      name: 'an operation that may not stand in one',
      sends: [
        closing({
          op: 14,
          body: Buffer.concat([
            ask.multi([]).body.subarray(0, 0),
            Buffer.from('0000006a00ffffffff', 'hex'),
            ask.addWatch('/forbidden').body,
            Buffer.from('ffffffff01ffffffff', 'hex'),
          ]),
        }),
      ],
    },
    { name: 'empty', sends: [ok(ask.multi([])), no(ask.getData('/forbidden'))] },
  ],
);
