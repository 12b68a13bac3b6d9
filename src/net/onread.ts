import { Socket, type SocketConstructorOpts } from 'node:net';

/**
 * Reading into a lent buffer on *accepted* sockets. Node offers `onread` for connecting sockets only, so the accepted
 * handle is moved to a new Socket that has it. `buffer` is asked before every read; `callback` returning false stops.
 *
 * Why: 'data' events cost 2.3 × HAProxy's CPU per query at 16 connections, this 1.5–1.6 × (docs/decisions/0002).
 * Unusual: two underscore names. Where they are missing the socket is used as it is, with 'data' events and the same
 * callback; a test holds either.
 */
export interface OnRead {
  buffer: () => Buffer;
  callback: (bytes: number, buffer: Buffer) => boolean;
}

interface Handled {
  _handle: { readonly [key: string]: unknown } | null;
  _server?: unknown;
  server?: unknown;
}

/** The socket to use from here on; it is paused. `accepted` must not be used again. */
export function adopt(accepted: Socket, onread: OnRead, highWaterMark: number, lean = true): Socket {
  const old = accepted as unknown as Handled;
  if (!lean || !old._handle) return listenForData(accepted, onread);
  const handle = old._handle;
  old._handle = null; // the old object must never close it
  const socket = new Socket({
    handle,
    onread,
    pauseOnCreate: true,
    allowHalfOpen: true,
    highWaterMark,
  } as unknown as SocketConstructorOpts);
  const adopted = socket as unknown as Handled;
  adopted.server = old._server;
  adopted._server = old._server;
  old._server = null; // else server.close() never calls back
  return socket;
}

/** The fallback, also for sockets that wrap others (TLS), which ignore `onread`. */
function listenForData(socket: Socket, onread: OnRead): Socket {
  socket.on('data', (chunk: Buffer) => {
    if (!onread.callback(chunk.length, chunk)) socket.pause();
  });
  socket.pause();
  return socket;
}
