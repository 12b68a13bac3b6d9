import type { KeyDirectory } from './data-plane.ts';

/** Keys kept at most, per process; above, the oldest are forgotten (their cancel requests go to the cluster's choice). */
export const MAX_KEYS = 100_000;

/** What a process tells the others about its connections' cancellation keys. */
export interface KeyChanges {
  readonly learned: readonly (readonly [key: string, upstream: string])[];
  readonly forgotten: readonly string[];
}

/** The keys one process knows: its own connections' and, by apply(), those of the others. */
export class Keys implements KeyDirectory {
  readonly #hosts = new Map<string, string>();
  readonly #max: number;
  readonly #tell: ((changes: KeyChanges) => void) | null;
  #learned: [string, string][] = [];
  #forgotten: string[] = [];
  #telling = false;

  /** `tell` gets this process's own changes, at most one call a loop turn. */
  constructor(tell: ((changes: KeyChanges) => void) | null = null, max = MAX_KEYS) {
    this.#tell = tell;
    this.#max = max;
  }

  learn(key: string, upstream: string): void {
    this.#keep(key, upstream);
    this.#learned.push([key, upstream]);
    this.#schedule();
  }

  forget(key: string): void {
    this.#hosts.delete(key);
    this.#forgotten.push(key);
    this.#schedule();
  }

  lookup(key: string): string | undefined {
    return this.#hosts.get(key);
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** Another process's changes: taken, not passed on. */
  apply(changes: KeyChanges): void {
    for (const [key, upstream] of changes.learned) this.#keep(key, upstream);
    for (const key of changes.forgotten) this.#hosts.delete(key);
  }

  #keep(key: string, upstream: string): void {
    this.#hosts.delete(key);
    if (this.#hosts.size >= this.#max) {
      const oldest = this.#hosts.keys().next();
      if (!oldest.done) this.#hosts.delete(oldest.value);
    }
    this.#hosts.set(key, upstream);
  }

  #schedule(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      const changes = { learned: this.#learned, forgotten: this.#forgotten };
      this.#learned = [];
      this.#forgotten = [];
      this.#telling = false;
      this.#tell?.(changes);
    });
  }
}

/** The primary's copy: it knows who issued what, so that a new worker learns all and a dead one's keys are forgotten. */
export class KeyHub {
  readonly #owners = new Map<number, Map<string, string>>();
  readonly #max: number;

  constructor(max = MAX_KEYS) {
    this.#max = max;
  }

  /** Changes of one worker. */
  take(worker: number, changes: KeyChanges): void {
    const own = this.#owners.get(worker) ?? new Map<string, string>();
    this.#owners.set(worker, own);
    for (const [key, upstream] of changes.learned) if (own.size < this.#max) own.set(key, upstream);
    for (const key of changes.forgotten) own.delete(key);
  }

  /** The worker is dead: its keys, for the others to forget. */
  gone(worker: number): KeyChanges {
    const forgotten = [...(this.#owners.get(worker)?.keys() ?? [])];
    this.#owners.delete(worker);
    return { learned: [], forgotten };
  }

  /** Everything, for a worker that starts. */
  all(): KeyChanges {
    return { learned: [...this.#owners.values()].flatMap((own) => [...own]), forgotten: [] };
  }
}
