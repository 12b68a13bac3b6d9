import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { JuteReader, JuteWriter } from './zookeeper-jute.ts';
import { type Ask, ERROR_NAMES, EVENT_NAMES } from './zookeeper-requests.ts';

/** A packet that the server sent in answer to a request. */
export interface Answer {
  readonly xid: number;
  readonly zxid: bigint;
  readonly code: number;
  /** `NONODE`, '' when all went well. */
  readonly error: string;
  /** What stands behind the header. */
  readonly body: Buffer;
}

export interface WatchEvent {
  /** `NodeDataChanged` */
  readonly type: string;
  readonly state: number;
  readonly path: string;
}

export interface WireSession {
  readonly id: bigint;
  readonly password: Buffer;
  readonly timeoutMs: number;
  /** Absent when the server says nothing of it. */
  readonly readOnly: boolean | null;
}

export interface ConnectOptions {
  readonly timeoutMs?: number;
  /** Take up this one again. */
  readonly session?: Pick<WireSession, 'id' | 'password'>;
  readonly lastZxid?: bigint;
  /** null: the shorter form of clients before 3.4, without the byte. */
  readonly readOnly?: boolean | null;
}

/** A packet behind its length. */
export function packet(body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeInt32BE(body.length);
  bytes.set(body, 4);
  return bytes;
}

export const request = (xid: number, { op, body }: Ask): Buffer =>
  packet(new JuteWriter().int(xid).int(op).raw(body).bytes());

export function connectRequest({ timeoutMs = 30_000, session, lastZxid = 0n, readOnly = false }: ConnectOptions = {}) {
  const w = new JuteWriter().int(0).long(lastZxid).int(timeoutMs);
  w.long(session?.id ?? 0n).buffer(session?.password ?? Buffer.alloc(16));
  if (readOnly !== null) w.bool(readOnly);
  return packet(w.bytes());
}

const REPLY_HEADER_BYTES = 16;
const nameOf = (code: number): string => (code === 0 ? '' : (ERROR_NAMES[code] ?? String(code)));

/** Nothing that a test asks takes longer on a busy machine. */
const ANSWER_LIMIT_MS = 30_000;

interface Waiting {
  readonly xid: number;
  resolve(answer: Answer | null): void;
}

/** A connection that sends exactly the bytes a test wants, and pairs what comes back with what was asked. */
export class ZooKeeperWire {
  readonly socket: Socket;
  readonly events: WatchEvent[] = [];
  /** The session that the server granted; id 0 when it has expired. */
  session: WireSession = { id: 0n, password: Buffer.alloc(16), timeoutMs: 0, readOnly: null };
  closed = false;
  /** Name of the error that stood where the answer to connect should. */
  refusal = '';
  /** Bytes and packets of both directions, the connect packets among them. */
  sentBytes = 0;
  sentPackets = 0;
  receivedBytes = 0;
  receivedPackets = 0;
  readonly #waiting: Waiting[] = [];
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #greeted: ((body: Buffer | null) => void) | null = null;
  #xid = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // a server killed under it is the test's doing
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('close', () => {
      this.closed = true;
      this.#greeted?.(null);
      for (const waiting of this.#waiting.splice(0)) waiting.resolve(null);
    });
  }

