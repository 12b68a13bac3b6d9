import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Capability bits that the hand-made client can ask for; what it always has is in LEAST. */
export const Capability = {
  longFlag: 1 << 2,
  connectWithDb: 1 << 3,
  localFiles: 1 << 7,
  protocol41: 1 << 9,
  transactions: 1 << 13,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  psMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
} as const;

const LEAST =
  Capability.longFlag |
  Capability.protocol41 |
  Capability.transactions |
  Capability.secureConnection |
  Capability.multiResults |
  Capability.psMultiResults |
  Capability.pluginAuth;

/** MariaDB's own bits, the upper half of its 64: they go where MySQL has zeros. */
export const Extended = { progress: 1, bulk: 4, extendedMetadata: 8, cacheMetadata: 16 } as const;

export interface RawOptions {
  readonly port: number;
  readonly user?: string;
  readonly database?: string;
  /** Capability bits beside the least. */
  readonly capabilities?: number;
  readonly extended?: number;
  /** Writes every byte by itself. */
  readonly trickle?: boolean;
}

const HEADER_BYTES = 4;

/**
 * A client written byte for byte, for what no driver offers: cursors, long data, bytes one by one. It logs in without a
 * password and leaves the meaning of replies to its user: `reply(ends)` reads packets until one says that it is the last.
 */
export class RawMysql {
  readonly #socket: Socket;
  readonly #trickle: boolean;
  #kept: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, trickle: boolean) {
    this.#socket = socket;
    this.#trickle = trickle;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#kept = Buffer.concat([this.#kept, bytes]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static async open(options: RawOptions): Promise<RawMysql> {
    const socket = connect(options.port, '127.0.0.1');
    await once(socket, 'connect');
    const raw = new RawMysql(socket, options.trickle ?? false);
    const greeting = await raw.packet();
    if (greeting[0] === 0xff) throw new Error(`refused: ${greeting.toString('latin1', 3)}`);
    const database = options.database === undefined ? 0 : Capability.connectWithDb;
    const head = Buffer.alloc(32);
    head.writeUInt32LE((LEAST | database | (options.capabilities ?? 0)) >>> 0, 0);
    head.writeUInt32LE(0x1000000, 4);
    head[8] = 45; // utf8mb4_general_ci
    head.writeUInt32LE(options.extended ?? 0, 28);
    const tail = [
      `${options.user ?? 'open'}\0`,
      '\0', // no password: a scramble of length 0
      ...(options.database === undefined ? [] : [`${options.database}\0`]),
      'mysql_native_password\0',
    ];
    await raw.send(Buffer.concat([head, Buffer.from(tail.join(''))]), 1);
    const answer = await raw.packet();
    if (answer[0] !== 0) throw new Error(`login: ${answer.toString('latin1')}`);
    return raw;
  }

  /** Sends one packet below 16 MiB. */
  async send(payload: Uint8Array, sequence = 0): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUIntLE(payload.length, 0, 3);
    header[3] = sequence;
    const bytes = Buffer.concat([header, payload]);
    if (!this.#trickle) {
      this.#socket.write(bytes);
      return;
    }
    for (const byte of bytes) {
      this.#socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve)); // a turn of the loop: its own write, with TCP_NODELAY its own segment
    }
  }

  query(text: string): Promise<void> {
    return this.send(Buffer.from(`\x03${text}`));
  }

  /** The next packet's payload. Throws when the server hangs up. */
  async packet(): Promise<Buffer> {
    for (;;) {
      if (this.#kept.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + this.#kept.readUIntLE(0, 3);
        if (this.#kept.length >= end) {
          const payload = this.#kept.subarray(HEADER_BYTES, end);
          this.#kept = this.#kept.subarray(end);
          return payload;
        }
      }
      if (this.#ended) throw new Error('the server hung up');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Packets up to the `ends`-th that is an EOF (or an OK with EOF's header), or to an ERR. */
  async reply(ends: number): Promise<Buffer[]> {
    const packets: Buffer[] = [];
    for (let left = ends; left > 0; ) {
      const packet = await this.packet();
      packets.push(packet);
      if (packet[0] === 0xff) break;
      if (packet[0] === 0xfe && packet.length < 0xffffff) left--;
    }
    return packets;
  }

  /** COM_QUIT, and waits for the server to hang up. */
  async quit(): Promise<void> {
    await this.send(Uint8Array.of(0x01));
    while (!this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** COM_STMT_* with its statement's id, and what follows. */
export function statementCommand(command: number, id: number, ...rest: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(5);
  head[0] = command;
  head.writeUInt32LE(id, 1);
  return Buffer.concat([head, ...rest]);
}
