import { LOG_LEVELS, type LogLevel } from '../admin/source.ts';

export type Level = LogLevel;
export type LogFormat = 'text' | 'json';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  level: Level;
  readonly format: LogFormat;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Resolves when all lines are with the kernel, at the latest after `limitMs`: a reader that stalls holds nobody up. */
  flushed(limitMs?: number): Promise<void>;
}

/** Where lines go: process.stderr, or a test's own. */
export interface LogOutput {
  readonly writableLength: number;
  write(line: string, done?: () => void): boolean;
}

export interface LoggerOptions {
  /** `primary`, `facts`, `worker 2`: who says it. */
  readonly role: string;
  readonly level?: Level;
  readonly format?: LogFormat;
  readonly output?: LogOutput;
  readonly wall?: () => number;
}

/** What a pipe that nobody reads may keep in our memory. Above, lines are dropped and counted. */
const MAX_PENDING_BYTES = 256 * 1024;

/** Our own log lines: one line an event, to stderr. Never throws, never waits, bounded. */
export function createLogger(options: LoggerOptions): Logger {
  const output = options.output ?? process.stderr;
  const wall = options.wall ?? Date.now;
  const line = options.format === 'json' ? jsonLine : textLine;
  let dropped = 0;

  const write = (level: Level, message: string, fields: LogFields): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(logger.level)) return;
    if (output.writableLength > MAX_PENDING_BYTES) {
      dropped++;
      return;
    }
    try {
      if (dropped > 0) {
        output.write(line(wall(), 'warning', options.role, 'log lines dropped: nobody read them', { dropped }));
        dropped = 0;
      }
      output.write(line(wall(), level, options.role, message, fields));
    } catch {
      // A log that cannot be written must not stop what it tells about.
    }
  };

  const logger: Logger = {
    level: options.level ?? 'info',
    format: options.format ?? 'text',
    debug: (message, fields = {}) => write('debug', message, fields),
    info: (message, fields = {}) => write('info', message, fields),
    warn: (message, fields = {}) => write('warning', message, fields),
    error: (message, fields = {}) => write('error', message, fields),
    flushed: (limitMs = 100) => {
      if (output.writableLength === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        output.write('', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
  return logger;
}

function textLine(now: number, level: Level, role: string, message: string, fields: LogFields): string {
  let line = `${new Date(now).toISOString()} ${level} [${role}] ${printable(message)}`;
  for (const [name, value] of Object.entries(fields)) line += ` ${name}=${word(plain(value))}`;
  return `${line}\n`;
}

function jsonLine(now: number, level: Level, role: string, message: string, fields: LogFields): string {
  const own = Object.entries(fields).map(([name, value]) => [name, plain(value)]);
  const line = { time: new Date(now).toISOString(), level, role, message, ...Object.fromEntries(own) };
  return `${printable(JSON.stringify(line))}\n`;
}

/** Errors with their stack and causes, everything else as it is. */
function plain(value: unknown): unknown {
  return value instanceof Error ? describe(value) : value;
}

/** An error's stack with those of its causes behind it. */
export function describe(error: unknown): string {
  const parts: string[] = [];
  let at = error;
  for (let depth = 0; depth < 5 && at !== undefined && at !== null; depth++) {
    parts.push(at instanceof Error ? (at.stack ?? String(at)) : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(' caused by: ');
}

const word = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return typeof value === 'string' && !/^[\w.:/@+-]+$/.test(text) ? printable(JSON.stringify(text)) : printable(text);
};

/** Control and direction characters as escapes: what peers send can neither end a line nor move the cursor. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`);
