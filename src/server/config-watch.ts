import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface ConfigWatchOptions {
  /** Quiet time after the last event before the file is looked at: an editor writes more than once. */
  readonly settleMs?: number;
  /** Where no events come (network folders, exhausted watches) a look at this interval finds changes too. */
  readonly pollMs?: number;
}

/**
 * Calls `onChange` when a file's content may have changed: written in place, replaced by a rename, or reached through
 * links of which one was swapped (Kubernetes ConfigMaps). It watches the folders, not the file, so that a replaced file
 * is not lost. A file that is gone for a moment is no change.
 */
export class ConfigWatch {
  readonly #file: string;
  readonly #onChange: () => void;
  readonly #settleMs: number;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | null = null;
  #signature = '';
  #closed = false;

  constructor(file: string, onChange: () => void, { settleMs = 100, pollMs = 2000 }: ConfigWatchOptions = {}) {
    this.#file = file;
    this.#onChange = onChange;
    this.#settleMs = settleMs;
    this.#poll = setInterval(() => void this.#look(), pollMs);
    this.#poll.unref();
  }

  /** Resolves when the watch is set; changes from then on are seen. */
  async start(): Promise<void> {
    this.#signature = await this.#read();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    if (this.#settling) clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #event(): void {
    if (this.#settling) clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.#look(), this.#settleMs);
  }

  async #look(): Promise<void> {
    const signature = await this.#read();
    if (this.#closed || signature === '' || signature === this.#signature) return;
    this.#signature = signature;
    this.#onChange();
  }

  /** What changes when the content does; '' while there is no such file. Sets the watches on the way. */
  async #read(): Promise<string> {
    try {
      const real = await realpath(this.#file);
      this.#watch(new Set([dirname(this.#file), dirname(real)]));
      const { ino, size, mtimeMs, ctimeMs } = await stat(real);
      return `${real} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch {
      return '';
    }
  }

  #watch(folders: ReadonlySet<string>): void {
    if (this.#closed) return;
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#event());
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(folder);
        });
        this.#watchers.set(folder, watcher);
      } catch {
        // The interval finds the change.
      }
    }
  }
}
