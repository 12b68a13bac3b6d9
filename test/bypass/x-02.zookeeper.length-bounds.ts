import { closes, zooKeeperRow } from './support/zookeeper.ts';

const length = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** The first packet's length is one of a ConnectRequest, or the connection ends. */
export const row = zooKeeperRow(
  'X-02',
  'lengths at their bounds',
  ['R3', 'R12'],
  [
    ...[0, 1, 7, 27, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map((value) => ({
      name: String(value),
      bare: true,
      sends: [closes(Buffer.concat([length(value), Buffer.alloc(64)]))],
    })),
  ],
);
