import type { Socket } from 'node:net';
import { APIS } from './apis.ts';
import type { Broker } from './broker.ts';
import { Call, type Reply } from './call.ts';
import { codecOf, type Fields } from './codec.ts';
import { codeOf } from './errors.ts';
import { type ConnectionEntry, count, countErrors, countIn } from './journal.ts';
import { WireFault, WireReader } from './reader.ts';
import { SaslState } from './sasl.ts';
import { apiName, responseHeaderVersion, schemaOf, type Versions, within } from './schema.ts';
import { WireWriter } from './writer.ts';

/** As socket.request.max.bytes of a broker. */
const MAX_FRAME_BYTES = 100 * 1024 * 1024;
/** So many requests are read ahead of the one that is being answered. */
const MAX_QUEUED = 256;

/**
 * Answers requests one after the other, in their order, as a broker does: a Fetch that waits holds up those behind it. What is
 * not exactly as the protocol says is a fault, and the connection's end.
 */
export class Connection {
  readonly broker: Broker;
  readonly socket: Socket;
  readonly entry: ConnectionEntry;
  readonly sasl: SaslState;
  readonly host: string;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Bytes that the next frame needs, its size among them; 4 while that is unknown. */
  #need = 4;
  readonly #queue: Buffer[] = [];
  #busy = false;
  closed = false;

