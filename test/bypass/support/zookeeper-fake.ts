import { Op } from '../../support/zookeeper-requests.ts';
import { frame } from './zookeeper.ts';

const STAT = Buffer.alloc(68);
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const EMPTY = int(0);

/** A scripted server for plays without sockets. Labelled a stand-in: what a server truly does is shown by the real one. */
export class FakeZooKeeper {
  /** Packets that came, their lengths included. */
  readonly seen: Buffer[] = [];
  readonly #script: readonly (string | Buffer)[];
  #held = Buffer.alloc(0);
  #zxid = 0n;

  constructor(script: readonly (string | Buffer)[] = []) {
    this.#script = script;
  }

  read(bytes: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, bytes]);
    const said: Uint8Array[] = [];
    while (this.#held.length >= 4) {
      const length = this.#held.readInt32BE(0);
      if (length < 0 || length > 1 << 24) {
        said.push(Buffer.from('imok'));
        this.#held = this.#held.subarray(4);
        continue;
      }
      if (this.#held.length < 4 + length) break;
      const packet = this.#held.subarray(4, 4 + length);
      this.#held = this.#held.subarray(4 + length);
      this.seen.push(frame(packet));
      const scripted = this.#script[this.seen.length - 1] ?? '*';
      said.push(scripted === '*' ? this.#answer(packet) : Buffer.from(scripted as string, 'latin1'));
    }
    return Buffer.concat(said);
  }

  #answer(packet: Buffer): Buffer {
    // ConnectResponse: version, timeout, session, password, readOnly.
    if (this.seen.length === 1)
      return frame(
        int(0),
        int(10_000),
        Buffer.from('0102030405060708', 'hex'),
        int(16),
        Buffer.alloc(16),
        Buffer.of(0),
      );
    const [xid, op] = [packet.readInt32BE(0), packet.readInt32BE(4)];
    const zxid = Buffer.alloc(8);
    zxid.writeBigInt64BE(++this.#zxid);
    return frame(int(op === Op.ping ? -2 : xid), zxid, int(0), this.#record(op, packet));
  }

  #record(op: number, packet: Buffer): Buffer {
    const path = (): Buffer => packet.subarray(8, 12 + Math.max(0, packet.readInt32BE(8)));
    switch (op) {
      case Op.create:
      case Op.sync:
        return path();
      case Op.create2:
      case Op.createContainer:
      case Op.createTTL:
        return Buffer.concat([path(), STAT]);
      case Op.exists:
      case Op.setData:
      case Op.setACL:
        return STAT;
      case Op.getData:
      case Op.getACL:
      case Op.getChildren2:
        return Buffer.concat([EMPTY, STAT]);
      case Op.getChildren:
      case Op.getEphemerals:
      case Op.getAllChildrenNumber:
      case Op.whoAmI:
      case Op.addWatch:
        return EMPTY;
      case Op.multi:
        return Buffer.concat([this.#results(packet), int(-1), Buffer.of(1), int(-1)]);
      default:
        return Buffer.alloc(0);
    }
  }

  /** Of a multi of deletes and checks, which is all that the corpus lets through: no record each. */
  #results(packet: Buffer): Buffer {
    const results: Uint8Array[] = [];
    for (let at = 8; packet.readInt32BE(at) !== -1; ) {
      const op = packet.readInt32BE(at);
      results.push(int(op), Buffer.of(0), int(0));
      at += 9;
      at += 4 + packet.readInt32BE(at) + 4;
    }
    return Buffer.concat(results);
  }
}
