import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TrickleProxy {
  readonly port: number;
  close(): Promise<void>;
}

/** A TCP proxy on 127.0.0.1 that passes everything on in writes of a few bytes each, `sizes` again and again. */
export async function startTrickleProxy(serverPort: number, sizes: readonly number[]): Promise<TrickleProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port: serverPort, host: '127.0.0.1' });
    trickle(client, upstream, sizes);
    trickle(upstream, client, sizes);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One write a turn of the loop, in order; an end is passed on after what came before it. */
function trickle(from: Socket, to: Socket, sizes: readonly number[]): void {
  const waiting: Buffer[] = [];
  let [busy, ended, turn] = [false, false, 0];
  const next = (): void => {
    const bytes = waiting[0];
    busy = bytes !== undefined;
    if (bytes === undefined) {
      if (ended) to.end();
      return;
    }
    const size = sizes[turn++ % sizes.length]!;
    to.write(bytes.subarray(0, size));
    if (size < bytes.length) waiting[0] = bytes.subarray(size);
    else waiting.shift();
    setImmediate(next);
  };
  from.setNoDelay(true);
  from.on('data', (bytes: Buffer) => {
    waiting.push(bytes);
    if (!busy) next();
  });
  from.on('end', () => {
    ended = true;
    if (!busy) next();
  });
  from.on('error', () => to.destroy());
}
