import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { checkNames, codecOf, type Fields } from './kafka-broker/codec.ts';
import { WireReader } from './kafka-broker/reader.ts';
import { requestHeaderVersion, responseHeaderVersion, schemaOf } from './kafka-broker/schema.ts';
import { WireWriter } from './kafka-broker/writer.ts';

export { type BatchInit, recordBatch } from './kafka-broker/records.ts';

export interface HeaderOptions {
  readonly correlationId?: number;
  /** null: the header says that there is none. */
  readonly clientId?: string | null;
  /** Raw tagged fields for a header that has them: number to bytes. */
  readonly headerTags?: Readonly<Record<number, Buffer>>;
}

export interface Frame {
  readonly correlationId: number;
  /** What stands behind the correlation id. */
  readonly body: Buffer;
  /** All of it but its size: for SASL tokens, which have no correlation id. */
  readonly frame: Buffer;
}

/** Nothing that a test asks takes longer on a busy machine. */
const ANSWER_LIMIT_MS = 30_000;

/** Size, API key, version, correlation id and client id, then the body as it is: also for APIs that do not exist. */
export function rawRequest(
  key: number,
  version: number,
  body: Buffer,
  options: HeaderOptions & { headerVersion?: 0 | 1 | 2 } = {},
) {
  const { correlationId = 1, clientId = 'wire', headerVersion = 1, headerTags = {} } = options;
  const writer = new WireWriter();
  writer.int16(key);
  writer.int16(version);
  writer.int32(correlationId);
  if (headerVersion > 0) writer.string(clientId, false);
  if (headerVersion === 2) {
    const tags = Object.entries(headerTags);
    writer.uvarint(tags.length);
    for (const [tag, bytes] of tags) {
      writer.uvarint(Number(tag));
      writer.uvarint(bytes.length);
      writer.raw(bytes);
    }
  }
  writer.raw(body);
  return sized(writer.toBuffer());
}

/** A frame behind its size. */
export function sized(frame: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(frame.length);
  return Buffer.concat([size, frame]);
}

export function requestFrame(api: string, version: number, fields: Fields = {}, options: HeaderOptions = {}): Buffer {
  const schema = schemaOf('request', api);
  checkNames(schema, fields);
  const body = new WireWriter();
  codecOf('request', api, version).write(body, fields);
  const headerVersion = requestHeaderVersion(api, version);
  return rawRequest(schema.key, version, body.toBuffer(), { ...options, headerVersion });
}

export function responseFrame(api: string, version: number, correlationId: number, fields: Fields = {}): Buffer {
  checkNames(schemaOf('response', api), fields);
  const writer = new WireWriter();
  writer.int32(correlationId);
  if (responseHeaderVersion(api, version) === 1) writer.uvarint(0);
  codecOf('response', api, version).write(writer, fields);
  return sized(writer.toBuffer());
}

/** The body of a reply, its header's tagged fields among it; throws where it is not exactly as the schema says. */
export function readReply(api: string, version: number, body: Buffer): Fields {
  const reader = new WireReader(body);
  if (responseHeaderVersion(api, version) === 1) reader.tags(() => false);
  const fields = codecOf('response', api, version).read(reader);
  reader.done(`the reply to ${api} v${version}`);
  return fields;
}

interface Waiting {
  resolve(frame: Frame): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** A connection that sends exactly the bytes a test wants, in any API and version, and takes replies in their order. */
export class KafkaWire {
  readonly socket: Socket;
  readonly clientId: string | null;
  closed = false;
  sentBytes = 0;
  receivedBytes = 0;
  #nextCorrelationId = 1;
  #received: Buffer = Buffer.alloc(0);
  readonly #frames: Frame[] = [];
  readonly #waiting: Waiting[] = [];

  private constructor(socket: Socket, clientId: string | null) {
    this.socket = socket;
    this.clientId = clientId;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      for (const { reject, timer } of this.#waiting.splice(0)) {
        clearTimeout(timer);
        reject(new Error('the connection was closed'));
      }
    });
  }

  static async connect(
    port: number,
    host = '127.0.0.1',
    { clientId = 'wire' as string | null } = {},
  ): Promise<KafkaWire> {
    const socket = connect({ port, host });
    await once(socket, 'connect');
    return new KafkaWire(socket, clientId);
  }

  /** A frame as `send` would send it, with the next correlation id. */
  request(api: string, version: number, fields: Fields = {}, options: HeaderOptions = {}): Buffer {
    const correlationId = options.correlationId ?? this.#nextCorrelationId++;
    return requestFrame(api, version, fields, { clientId: this.clientId, ...options, correlationId });
  }

  /** The correlation id. */
  send(api: string, version: number, fields: Fields = {}, options: HeaderOptions = {}): number {
    const frame = this.request(api, version, fields, options);
    this.raw(frame);
    return frame.readInt32BE(8);
  }

  /** The reply to this request; many may be asked at once. */
  async ask(api: string, version: number, fields: Fields = {}, options: HeaderOptions = {}): Promise<Fields> {
    const id = this.send(api, version, fields, options);
    const { correlationId, body } = await this.next();
    if (correlationId !== id) throw new Error(`asked with ${id}, answered with ${correlationId}`);
    return readReply(api, version, body);
  }

  raw(bytes: Buffer): void {
    this.sentBytes += bytes.length;
    this.socket.write(bytes);
  }

  /** In pieces of these sizes, again and again, each of them a write of its own. */
  async trickle(bytes: Buffer, sizes: readonly number[]): Promise<void> {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length]!;
      this.raw(bytes.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next frame that comes; rejects when the connection ends first, or nothing comes. */
  next(): Promise<Frame> {
    const ready = this.#frames.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.closed) return Promise.reject(new Error('the connection was closed'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_LIMIT_MS);
      this.#waiting.push({ resolve, reject, timer });
    });
  }

  #onData(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    while (this.#received.length - at >= 4) {
      const end = at + 4 + this.#received.readInt32BE(at);
      if (this.#received.length < end) break;
      const frame = this.#received.subarray(at + 4, end);
      const correlationId = frame.length >= 4 ? frame.readInt32BE(0) : -1;
      this.#take({ correlationId, body: frame.subarray(4), frame });
      at = end;
    }
    this.#received = this.#received.subarray(at);
  }

  #take(frame: Frame): void {
    const first = this.#waiting.shift();
    if (first === undefined) {
      this.#frames.push(frame);
      return;
    }
    clearTimeout(first.timer);
    first.resolve(frame);
  }

  async whenClosed(): Promise<void> {
    if (!this.closed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }
}
