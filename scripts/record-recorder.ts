import { connect, createServer, type Socket } from 'node:net';
import type { Recorded } from '../test/support/transcript.ts';

export interface Recorder {
  readonly port: number;
  /** What was said on each connection so far, in the order they came. */
  readonly sessions: readonly (readonly Recorded[])[];
  close(): Promise<void>;
}

/** A plain TCP proxy on 127.0.0.1 that writes down what both sides say. */
export async function startRecorder(serverPort: number): Promise<Recorder> {
  const sessions: Recorded[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const lines: Recorded[] = [];
    sessions.push(lines);
    const upstream = connect(serverPort, '127.0.0.1');
    const wire = (from: Socket, to: Socket, who: '>' | '<'): void => {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        const last = lines.at(-1);
        if (last?.who === who) lines[lines.length - 1] = { who, bytes: Buffer.concat([last.bytes, bytes]) };
        else lines.push({ who, bytes });
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    };
    wire(client, upstream, '>');
    wire(upstream, client, '<');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sessions,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
