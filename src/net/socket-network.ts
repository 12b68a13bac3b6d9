import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { ipAddress } from './address.ts';
import { SocketTransport } from './socket-transport.ts';
import type { Acceptor, Address, Network, Transport, TransportEvents } from './transport.ts';

export interface SocketNetworkOptions {
  /** Node's own stream buffer bound: writes above it are told to wait; a chunk of a large read fits. Bytes. */
  readonly highWaterMark?: number;
  readonly backlog?: number;
  /** Permissions of unix sockets we listen on. */
  readonly pipeMode?: number;
}

/** The real network: node:net, with reads into lent buffers. Works in cluster workers (the primary accepts for them). */
export class SocketNetwork implements Network {
  readonly #highWaterMark: number;
  readonly #options: SocketNetworkOptions;

  constructor(options: SocketNetworkOptions = {}) {
    this.#options = options;
    this.#highWaterMark = options.highWaterMark ?? 256 * 1024;
  }

  listen(at: Address, onConnection: (transport: Transport) => void): Promise<Acceptor> {
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      highWaterMark: this.#highWaterMark,
    });
    server.on('connection', (socket: Socket) => {
      // A worker at its descriptor limit can be handed a connection without a descriptor.
      if (socket.remoteAddress === undefined && at.kind === 'ip') socket.destroy();
      else onConnection(SocketTransport.accepted(socket, silent, this.#highWaterMark));
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const listening = () => {
        server.off('error', reject);
        // Errors of single accepts (EMFILE …) must not end the process; the client sees its connection closed.
        server.on('error', () => {});
        if (at.kind === 'pipe' && this.#options.pipeMode !== undefined) chmodSync(at.host, this.#options.pipeMode);
        const bound = server.address();
        const address = at.kind === 'ip' && bound && typeof bound === 'object' ? ipAddress(at.host, bound.port) : at;
        resolve({ address, close: () => new Promise((done) => server.close(() => done())) });
      };
      const backlog = this.#options.backlog === undefined ? {} : { backlog: this.#options.backlog };
      if (at.kind === 'pipe') {
        removeStale(at.host)
          .then(() => server.listen({ path: at.host, ...backlog }, listening))
          .catch(reject);
      } else {
        server.listen({ host: at.host, port: at.port, ...backlog }, listening);
      }
    });
  }

  connect(to: Address, events: TransportEvents): Transport {
    const target = to.kind === 'pipe' ? { path: to.host } : { host: to.host, port: to.port };
    return SocketTransport.dialled(
      (onread) =>
        connect({
          ...target,
          onread,
          allowHalfOpen: true,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: 60_000,
          highWaterMark: this.#highWaterMark,
        } as unknown as NetConnectOpts),
      to,
      events,
    );
  }
}

const nothing = () => {};
/** Until a connection object takes over, in the same turn. */
const silent: TransportEvents = { onData: nothing, onEnd: nothing, onDrain: nothing, onClose: nothing };

/** A socket file that nobody answers on is left over from a process that died; one that answers is in use. */
function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(); // listen() will say EADDRINUSE
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(path);
      resolve();
    });
  });
}
