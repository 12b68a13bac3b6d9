import { createHash, type Hash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

const NOISE = randomBytes(4 << 20);

/** What one side of a connection said and heard, as checksums. */
export interface Told {
  readonly sent: string;
  readonly received: string;
  readonly receivedBytes: number;
}

export interface NoiseOptions {
  readonly bytes: number;
  /** Largest single write. */
  readonly chunk: number;
  /** Reading stands still now and then. */
  readonly stalls: boolean;
  readonly random: () => number;
}

/** Sends random bytes, reads what comes, both to the end; resolves when the socket is closed. */
export function exchangeNoise(socket: Socket, { bytes, chunk, stalls, random }: NoiseOptions): Promise<Told> {
  const sent = createHash('sha1');
  const received = createHash('sha1');
  let receivedBytes = 0;
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      received.update(data);
      receivedBytes += data.length;
      if (!stalls || random() > 0.02) return;
      socket.pause();
      setTimeout(() => socket.resume(), random() * 15);
    });
    socket.on('close', () => resolve({ sent: sent.digest('hex'), received: received.digest('hex'), receivedBytes }));
    pour(socket, sent, bytes, chunk, random);
  });
}

function pour(socket: Socket, sent: Hash, bytes: number, chunk: number, random: () => number): void {
  let left = bytes;
  const next = () => {
    while (left > 0) {
      const size = Math.min(left, Math.ceil(random() * chunk));
      const at = Math.floor(random() * (NOISE.length - size));
      const piece = NOISE.subarray(at, at + size);
      sent.update(piece);
      left -= size;
      if (!socket.write(piece)) {
        socket.once('drain', next);
        return;
      }
    }
    socket.end();
  };
  next();
}
