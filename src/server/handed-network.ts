import type { Socket } from 'node:net';
import { SocketNetwork } from '../net/socket-network.ts';
import { SocketTransport } from '../net/socket-transport.ts';
import type { Acceptor, Address, Network, Transport, TransportEvents } from '../net/transport.ts';

/** As SocketNetwork: a chunk of a large read fits. Bytes. */
const HIGH_WATER_MARK = 256 * 1024;

/** A worker's network: it dials itself, and listens by being handed connections from the primary. */
export class HandedNetwork implements Network {
  readonly #sockets = new SocketNetwork();
  readonly #listeners = new Map<string, (transport: Transport) => void>();

  /** The primary listens already; this only says who takes the connections. */
  listen(at: Address, onConnection: (transport: Transport) => void): Promise<Acceptor> {
    this.#listeners.set(at.text, onConnection);
    const close = (): Promise<void> => {
      if (this.#listeners.get(at.text) === onConnection) this.#listeners.delete(at.text);
      return Promise.resolve();
    };
    return Promise.resolve({ address: at, close });
  }

  connect(to: Address, events: TransportEvents): Transport {
    return this.#sockets.connect(to, events);
  }

  /** A connection that was made to `at`. It is closed when nobody listens there any more. */
  take(at: string, socket: Socket): void {
    const onConnection = this.#listeners.get(at);
    if (onConnection) onConnection(SocketTransport.accepted(socket, silent, HIGH_WATER_MARK));
    else socket.on('error', () => {}).destroy();
  }
}

const nothing = () => {};
/** Until a connection object takes over, in the same turn. */
const silent: TransportEvents = { onData: nothing, onEnd: nothing, onDrain: nothing, onClose: nothing };
