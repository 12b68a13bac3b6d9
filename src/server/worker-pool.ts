import { fork } from 'node:child_process';
import type { Snapshot } from '../config/snapshot.ts';
import type { ListenerInfo, ListenFailure } from './data-plane.ts';
import { connectionDescriptors } from './descriptors.ts';
import { DoorKeeper } from './door-keeper.ts';
import { doorPlaces } from './door-places.ts';
import { entry } from './entry.ts';
import { type Claim, FrontDoor } from './front-door.ts';
import { HandOut, type Taker, whenSilent } from './hand-out.ts';
import { type KeyChanges, KeyHub } from './keys.ts';
import type { Level } from './log.ts';
import { birthEnv, type FromWorker, type ToWorker } from './messages.ts';
import { NameStore } from './names.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { Workers, WorkersOptions } from './roles.ts';

interface Slot {
  readonly index: number;
  readonly policy: RestartPolicy;
  worker: Taker | null;
  incarnation: number;
  /** The snapshot this life was last heard to have applied, and how that went. */
  applied: number;
  /** The doors this life was last heard to serve. */
  doors: number;
  failures: readonly ListenFailure[];
  listeners: readonly ListenerInfo[];
  timer: NodeJS.Timeout | null;
}

/** How long a worker may take over a snapshot before the primary goes on without its answer. */
const APPLY_LIMIT_MS = 15_000;
/** The same for new doors, which a client waits for. */
const DOORS_LIMIT_MS = 5000;

