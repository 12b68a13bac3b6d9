import { Socket, type SocketConstructorOpts } from 'node:net';
import type { OnRead } from './onread.ts';

/**
 * What a peer said before it hung up on us. A server that answers and closes while its client still sends (MySQL's
 * packet that is too large, HTTP's 413) resets the connection; our next write fails, Node destroys the socket, and the
 * answer, which the kernel still has for us, is lost. (Linux keeps what arrived before a RST; libuv reads on after a
 * write that failed.)
 *
 * So a socket that is destroyed by a failed write is parted from its handle, and a second socket, which only reads, goes
 * on with it: its errors and ends are its own, where the first one's streams are past saving. Node offers no way to turn
 * this off: net.Socket forces `autoDestroy`. Where the inner name is missing, the socket is closed as it always was.
 *
 * Measured (1 MB in one write to a server that answers after 64 KiB and closes): of 100 answers the client got 100 without
 * a proxy, 35 through one without this, 100 with it. MariaDB's 1153 for 1.5 MB, mysql2: 30, 0 and 30 of 30.
 */
export function onFailedWrite(socket: Socket, call: (error: NodeJS.ErrnoException) => void): void {
  // Both names are public: streams are meant to be given a _destroy of their own.
  socket._destroy = (error: NodeJS.ErrnoException | null, done) => {
    if (error?.syscall === 'write') call(error);
    Socket.prototype._destroy.call(socket, error, done);
  };
}

interface Handled {
  _handle: object | null;
}

/**
 * Takes the handle of a socket that is being destroyed. The answer, paused, can be read and closed, and its writable side
 * has ended; null: there is nothing to be read any more. `from` still says 'error' and 'close'.
 */
export function readOn(from: Socket, onread: OnRead): Socket | null {
  const old = from as unknown as Handled;
  const handle = old._handle;
  if (!handle || from.readableEnded) return null;
  old._handle = null; // the old object must not close it
  return new Socket({
    handle,
    onread,
    pauseOnCreate: true,
    allowHalfOpen: true,
    writable: false,
  } as unknown as SocketConstructorOpts);
}
