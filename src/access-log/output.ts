import { close, fstat, open, write } from 'node:fs';

/** Where log bytes go. One write at a time. */
export interface Output {
  /** Writes some or all of it; `written` bytes left even if there is an error. */
  write(bytes: Buffer, done: (error: Error | null, written: number) => void): void;
  close(): void;
}

/** Opens a path for appending, or stdout as '-'. Never blocks the loop: files are written from the thread pool. */
export function openOutput(path: string, done: (error: Error | null, output: Output | null) => void): void {
  if (path !== '-') {
    open(path, 'a', 0o640, (error, fd) => done(error, error ? null : fileOutput(fd, true)));
    return;
  }
  fstat(1, (error, stat) => {
    // A file is written through its descriptor: process.stdout would write it synchronously.
    if (error) done(error, null);
    else done(null, stat.isFile() ? fileOutput(1, false) : stdoutOutput());
  });
}

const fileOutput = (fd: number, own: boolean): Output => ({
  write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, (error, written) => done(error, written ?? 0)),
  close: () => {
    if (own) close(fd, () => {});
  },
});

/** Pipes and sockets: Node queues what the reader does not take, and keeps the descriptor when the reader is gone. */
function stdoutOutput(): Output {
  const ignore = (): void => {}; // the write's callback is told; without a listener the process would die
  process.stdout.on('error', ignore);
  return {
    write: (bytes, done) => {
      process.stdout.write(bytes, (error) => done(error ?? null, error ? 0 : bytes.length));
    },
    close: () => process.stdout.off('error', ignore),
  };
}
