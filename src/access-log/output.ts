import { close, fstat, open, write } from 'node:fs';

/** Where log bytes go. One write at a time. */
export interface Output {
  /** Writes some or all of it; `written` bytes left even if there is an error. */
  write(bytes: Buffer, done: (error: Error | null, written: number) => void): void;
  close(): void;
}

/** Paths that are this process's own streams, by descriptor. They are never opened anew: a socket could not be. */
export const STANDARD_STREAMS: ReadonlyMap<string, 1 | 2> = new Map([
  ['-', 1],
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
]);

/** Opens a path for appending, or stdout as '-'. Never blocks the loop: files are written from the thread pool. */
export function openOutput(path: string, done: (error: Error | null, output: Output | null) => void): void {
  const stream = STANDARD_STREAMS.get(path);
  if (stream === undefined) {
    open(path, 'a', 0o640, (error, fd) => done(error, error ? null : fileOutput(fd, true)));
    return;
  }
  fstat(stream, (error, stat) => {
    // A file is written through its descriptor: process.stdout would write it synchronously.
    if (error) done(error, null);
    else
      done(
        null,
        stat.isFile() ? fileOutput(stream, false) : streamOutput(stream === 1 ? process.stdout : process.stderr),
      );
  });
}

const fileOutput = (fd: number, own: boolean): Output => ({
  write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, (error, written) => done(error, written ?? 0)),
  close: () => {
    if (own) close(fd, () => {});
  },
});

/** Of a pipe's or socket's stream: libuv's handle. */
type Pipe = NodeJS.WriteStream & { readonly _handle?: { setBlocking?(blocks: boolean): unknown } | null };

/** Pipes and sockets: Node queues what the reader does not take, and keeps the descriptor when the reader is gone. */
function streamOutput(stream: NodeJS.WriteStream): Output {
  const ignore = (): void => {}; // the write's callback is told; without a listener the process would die
  stream.on('error', ignore);
  return {
    write: (bytes, done) => {
      // The descriptor is our siblings', too, and one that ends makes it block again: the loop would wait for the reader.
      (stream as Pipe)._handle?.setBlocking?.(false);
      stream.write(bytes, (error) => done(error ?? null, error ? 0 : bytes.length));
    },
    close: () => stream.off('error', ignore),
  };
}
