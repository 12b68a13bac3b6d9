import { statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressConfig } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';

/** An address that cannot be listened on, and what for: `listener pg`, `admin`. */
export interface Refused {
  readonly who: string;
  readonly address: AddressConfig;
  /** Node's code: EADDRINUSE, EACCES … */
  readonly code: string;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'not permitted (ports below 1024 and socket folders need the right)',
  EADDRNOTAVAIL: 'not an address of this machine',
  ENOENT: 'its folder does not exist',
  EINVAL: 'not an address one can listen on (a socket path may be too long)',
};

/** `listener pg: cannot listen on 127.0.0.1:5432: the address is already in use (EADDRINUSE)` */
export const refusal = ({ who, address, code }: Refused): string =>
  `${who}: cannot listen on ${addressOf(address).text}${REASONS[code] ? `: ${REASONS[code]}` : ''} (${code})`;

/** Listens, or gives Node's code. Accepted sockets are paused: nothing is read from them here. */
export async function bind(
  address: AddressConfig,
  onConnection: (socket: Socket) => void,
  backlog: number | null = null,
): Promise<Server | string> {
  if (address.kind === 'pipe') await removeStale(address.path);
  return new Promise((resolve) => {
    const server = createServer({
      pauseOnConnect: true,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    });
    // Of the first listen, and later of single accepts (EMFILE …): those must not end the process.
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => {}); // a peer that goes while nobody reads
      onConnection(socket);
    });
    const at = address.kind === 'pipe' ? { path: address.path } : { host: address.host, port: address.port };
    server.listen({ ...at, exclusive: true, ...(backlog === null ? {} : { backlog }) }, () => resolve(server));
  });
}

/** A socket file that nobody answers on is left over from a process that died; one that answers is in use. */
function removeStale(path: string): Promise<void> {
  // Connecting to an ordinary file is refused just like connecting to a dead socket.
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(path);
      resolve();
    });
  });
}
