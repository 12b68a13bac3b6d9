import type { Address, CloseHow, Network, Transport, TransportEvents } from '../../src/net/transport.ts';

/** A scripted peer on any network: it remembers what happened to it, and can be told what to do. */
export class Endpoint implements TransportEvents {
  transport!: Transport;
  readonly chunks: Buffer[] = [];
  connected = false;
  /** The peer's FIN was seen. */
  ended = false;
  closed: { how: CloseHow; code: string } | null = null;
  drains = 0;
  onBytes: (() => void) | null = null;
  onFin: (() => void) | null = null;

  static dial(network: Network, to: Address): Endpoint {
    const endpoint = new Endpoint();
    endpoint.transport = network.connect(to, endpoint);
    return endpoint;
  }

  /** A server: one endpoint a connection, in the order of their coming. */
  static async listen(network: Network, at: Address, accepted: Endpoint[], greet?: (peer: Endpoint) => void) {
    return await network.listen(at, (transport) => {
      const endpoint = new Endpoint();
      endpoint.transport = transport;
      endpoint.connected = true;
      transport.events = endpoint;
      accepted.push(endpoint);
      greet?.(endpoint);
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  send(bytes: string | Uint8Array): this {
    this.transport.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  end(): this {
    this.transport.end();
    return this;
  }

  reset(): this {
    this.transport.destroy(true);
    return this;
  }

  onConnect(): void {
    this.connected = true;
  }

  onData(buf: Buffer, start: number, end: number): void {
    this.chunks.push(Buffer.from(buf.subarray(start, end)));
    this.onBytes?.();
  }

  onEnd(): void {
    this.ended = true;
    this.onFin?.();
  }

  onDrain(): void {
    this.drains++;
  }

  onClose(how: CloseHow, code: string): void {
    if (this.closed !== null) throw new Error('closed twice');
    this.closed = { how, code };
  }
}
