/**
 * A stand-in for a Kafka broker, for loads only: it reads where requests end and which API each is of, and answers with
 * frames made beforehand. No broker, so that what is measured is the way there and back. Prints its port.
 */
import { createServer, type Socket } from 'node:net';
import { REPLY_CORRELATION_AT, REQUEST_CORRELATION_AT, replies, SIZE_BYTES } from './messages.ts';

/** Of a request, up to its correlation id; of a reply, all that differs. */
const HEAD_BYTES = REQUEST_CORRELATION_AT + 4;
/** From this size on a reply's rest is written as it is instead of being copied. */
const LARGE = 16_384;

class Connection {
  readonly #socket: Socket;
  readonly #answers: ReadonlyMap<number, Buffer>;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;

  constructor(socket: Socket, answers: ReadonlyMap<number, Buffer>) {
    this.#socket = socket;
    this.#answers = answers;
  }

  push(chunk: Buffer): void {
    let at = 0;
    this.#socket.cork();
    while (at < chunk.length) {
      if (this.#headBytes < HEAD_BYTES) {
        const taken = chunk.copy(this.#head, this.#headBytes, at, at + HEAD_BYTES - this.#headBytes);
        this.#headBytes += taken;
        at += taken;
        if (this.#headBytes < HEAD_BYTES) break;
        this.#left = this.#head.readInt32BE(0) + SIZE_BYTES - HEAD_BYTES;
      }
      const passed = Math.min(this.#left, chunk.length - at);
      this.#left -= passed;
      at += passed;
      if (this.#left > 0) break;
      this.#headBytes = 0;
      this.#answer();
    }
    this.#socket.uncork();
  }

  #answer(): void {
    const answer = this.#answers.get(this.#head.readInt16BE(SIZE_BYTES));
    if (answer === undefined) throw new Error('no answer to this');
    const end = answer.length < LARGE ? answer.length : HEAD_BYTES;
    const copy = Buffer.from(answer.subarray(0, end));
    this.#head.copy(copy, REPLY_CORRELATION_AT, REQUEST_CORRELATION_AT);
    this.#socket.write(copy);
    if (end < answer.length) this.#socket.write(answer.subarray(end));
  }
}

let answers: ReadonlyMap<number, Buffer> = new Map();
const server = createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket, answers);
  socket.on('data', (chunk) => connection.push(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  answers = replies(port);
  process.send?.({ port });
});
process.on('disconnect', () => process.exit());