  /** No session yet: nothing is said. */
  static async raw(port: number): Promise<ZooKeeperWire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new ZooKeeperWire(socket);
  }

  static async to(port: number, options: ConnectOptions = {}): Promise<ZooKeeperWire> {
    const wire = await ZooKeeperWire.raw(port);
    await wire.greet(options);
    return wire;
  }

  /** Says connect; resolves with the session, null when the server closed or told of an error instead (`refusal`). */
  greet(options: ConnectOptions = {}): Promise<WireSession | null> {
    return new Promise((resolve) => {
      this.#greeted = (body) => {
        this.#greeted = null;
        if (body === null) return resolve(null);
        const r = new JuteReader(body);
        if (body.length === REPLY_HEADER_BYTES) {
          this.refusal = nameOf(body.readInt32BE(12));
          return resolve(null);
        }
        r.int(); // protocol version
        const timeoutMs = r.int();
        const [id, password] = [r.long(), Buffer.from(r.buffer() ?? [])];
        this.session = { id, password, timeoutMs, readOnly: r.left > 0 ? r.bool() : null };
        resolve(this.session);
      };
      this.write(connectRequest(options), 1);
    });
  }

  write(bytes: Uint8Array, packets = 0): void {
    this.sentBytes += bytes.length;
    this.sentPackets += packets;
    this.socket.write(bytes);
  }

  /** One request and its answer; null when the connection closed before it. */
  async send(asked: Ask): Promise<Answer | null> {
    return (await this.pipeline([asked]))[0]!;
  }

  /** As send(), for a request that has to go well. Throws with the error's name when it does not. */
  async done(asked: Ask): Promise<JuteReader> {
    const answer = await this.send(asked);
    if (answer === null || answer.error !== '') throw new Error(`op ${asked.op}: ${answer?.error ?? 'closed'}`);
    return new JuteReader(answer.body);
  }

  /** All of them in one write; the answers in the order of what was asked. */
  pipeline(asks: readonly Ask[]): Promise<(Answer | null)[]> {
    const numbered = asks.map((asked) => ({ asked, xid: asked.xid ?? this.nextXid() }));
    const answers = numbered.map(({ xid }) => this.answerTo(xid));
    this.write(Buffer.concat(numbered.map(({ asked, xid }) => request(xid, asked))), asks.length);
    return Promise.all(answers);
  }

  nextXid(): number {
    return ++this.#xid;
  }

  /** The next answer of this number; for requests that were written by hand. */
  answerTo(xid: number): Promise<Answer | null> {
    if (this.closed) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer to ${xid} within ${ANSWER_LIMIT_MS} ms`));
      const timer = setTimeout(late, ANSWER_LIMIT_MS);
      this.#waiting.push({
        xid,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      });
    });
  }

  /** Ends the session and waits until the server has closed. */
  async close(): Promise<void> {
    if (this.closed) return;
    const closed = once(this.socket, 'close');
    this.write(request(this.nextXid(), { op: -11, body: Buffer.alloc(0) }), 1);
    await closed;
  }

  /** The connection goes; the session stays until it times out. */
  async drop(): Promise<void> {
    if (this.closed) return;
    const closed = once(this.socket, 'close');
    this.socket.end();
    this.socket.resume();
    await closed;
  }

  #onData(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    for (;;) {
      if (this.#heldBytes < 4) return;
      if (this.#held.length > 1 && this.#held[0]!.length < 4) this.#held.splice(0, this.#held.length, this.#joined());
      const length = this.#held[0]!.readInt32BE(0);
      if (this.#heldBytes < 4 + length) return;
      const all = this.#joined();
      this.#held.splice(0, this.#held.length, all.subarray(4 + length));
      this.#heldBytes = all.length - 4 - length;
      this.#onPacket(all.subarray(4, 4 + length));
    }
  }

  #joined(): Buffer {
    return this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
  }

  #onPacket(body: Buffer): void {
    this.receivedPackets++;
    if (this.#greeted !== null) {
      this.#greeted(body);
      return;
    }
    const r = new JuteReader(body);
    const [xid, zxid, code] = [r.int(), r.long(), r.int()];
    if (xid === -1) {
      const type = EVENT_NAMES[r.int()] ?? 'unknown';
      this.events.push({ type, state: r.int(), path: r.string() });
      return;
    }
    const at = this.#waiting.findIndex((waiting) => waiting.xid === xid);
    const error = nameOf(code);
    // Pings and closing may be answered though nobody asked to be told.
    if (at >= 0)
      this.#waiting.splice(at, 1)[0]!.resolve({ xid, zxid, code, error, body: body.subarray(REPLY_HEADER_BYTES) });
  }
}

/** A four-letter word and what the server says until it closes. One that is just starting may never close: that ends as well. */
export async function fourLetters(port: number, word: string, limitMs = 10_000): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  socket.setTimeout(limitMs, () => socket.destroy());
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => (said += text));
  socket.on('connect', () => socket.write(word));
  await new Promise<void>((resolve) => socket.on('close', () => resolve()));
  return said;
}
