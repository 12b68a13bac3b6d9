import { readFileSync } from 'node:fs';
import { poll } from './poll.ts';

/** A line of the access log, `event` is `exchange` or `connection`. */
export type LogLine = Readonly<Record<string, unknown>>;

export function readLog(file: string): LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}

/** Lines of the log that pass, once there are as many as awaited. */
export function awaitLines(file: string, pass: (line: LogLine) => boolean, count: number): Promise<LogLine[]> {
  return poll(`${count} lines of the access log`, () => {
    const lines = readLog(file).filter(pass);
    return lines.length >= count && lines;
  });
}
