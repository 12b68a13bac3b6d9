import { chmodSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { ipAddress } from './address.ts';
import { SocketTransport } from './socket-transport.ts';
import type { Acceptor, Address, ListenOptions, Network, Transport, TransportEvents } from './transport.ts';

export interface SocketNetworkOptions {
  /** Node's own stream buffer bound: writes above it are told to wait; a chunk of a large read fits. Bytes. */
  readonly highWaterMark?: number;
  /** False: accepted sockets are read through 'data' events, as where Node's inner names are missing. For tests. */
  readonly lean?: boolean;
  /** How long a closing connection waits for a peer that takes nothing of what is left. Milliseconds. */
  readonly flushStallMs?: number;
}

/** The real network: node:net, with reads into lent buffers. Works in cluster workers (the primary accepts for them). */
export class SocketNetwork implements Network {
  readonly #highWaterMark: number;
  readonly #lean: boolean;
  readonly #flushStallMs: number;

  constructor(options: SocketNetworkOptions = {}) {
    this.#lean = options.lean ?? true;
    this.#flushStallMs = options.flushStallMs ?? 10_000;
    this.#highWaterMark = options.highWaterMark ?? 256 * 1024;
  }

  async listen(
    at: Address,
    onConnection: (transport: Transport) => void,
    options: ListenOptions = {},
  ): Promise<Acceptor> {
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      highWaterMark: this.#highWaterMark,
    });
    server.on('connection', (socket: Socket) => {
      // A worker at its descriptor limit can be handed a connection without a descriptor; one that was reset in the
      // accept queue has no address any more.
      if (socket.remoteAddress === undefined && at.kind === 'ip') socket.destroy();
      else onConnection(this.#accepted(socket));
    });
    if (at.kind === 'pipe') await removeStale(at.host);
    const where = at.kind === 'pipe' ? { path: at.host } : { host: at.host, port: at.port };
    await listening(server, options.backlog === undefined ? where : { ...where, backlog: options.backlog });
    // Errors of single accepts (EMFILE …) must not end the process; the client sees its connection closed.
    server.on('error', () => {});
    if (at.kind === 'pipe' && options.pipeMode !== undefined) {
      try {
        chmodSync(at.host, options.pipeMode);
      } catch (error) {
        server.close();
        throw error;
      }
    }
    const bound = server.address();
    const address = at.kind === 'ip' && bound && typeof bound === 'object' ? ipAddress(at.host, bound.port) : at;
    return { address, close: () => stopListening(server) };
  }

  connect(to: Address, events: TransportEvents): Transport {
    const target = to.kind === 'pipe' ? { path: to.host } : { host: to.host, port: to.port };
    const transport = SocketTransport.dialled(
      (onread) =>
        connect({
          ...target,
          onread,
          allowHalfOpen: true,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: KEEP_ALIVE_MS,
          highWaterMark: this.#highWaterMark,
        } as unknown as NetConnectOpts),
      to,
      events,
    );
    transport.flushStallMs = this.#flushStallMs;
    return transport;
  }

  #accepted(socket: Socket): SocketTransport {
    const transport = SocketTransport.accepted(socket, silent, this.#highWaterMark, this.#lean);
    transport.flushStallMs = this.#flushStallMs;
    return transport;
  }
}

const nothing = () => {};
/** Until a connection object takes over, in the same turn. */
const silent: TransportEvents = { onData: nothing, onEnd: nothing, onDrain: nothing, onClose: nothing };

/** A peer that vanished without a word is noticed: the first probe after this silence, the kernel's intervals from there. */
const KEEP_ALIVE_MS = 60_000;

function listening(server: Server, where: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The port is free when close() returns; its callback would come only when the last connection has ended. */
function stopListening(server: Server): Promise<void> {
  if (server.listening) server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** A socket file that nobody answers on is left over from a process that died; one that answers is in use. */
function removeStale(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  // Connecting to an ordinary file is refused just like connecting to a dead socket: what is no socket is not ours to remove.
  if (!found?.isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(); // listen() will say EADDRINUSE
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') removeIfSame(path, found.ino);
      resolve();
    });
  });
}

/** Another worker may have found the same leftover, and be listening in its place by now. */
function removeIfSame(path: string, inode: number): void {
  try {
    if (statSync(path).ino === inode) unlinkSync(path);
  } catch {
    // listen() will say what is wrong with the path
  }
}