/** The workers: started, told, given connections, restarted. Nothing here waits for one longer than a limit. */
export class WorkerPool implements Workers {
  restarts = 0;
  readonly #options: WorkersOptions;
  readonly #slots: Slot[];
  readonly #keys = new KeyHub();
  readonly #names = new NameStore();
  readonly #handOut = new HandOut(connectionDescriptors());
  readonly #door = new FrontDoor((at, socket) => this.#handOut.give(at, socket));
  /** The doors that all workers serve. */
  readonly doors: DoorKeeper;
  #snapshot: Snapshot | null = null;
  #snapshotId = 0;
  #doorsId = 0;
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
      doors: 0,
      failures: [],
      listeners: [],
      timer: null,
    }));
    this.doors = new DoorKeeper({
      log: options.log,
      now: () => performance.now(),
      portOf: ({ address }) => (address.kind === 'ip' ? address.port : 0),
      open: async ({ port }, listener, isOpen) =>
        isOpen ? null : this.#door.openDoor(doorPlaces(listener, port), listener.tcpBacklogSize),
      close: ({ port }, listener) => this.#door.closeDoor(doorPlaces(listener, port)),
      spread: () => this.#spreadDoors(),
      tell: (refused) => {
        const known = { kind: 'doors_known', doors: this.doors.known, refused } as const;
        for (const slot of this.#slots) this.#tell(slot, known);
        options.onDoors();
      },
    });
  }

  get live(): number {
    return this.#slots.filter(({ worker }) => worker !== null).length;
  }

  get size(): number {
    return this.#slots.length;
  }

  get refused(): number {
    return this.#handOut.refused;
  }

  get listeners(): readonly ListenerInfo[] {
    const listeners = this.#slots.find(({ applied }) => applied === this.#snapshotId)?.listeners ?? [];
    return [...listeners, ...this.doors.addresses];
  }

  claim(snapshot: Snapshot): Promise<Claim> {
    return this.#door.claim(snapshot);
  }

  /** Starts those that are missing as well. Who connects meanwhile waits for a worker that has answered. */
  async apply(snapshot: Snapshot): Promise<readonly ListenFailure[]> {
    this.#snapshot = snapshot;
    const id = ++this.#snapshotId;
    this.#door.keepOnly(snapshot);
    this.doors.take(snapshot);
    this.#names.keepOnly(snapshot.listeners);
    this.#doorsId++;
    for (const slot of this.#slots) {
      if (slot.worker) {
        this.#handOut.pause(slot.worker);
        this.#tellSnapshot(slot, snapshot);
      } else if (slot.timer === null) this.#start(slot);
    }
    const asked = this.#slots.map((slot) => ({ slot, incarnation: slot.incarnation }));
    await this.#until(
      () =>
        asked.every(
          ({ slot, incarnation }) => slot.incarnation !== incarnation || slot.worker === null || slot.applied >= id,
        ),
      APPLY_LIMIT_MS,
    );
    this.doors.begin();
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
    this.#stopAccepting();
    for (const slot of this.#slots) this.#tell(slot, { kind: 'drain', timeoutMs });
    await this.#until(() => this.live === 0, timeoutMs + limitMs);
    if (this.live > 0) await this.kill();
  }

  async kill(): Promise<void> {
    this.#stopAccepting();
    for (const { worker } of this.#slots) worker?.child.kill('SIGKILL');
    await this.#until(() => this.live === 0, 2000);
  }

  #stopAccepting(): void {
    this.#stopping = true;
    this.doors.close();
    this.#handOut.close();
    for (const slot of this.#slots) {
      if (slot.timer) clearTimeout(slot.timer);
      slot.timer = null;
    }
    this.#door.close();
  }

  #start(slot: Slot): void {
    const { socket, log } = this.#options;
    slot.timer = null;
    slot.incarnation++;
    slot.applied = slot.doors = 0;
    slot.failures = [];
    const birth = {
      worker: slot.index,
      workers: this.#slots.length,
      incarnation: slot.incarnation,
      socket,
      level: log.level,
      format: log.format,
    };
    const child = fork(entry('worker'), [], {
      env: { ...process.env, ...birthEnv(birth) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const worker: Taker = { child, reported: 0, given: 0, open: new Map() };
    slot.worker = worker;
    child.on('message', (message: FromWorker) => this.#heard(slot, worker, message));
    child.on('internalMessage', (message: { cmd?: unknown }) => {
      if (message.cmd === 'NODE_HANDLE_NACK') this.#handOut.lost(worker);
    });
    // Without a listener a message that finds the channel closed would end the primary.
    child.on('error', (error) => log.warn('message to a worker failed', { worker: slot.index, error: error.message }));
    void whenSilent(child).then(() => this.#exited(slot, worker));
    this.#tell(slot, { kind: 'keys', changes: this.#keys.all() });
    for (const learned of this.#names.messages()) this.#tell(slot, { kind: 'names', learned });
    if (this.#snapshot) this.#tellSnapshot(slot, this.#snapshot);
  }

  #tellSnapshot(slot: Slot, snapshot: Snapshot): void {
    const { open, known } = this.doors;
    this.#tell(slot, { kind: 'snapshot', id: this.#snapshotId, snapshot, doorsId: this.#doorsId, doors: open });
    this.#tell(slot, { kind: 'doors_known', doors: known, refused: [] });
  }

  /** Those that are given connections must all serve a door before a client hears of it. */
  async #spreadDoors(): Promise<void> {
    const id = ++this.#doorsId;
    for (const slot of this.#slots) this.#tell(slot, { kind: 'doors', id, doors: this.doors.open });
    const asked = this.#slots.filter(({ worker, applied }) => worker !== null && applied > 0);
    const lives = asked.map((slot) => ({ slot, incarnation: slot.incarnation }));
    await this.#until(
      () =>
        lives.every(
          ({ slot, incarnation }) => slot.incarnation !== incarnation || slot.worker === null || slot.doors >= id,
        ),
      DOORS_LIMIT_MS,
    );
    for (const { slot, incarnation } of lives)
      if (slot.worker && slot.incarnation === incarnation && slot.doors < id)
        this.#options.log.warn('a worker has not answered to new doors', { worker: slot.index });
  }

  #tell(slot: Slot, message: ToWorker): void {
    if (slot.worker?.child.connected) slot.worker.child.send(message);
  }

  #heard(slot: Slot, worker: Taker, message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        slot.applied = message.id;
        slot.failures = message.failures;
        slot.listeners = message.listeners;
        slot.doors = message.doorsId;
        this.#mayTake(slot, worker);
        break;
      case 'doors_applied':
        slot.doors = message.id;
        this.#mayTake(slot, worker);
        break;
      case 'doors_wanted':
        this.doors.ask(message.wanted);
        break;
      case 'keys':
        this.#keys.take(slot.index, message.changes);
        this.#spread(slot, message.changes);
        break;
      case 'names': {
        const learned = message.learned.filter((one) => this.#names.keep(one));
        if (learned.length > 0)
          for (const other of this.#slots) if (other !== slot) this.#tell(other, { kind: 'names', learned });
        break;
      }
      case 'took':
        this.#handOut.answered(worker, message.seq);
        break;
      case 'load':
        worker.reported = message.active;
        worker.given = worker.open.size;
        break;
    }
  }

  /** It is given connections once it serves all that is listened on; who gets some already goes on when there are more doors. */
  #mayTake(slot: Slot, worker: Taker): void {
    if (slot.applied === this.#snapshotId && slot.doors === this.#doorsId) this.#handOut.add(worker);
    this.#changed();
  }

  #spread(from: Slot, changes: KeyChanges): void {
    if (changes.learned.length === 0 && changes.forgotten.length === 0) return;
    for (const slot of this.#slots) if (slot !== from) this.#tell(slot, { kind: 'keys', changes });
  }

  #exited(slot: Slot, worker: Taker): void {
    const { log, onGone } = this.#options;
    const { exitCode, signalCode } = worker.child;
    this.#handOut.gone(worker);
    slot.worker = null;
    this.#spread(slot, this.#keys.gone(slot.index));
    onGone(slot.index, slot.incarnation);
    if (!this.#stopping) {
      this.restarts++;
      const delayMs = slot.policy.died(performance.now());
      log.error('a worker died: its connections are gone, another takes its place', {
        worker: slot.index,
        ...(signalCode ? { signal: signalCode } : { code: exitCode }),
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
