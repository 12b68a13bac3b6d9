import type { Snapshot } from '../config/snapshot.ts';
import type { Dial } from '../events/channel.ts';
import { SocketNetwork } from '../net/socket-network.ts';
import type { ListenFailure } from './data-plane.ts';
import { createDataRole, type DataRole, realWorld, type World } from './data-role.ts';
import type { FactsCore } from './facts-core.ts';
import { FactsRole } from './facts-role.ts';
import { type Claim, FrontDoor } from './front-door.ts';
import { Keys } from './keys.ts';
import { LocalDoors } from './local-doors.ts';
import type { ToFacts } from './messages.ts';
import { Names } from './names.ts';
import type { Facts, FactsOptions, Roles, Workers, WorkersOptions } from './roles.ts';

/** All roles in this process: the same parts, joined by calls instead of sockets. For `--concurrency 0` and embedding. */
export class LocalRoles implements Roles {
  readonly #world: World;
  #facts: LocalFacts | null = null;

  constructor(world: World = realWorld()) {
    this.#world = world;
  }

  /** Null until everything was started. */
  get core(): FactsCore | null {
    return this.#facts?.role?.core ?? null;
  }

  workers(options: WorkersOptions): Workers {
    return new LocalWorkers(options, this.#world, () => this.core!.receiver.dial);
  }

  facts(options: FactsOptions): Facts {
    this.#facts = new LocalFacts(options, this.#world);
    return this.#facts;
  }
}

class LocalWorkers implements Workers {
  readonly size = 0;
  readonly restarts = 0;
  readonly refused = 0;
  readonly #options: WorkersOptions;
  readonly #world: World;
  readonly #dial: () => Dial;
  readonly #door = new FrontDoor((_at, socket) => socket.resetAndDestroy());
  readonly #doors: LocalDoors;
  #role: DataRole | null = null;

  constructor(options: WorkersOptions, world: World, dial: () => Dial) {
    this.#options = options;
    this.#doors = new LocalDoors({ log: options.log, clock: world.clock, onChange: () => options.onDoors() });
    this.#world = world;
    this.#dial = dial;
  }

  get live(): number {
    return this.#role ? 1 : 0;
  }

  get listeners() {
    return [...(this.#role?.plane.listeners() ?? []), ...this.#doors.addresses];
  }

  /** The data plane listens itself, in a moment: here it is only found out whether it will be able to. */
  async claim(wanted: Snapshot): Promise<Claim> {
    // What the real network has free says nothing about another one.
    if (!(this.#world.network instanceof SocketNetwork)) return { snapshot: wanted, refused: [] };
    // Doors make way when the snapshot is applied.
    const open = [...(this.#role?.plane.listeners() ?? []), ...this.#doors.addresses];
    const held = new Set(open.map(({ address }) => address));
    const { snapshot, refused } = await this.#door.claim(wanted, held);
    this.#door.release();
    // A port that the kernel chose was for the trial alone.
    const listeners = wanted.listeners.map((listener, i) => (listener.autoPort ? snapshot.listeners[i]! : listener));
    return { snapshot: { ...wanted, listeners }, refused };
  }

  async apply(snapshot: Snapshot): Promise<readonly ListenFailure[]> {
    const { log } = this.#options;
    const dial = this.#dial();
    const world = this.#world;
    this.#role ??= await createDataRole({
      worker: 0,
      workers: 1,
      incarnation: 1,
      dial,
      snapshot,
      keys: new Keys(),
      doors: this.#doors.book,
      names: new Names(),
      log,
      world,
    });
    this.#role.apply(snapshot);
    this.#doors.attach(this.#role.plane);
    return this.#doors.apply(snapshot);
  }

  setLevel(): void {} // the one logger of this process was told already

  async drain(timeoutMs: number): Promise<void> {
    const role = this.#role;
    this.#doors.close();
    await role?.plane.drain(timeoutMs);
    await this.#close();
  }

  async kill(): Promise<void> {
    this.#doors.close();
    await this.#role?.plane.close();
    await this.#close();
  }

  async #close(): Promise<void> {
    const role = this.#role;
    this.#role = null;
    await role?.close();
  }
}

class LocalFacts implements Facts {
  readonly restarts = 0;
  readonly #options: FactsOptions;
  readonly #world: World;
  role: FactsRole | null = null;

  constructor(options: FactsOptions, world: World) {
    this.#options = options;
    this.#world = world;
  }

  start(): void {
    const { log, greeting, onMessage } = this.#options;
    this.role = new FactsRole({ clock: this.#world.clock, log, role: 'single', ownMemory: false, tell: onMessage });
    for (const message of greeting()) this.role.take(message);
  }

  tell(message: ToFacts): void {
    this.role?.take(message);
  }

  async stop(): Promise<void> {
    await this.role?.close();
  }
}
