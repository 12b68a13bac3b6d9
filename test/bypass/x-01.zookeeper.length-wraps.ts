import { ask } from '../support/zookeeper-requests.ts';
import { connectRequest, request } from '../support/zookeeper-wire.ts';
import { closes, frame, no, ok, raw, zooKeeperRow } from './support/zookeeper.ts';

const touches = request(900, ask.delete('/forbidden/x'));
/** A packet whose writer counted to 2^32 and more: its length is what is left of that, and the rest are packets. */
const wrapped = (length: number, ...rest: readonly Buffer[]): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length % 2 ** 32);
  return Buffer.concat([bytes, ...rest]);
};
const set = request(901, ask.setData('/app/a', 'one')).subarray(4);

/** A length that has wrapped: what its sender took for the rest of a value are packets, and each of them is judged. */
export const row = zooKeeperRow(
  'X-01',
  'the tail of a packet that wrapped',
  ['R2', 'R12'],
  [
    {
      name: 'a value that ends early: the rest of it is a request',
      sends: [ok(ask.setData('/app/a', 'one')), no(ask.delete('/forbidden/x')), ok(ask.getData('/app/a'))],
    },
    {
      name: 'a packet in a value is a value',
      sends: [ok(ask.setData('/app/a', touches.toString('latin1'))), ok(ask.setData('/app/a', 'one'))],
    },
    {
      name: 'a value longer than its packet, whose rest is a delete',
      sends: [ok(ask.exists('/app')), closes(Buffer.concat([frame(set.subarray(0, set.length - 5)), touches]))],
    },
    ...[2 ** 32, 2 ** 32 + 4, 2 ** 32 + 7].map((length) => ({
      name: `a length of ${length}`,
      sends: [ok(ask.exists('/app')), closes(wrapped(length, touches, Buffer.alloc(16)))],
    })),
    {
      name: 'a length that is negative, and one of 2 GiB',
      sends: [ok(ask.exists('/app')), closes(wrapped(2 ** 31, touches)), raw('closes', wrapped(2 ** 31 - 1, touches))],
    },
    {
      name: 'the first packet: its rest is no session of its own',
      bare: true,
      sends: [closes(wrapped(2 ** 32 + 8, connectRequest().subarray(4), touches))],
    },
  ],
);
