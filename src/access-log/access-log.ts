import type { ListenerConfig } from '../config/snapshot.ts';
import type { EventBatch } from '../events/event-batch.ts';
import { SessionEvent } from '../events/layout.ts';
import { BatchLines } from './lines.ts';
import { LogFile, type LogFileOptions } from './log-file.ts';

interface Target {
  readonly file: LogFile;
  readonly exchanges: boolean;
  readonly connections: boolean;
}

/**
 * The JSON-lines access log: one line an exchange, one a connection, to the files that the listener's config names.
 * Lives in facts; listeners that write to one path share one file.
 */
export class AccessLog {
  readonly #options: LogFileOptions;
  #files = new Map<string, LogFile>();
  #targets = new Map<string, readonly Target[]>();
  /** What files that are not used any more had written and dropped. */
  readonly #past = { written: 0, dropped: 0, failures: 0 };

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Lines so far; lines taken = written + waiting + dropped. */
  get counts(): { written: number; waiting: number; dropped: number; failures: number } {
    const sum = { ...this.#past, waiting: 0 };
    for (const file of this.#files.values()) {
      sum.written += file.written;
      sum.dropped += file.dropped;
      sum.failures += file.failures;
      sum.waiting += file.waiting;
    }
    return sum;
  }

  /** Makes the files those of this configuration; the others are written out and closed. */
  apply(listeners: readonly Pick<ListenerConfig, 'name' | 'accessLogs'>[]): void {
    const before = this.#files;
    this.#files = new Map();
    this.#targets = new Map();
    for (const listener of listeners) {
      const targets = listener.accessLogs.map(({ path, exchanges, connections }): Target => {
        const file = this.#files.get(path) ?? before.get(path) ?? new LogFile(path, this.#options);
        this.#files.set(path, file);
        return { file, exchanges, connections };
      });
      this.#targets.set(listener.name, targets);
    }
    for (const [path, file] of before) if (this.#files.get(path) !== file) void this.#retire(file);
  }

  /** Writes the lines of one batch. */
  batch(batch: EventBatch): void {
    if (this.#files.size === 0) return;
    const lines = new BatchLines(batch);
    const wanted = this.#wanted(batch);
    for (let row = 0; row < batch.rows; row++) {
      const files = wanted[batch.columns.session[row]!]?.filter((target) => target.exchanges) ?? [];
      if (files.length === 0) continue;
      const line = lines.exchange(row);
      for (const { file } of files) file.append(line);
    }
    const { session, event } = batch.sessionColumns;
    for (let row = 0; row < batch.sessionEvents; row++) {
      const targets = wanted[session[row]!];
      if (targets === undefined || event[row] !== SessionEvent.end) continue;
      const line = lines.connection(row);
      for (const { file, connections } of targets) if (connections) file.append(line);
    }
  }

  /** After rotation. */
  reopen(): void {
    for (const file of this.#files.values()) file.reopen();
  }

  /** Resolves when nothing waits any more, or at the limit. */
  async flush(limitMs = 1000): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.flush(limitMs)));
  }

  async close(limitMs = 1000): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close(limitMs)));
  }

  /** The targets of each session of the batch. */
  #wanted(batch: EventBatch): (readonly Target[] | undefined)[] {
    const wanted: (readonly Target[] | undefined)[] = [];
    for (let place = 0; place < batch.sessionCount; place++) {
      wanted.push(this.#targets.get(batch.session(place).listener));
    }
    return wanted;
  }

  async #retire(file: LogFile): Promise<void> {
    await file.close();
    this.#past.written += file.written;
    this.#past.dropped += file.dropped;
    this.#past.failures += file.failures;
  }
}