  constructor(broker: Broker, socket: Socket) {
    this.broker = broker;
    this.socket = socket;
    this.sasl = new SaslState(broker.cluster.settings.sasl);
    this.host = socket.remoteAddress ?? '';
    const remotePort = socket.remotePort ?? 0;
    this.entry = { remotePort, clientId: '', software: '', principal: '', requests: 0, open: true };
    broker.journal.connections.push(this.entry);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.entry.open = false;
      broker.connections.delete(this);
    });
  }

  fault(what: string): void {
    if (this.closed) return;
    this.broker.cluster.faults.push({ broker: this.broker.id, client: this.entry.clientId, what });
    this.close();
  }

  /** What was answered before still goes out. */
  close(): void {
    this.closed = true;
    this.socket.destroySoon();
  }

  #onData(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#need || this.closed) return;
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    let at = 0;
    while (all.length - at >= 4) {
      const size = all.readInt32BE(at);
      if (size < 0 || size > MAX_FRAME_BYTES) {
        this.fault(`a frame of ${size} bytes`);
        return;
      }
      this.#need = 4 + size;
      if (all.length - at < this.#need) break;
      this.#queue.push(all.subarray(at + 4, at + this.#need));
      at += this.#need;
      this.#need = 4;
    }
    const rest = all.subarray(at);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    if (this.#queue.length > MAX_QUEUED) this.socket.pause();
    if (!this.#busy) this.#work();
  }

  /** Answers what has come; replies that are ready at once leave together. */
  #work(): void {
    this.socket.cork();
    this.#busy = false;
    for (let frame = this.#queue.shift(); frame !== undefined && !this.closed; frame = this.#queue.shift()) {
      const later = this.#serve(frame);
      if (later === null && this.socket.writableNeedDrain) {
        this.#busy = true;
        this.socket.once('drain', () => this.#work());
        break;
      }
      if (later === null) continue;
      this.#busy = true;
      later.then(
        () => this.#work(),
        (error) => this.#failed(error),
      );
      break;
    }
    this.socket.uncork();
    if (this.#queue.length === 0 && this.socket.isPaused()) this.socket.resume();
  }

  /** A fault of the request's bytes; anything else is an error of the stand-in itself. */
  #failed(error: unknown): void {
    this.fault(error instanceof WireFault ? error.message : `the stand-in failed: ${(error as Error).stack}`);
  }

  /** null: it is answered. */
  #serve(frame: Buffer): Promise<void> | null {
    this.broker.cluster.settings.onFrame(frame, this.entry.remotePort);
    try {
      if (this.sasl.expectsToken) return this.#token(frame);
      return this.#request(frame);
    } catch (error) {
      this.#failed(error);
      return null;
    }
  }

  /** After SaslHandshake v0 come bare tokens, without a header. */
  #token(frame: Buffer): null {
    const { token, done } = this.sasl.step(frame);
    if (token === null) {
      this.close(); // as a broker does: there is no place for an error
      return null;
    }
    if (done) this.entry.principal = this.sasl.principal;
    const writer = new WireWriter();
    writer.bytes(token, false);
    this.#write(writer);
    return null;
  }

  #request(frame: Buffer): Promise<void> | null {
    const reader = new WireReader(frame, 0, frame.length, this.broker.cluster.settings.unknownTags);
    const key = reader.int16();
    const version = reader.int16();
    const correlationId = reader.int32();
    const name = apiName(key);
    const raw = this.broker.cluster.rawAnswers.get(key);
    const handler = name === undefined ? undefined : APIS.get(name);
    const versions =
      name === undefined || handler === undefined ? null : this.broker.versionsOf(name, handler.versions);
    this.entry.requests++;
    if (versions === null || !within(version, versions)) {
      if (raw !== undefined) return this.#unknown(reader, key, version, correlationId, raw);
      if (name === 'ApiVersions') return this.#oldVersions(reader, version, correlationId, versions!);
      throw new WireFault(`API ${key} (${name ?? 'unknown'}) in version ${version}`);
    }
    const api = name!;
    const clientId = this.#header(reader, within(version, schemaOf('request', api).flexible));
    const what = `${api} v${version}`;
    if (!this.sasl.allows(api)) throw new WireFault(`${what} before authentication`);
    let request: Fields;
    try {
      request = codecOf('request', api, version).read(reader);
      reader.done(what);
    } catch (error) {
      throw error instanceof WireFault ? new WireFault(`${what}: ${error.message}`) : error;
    }
    this.#taken(what, clientId, api);
    const call = new Call(api, version, clientId, this);
    const silences = this.broker.cluster.silences.get(api) ?? 0;
    if (silences > 0) {
      this.broker.cluster.silences.set(api, silences - 1);
      return new Promise(() => {}); // neither this request nor those behind it
    }
    const forced = handler!.topicErrors ? 0 : call.forced();
    const reply = forced === 0 ? handler!.handle(request, call) : { errorCode: forced };
    const delay = this.broker.cluster.delays.get(api) ?? 0;
    if (!(reply instanceof Promise) && delay === 0) {
      this.#reply(call, correlationId, reply);
      return null;
    }
    return this.#later(call, correlationId, reply, delay);
  }

  async #later(call: Call, correlationId: number, reply: Reply | Promise<Reply>, delayMs: number): Promise<void> {
    const fields = await reply;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (!this.closed) this.#reply(call, correlationId, fields);
  }

  #header(reader: WireReader, flexible: boolean): string {
    const clientId = reader.string(false) ?? '';
    // The header has no tagged fields of its own.
    if (flexible) {
      reader.tags((tag) => {
        if (!reader.lenient) throw new WireFault(`tagged field ${tag} in the header`);
        return false;
      });
    }
    return clientId;
  }

  #taken(what: string, clientId: string, api: string): void {
    const { journal } = this.broker;
    this.entry.clientId = clientId;
    count(journal.requests, what);
    countIn(journal.clients, clientId, api);
  }

  #unknown(reader: WireReader, key: number, version: number, correlationId: number, body: Buffer): null {
    this.#taken(`Api ${key} v${version}`, reader.string(false) ?? '', `Api ${key}`);
    const writer = new WireWriter();
    writer.int32(0);
    writer.int32(correlationId);
    writer.raw(body);
    this.#write(writer, true);
    return null;
  }

  /** A version that is too new is told which there are, in a reply of the first version (KIP-511). */
  #oldVersions(reader: WireReader, version: number, correlationId: number, [minVersion, maxVersion]: Versions): null {
    this.#taken(`ApiVersions v${version}`, reader.string(false) ?? '', 'ApiVersions');
    const apiKeys = [{ apiKey: 18, minVersion, maxVersion }];
    const call = new Call('ApiVersions', 0, this.entry.clientId, this);
    this.#reply(call, correlationId, { errorCode: codeOf('UNSUPPORTED_VERSION'), apiKeys });
    return null;
  }

  #reply({ api, version }: Call, correlationId: number, reply: Reply): void {
    if (reply === null) return;
    const { cluster, journal } = this.broker;
    const throttleTimeMs = cluster.throttles.get(api) ?? 0;
    const fields = throttleTimeMs > 0 ? { ...reply, throttleTimeMs } : reply;
    const writer = new WireWriter();
    writer.int32(0);
    writer.int32(correlationId);
    if (responseHeaderVersion(api, version) === 1) writer.uvarint(0);
    codecOf('response', api, version).write(writer, fields);
    countErrors(journal, api, fields, (id) => cluster.topicsById.get(id)?.name ?? '');
    this.#write(writer, true);
  }

  #write(writer: WireWriter, sized = false): void {
    const parts = writer.parts();
    if (sized) parts[0]!.writeInt32BE(writer.length - 4, 0);
    for (const part of parts) this.socket.write(part);
    if (this.sasl.failed) {
      this.closed = true;
      this.socket.end();
    }
  }
}
