/**
 * Clients of the benchmark, in a process of their own: `--port PORT --load KIND --clients N --seconds S`. Each asks one
 * request after the other. Reports a LoadResult when the time is over. With `--beside metadata` one more connection asks
 * for that again and again, and the slowest of the others' stands where p99 is.
 */
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { quantile } from '../figures.ts';
import { REPLY_CORRELATION_AT, REQUEST_CORRELATION_AT, REQUESTS, SIZE_BYTES } from './messages.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    load: { type: 'string' },
    beside: { type: 'string' },
    clients: { type: 'string' },
    seconds: { type: 'string' },
  },
});

/** More latencies than this are not kept: they are many enough. */
const MAX_TIMES = 2_000_000;
const HEAD_BYTES = REPLY_CORRELATION_AT + 4;

/** Counts replies and passes over what is in them. */
class Client {
  readonly #socket: Socket;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;
  #done: (() => void) | null = null;
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#push(chunk));
  }

  static async to(port: number): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('a connection was closed'));
    const client = new Client(socket);
    await client.ask(REQUESTS.apiVersions());
    return client;
  }

  ask(request: Buffer): Promise<void> {
    request.writeInt32BE(++this.#correlationId, REQUEST_CORRELATION_AT);
    const answered = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#socket.write(request);
    return answered;
  }

  end(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  #push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headBytes < HEAD_BYTES) {
        const taken = chunk.copy(this.#head, this.#headBytes, at, at + HEAD_BYTES - this.#headBytes);
        this.#headBytes += taken;
        at += taken;
        if (this.#headBytes < HEAD_BYTES) return;
        this.#left = this.#head.readInt32BE(0) + SIZE_BYTES - HEAD_BYTES;
        if (this.#head.readInt32BE(REPLY_CORRELATION_AT) !== this.#correlationId) fail('a reply to another request');
      }
      const passed = Math.min(this.#left, chunk.length - at);
      this.#left -= passed;
      at += passed;
      if (this.#left > 0) return;
      this.#headBytes = 0;
      const done = this.#done;
      this.#done = null;
      if (done === null) fail('a reply that nobody asked for');
      else done();
    }
  }
}

function fail(why: string): void {
  if (over) return;
  over = true; // told once
  process.send!({ failed: why }, () => process.exit(1));
}

const requestOf = (name: string): (() => Buffer) => {
  const make = Object.entries(REQUESTS).find(([each]) => each === name)?.[1];
  if (make === undefined) throw new Error(`no load ${name}`);
  return make;
};

let over = false;
const make = requestOf(values.load ?? '');
const opening = Array.from({ length: Number(values.clients) }, () => Client.to(Number(values.port)));
const clients = await Promise.all(opening).catch((error: Error) => {
  fail(error.message);
  return new Promise<never>(() => {}); // the end of the process comes first
});
const other = values.beside === undefined ? null : await Client.to(Number(values.port));
const times: number[] = [];
let queries = 0;
const begunAt = performance.now();
const endsAt = begunAt + Number(values.seconds) * 1000;
const beside = async (): Promise<void> => {
  if (other === null) return;
  const request = requestOf(values.beside ?? '')();
  while (performance.now() < endsAt) await other.ask(request);
};
const loads = clients.map(async (client) => {
  const request = make();
  for (let now = begunAt; now < endsAt; ) {
    await client.ask(request);
    const answeredAt = performance.now();
    if (times.length < MAX_TIMES) times.push((answeredAt - now) * 1000);
    queries++;
    now = answeredAt;
  }
});
await Promise.all([...loads, beside()]);
const seconds = (performance.now() - begunAt) / 1000;
over = true;
times.sort((a, b) => a - b);
for (const client of other === null ? clients : [...clients, other]) client.end();
const p99Us = other === null ? quantile(times, 0.99) : (times.at(-1) ?? Number.NaN);
process.send!({ queries, seconds, p50Us: quantile(times, 0.5), p99Us }, () => process.disconnect());
