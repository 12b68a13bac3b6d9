import cluster, { type Worker } from 'node:cluster';
import type { Snapshot } from '../config/snapshot.ts';
import type { ListenerInfo, ListenFailure } from './data-plane.ts';
import { entry } from './entry.ts';
import { rescueConnections } from './handoff.ts';
import { type KeyChanges, KeyHub } from './keys.ts';
import type { Level } from './log.ts';
import { birthEnv, type FromWorker, type ToWorker } from './messages.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { Workers, WorkersOptions } from './roles.ts';

interface Slot {
  readonly index: number;
  readonly policy: RestartPolicy;
  worker: Worker | null;
  incarnation: number;
  /** The snapshot this life was last heard to have applied, and how that went. */
  applied: number;
  failures: readonly ListenFailure[];
  listeners: readonly ListenerInfo[];
  timer: NodeJS.Timeout | null;
}

/** How long a worker may take over a snapshot before the primary goes on without its answer. */
const APPLY_LIMIT_MS = 15_000;

/** The workers: started, told, restarted. Nothing here waits for one longer than a limit. */
export class WorkerPool implements Workers {
  restarts = 0;
  readonly #options: WorkersOptions;
  readonly #slots: Slot[];
  readonly #keys = new KeyHub();
  #snapshot: Snapshot | null = null;
  #snapshotId = 0;
  #stopping = false;
  #onChange: (() => void)[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.size }, (_, index) => ({
      index,
      policy: new RestartPolicy(),
      worker: null,
      incarnation: 0,
      applied: 0,
      failures: [],
      listeners: [],
      timer: null,
    }));
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: entry('worker'), args: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  get live(): number {
    return this.#slots.filter(({ worker }) => worker !== null).length;
  }

  get size(): number {
    return this.#slots.length;
  }

  get listeners(): readonly ListenerInfo[] {
    return this.#slots.find(({ applied }) => applied === this.#snapshotId)?.listeners ?? [];
  }

  /** Starts those that are missing as well. */
  async apply(snapshot: Snapshot): Promise<readonly ListenFailure[]> {
    this.#snapshot = snapshot;
    const id = ++this.#snapshotId;
    for (const slot of this.#slots) {
      if (slot.worker) this.#tell(slot, { kind: 'snapshot', id, snapshot });
      else if (slot.timer === null) this.#start(slot);
    }
    const asked = this.#slots.map((slot) => ({ slot, incarnation: slot.incarnation }));
    await this.#until(
      () =>
        asked.every(
          ({ slot, incarnation }) => slot.incarnation !== incarnation || slot.worker === null || slot.applied >= id,
        ),
      APPLY_LIMIT_MS,
    );
    for (const { index, worker, applied } of this.#slots)
      if (worker && applied < id)
        this.#options.log.warn('a worker has not answered to its configuration', { worker: index });
    const failures = new Map<string, ListenFailure>();
    for (const slot of this.#slots)
      for (const failure of slot.failures)
        failures.set(`${failure.listener} ${JSON.stringify(failure.address)}`, failure);
    return [...failures.values()];
  }

  setLevel(level: Level): void {
    for (const slot of this.#slots) this.#tell(slot, { kind: 'level', level });
  }

  /** `limitMs` after the drain's own limit those that are still there are killed. */
  async drain(timeoutMs: number, limitMs = 5000): Promise<void> {
    this.#stopping = true;
    for (const slot of this.#slots) {
      if (slot.timer) clearTimeout(slot.timer);
      slot.timer = null;
      this.#tell(slot, { kind: 'drain', timeoutMs });
    }
    await this.#until(() => this.live === 0, timeoutMs + limitMs);
    if (this.live > 0) await this.kill();
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    for (const { worker, timer } of this.#slots) {
      if (timer) clearTimeout(timer);
      worker?.process.kill('SIGKILL');
    }
    await this.#until(() => this.live === 0, 2000);
  }

  #start(slot: Slot): void {
    const { socket, log } = this.#options;
    slot.timer = null;
    slot.incarnation++;
    slot.applied = 0;
    slot.failures = [];
    const birth = { worker: slot.index, incarnation: slot.incarnation, socket, level: log.level, format: log.format };
    const worker = cluster.fork(birthEnv(birth));
    slot.worker = worker;
    rescueConnections(worker, () => this.#slots.some((other) => other !== slot && other.worker && other.applied > 0));
    worker.on('message', (message: FromWorker) => this.#heard(slot, message));
    // Without a listener a message that finds the channel closed would end the primary.
    worker.on('error', (error) => log.warn('message to a worker failed', { worker: slot.index, error: error.message }));
    worker.once('exit', (code, signal) => this.#exited(slot, code, signal));
    this.#tell(slot, { kind: 'keys', changes: this.#keys.all() });
    if (this.#snapshot) this.#tell(slot, { kind: 'snapshot', id: this.#snapshotId, snapshot: this.#snapshot });
  }

  #tell(slot: Slot, message: ToWorker): void {
    if (slot.worker?.isConnected()) slot.worker.send(message);
  }

  #heard(slot: Slot, message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        slot.applied = message.id;
        slot.failures = message.failures;
        slot.listeners = message.listeners;
        this.#changed();
        break;
      case 'keys':
        this.#keys.take(slot.index, message.changes);
        this.#spread(slot, message.changes);
        break;
    }
  }

  #spread(from: Slot, changes: KeyChanges): void {
    if (changes.learned.length === 0 && changes.forgotten.length === 0) return;
    for (const slot of this.#slots) if (slot !== from) this.#tell(slot, { kind: 'keys', changes });
  }

  #exited(slot: Slot, code: number, signal: string): void {
    const { log, onGone } = this.#options;
    slot.worker = null;
    this.#spread(slot, this.#keys.gone(slot.index));
    onGone(slot.index, slot.incarnation);
    if (!this.#stopping) {
      this.restarts++;
      const delayMs = slot.policy.died(performance.now());
      log.error('a worker died: its connections are gone, another takes its place', {
        worker: slot.index,
        ...(signal ? { signal } : { code }),
        restart_in_ms: delayMs,
      });
      if (delayMs === 0) this.#start(slot);
      else slot.timer = setTimeout(() => this.#start(slot), delayMs);
    }
    this.#changed();
  }

  #changed(): void {
    for (const call of [...this.#onChange]) call();
  }

  #until(done: () => boolean, limitMs: number): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#onChange = this.#onChange.filter((call) => call !== check);
        resolve();
      };
      const check = () => {
        if (done()) finish();
      };
      const timer = setTimeout(finish, limitMs);
      this.#onChange.push(check);
    });
  }
}
