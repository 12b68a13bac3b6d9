import { ask } from '../support/zookeeper-requests.ts';
import { frame, no, ok, zooKeeperRow } from './support/zookeeper.ts';

const reply = (xid: number, ...rest: readonly number[]) => {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32BE(xid, 0);
  return frame(bytes, Uint8Array.from(rest));
};
const get = ok(ask.getData('/app/a'), '*');
const denied = no(ask.getData('/forbidden'));

/** A server that answers what it was not asked. */
export const row = zooKeeperRow(
  'X-07',
  'replies out of step',
  ['R3', 'R9'],
  [
    { name: 'another number', sends: [denied], says: ['*', reply(4711)], serverCloses: true },
    { name: 'a reply too many', sends: [get], says: ['*', Buffer.concat([reply(1), reply(1)])], serverCloses: true },
    {
      name: 'a stand-in without a record',
      sends: [denied],
      says: ['*', reply(denied.bytes.readInt32BE(4))],
      serverCloses: true,
    },
    { name: 'shorter than a header', sends: [denied], says: ['*', frame(Buffer.alloc(8))], serverCloses: true },
    { name: 'a negative length', sends: [denied], says: ['*', Buffer.from('ffffffff', 'hex')], serverCloses: true },
  ],
);
