import type { ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { addressOf, splitHostPort } from '../net/address.ts';
import type { OpenDoor, WantedDoor } from '../net/door-book.ts';
import {
  configuredPorts,
  doorPlaces,
  endpointsOf,
  leadsBack,
  onlyUpstream,
  portsToTry,
  sparesOf,
  upstreamPorts,
} from './door-places.ts';
import type { Logger } from './log.ts';

/** What the keeper needs of the data path, in processes of its own or in this one. */
export interface DoorWorks {
  readonly log: Logger;
  /** Monotonic ms. */
  now(): number;
  /** The listener's first port, as bound; 0: it has none. */
  portOf(listener: ListenerConfig): number;
  /** Listens for one more door; null, or Node's code. `isOpen`: it is listened on, and led to no host so far. */
  open(door: OpenDoor, listener: ListenerConfig, isOpen: boolean): Promise<string | null>;
  /** Stops listening there. `listener`: as it was when that began. */
  close(door: OpenDoor, listener: ListenerConfig): void;
  /** Makes `open` the doors of all data paths; resolves when each of them serves what connects there. */
  spread(): Promise<void>;
  /** Says that the known doors are others now, and what was asked for in vain. */
  tell(refused: readonly WantedDoor[]): void;
}

interface Kept {
  readonly door: OpenDoor;
  /** It is the listener's own port, which leads to that host anyway, or is what that host names: there is no socket of its own. */
  readonly own: boolean;
  /** Every data path serves it. */
  known: boolean;
  /** When a server was last heard to name the host, by now(). */
  namedAt: number;
}

/**
 * A door whose host no server has named for so long may make room for another's: clients ask anew where the brokers are every
 * five minutes. Milliseconds.
 */
const IDLE_MS = 1_800_000;

/** Ports remembered for upstreams whose listener is gone for the moment. */
const MAX_REMEMBERED = 10_000;

/** A port that is taken, or not permitted: the next one may do. */
const NEXT = new Set(['EADDRINUSE', 'EACCES']);

/**
 * The doors of all listeners: which port leads to which upstream host. An upstream keeps its port for the life of the
 * process, over reloads and worker restarts; those that are asked for at once are taken in the order of their names, so
 * that another start gives the same ports. One thing after the other; what is asked for meanwhile waits.
 */
export class DoorKeeper {
  readonly #works: DoorWorks;
  readonly #kept = new Map<string, Kept>();
  /** By listener: ports that are listened on and lead to no host yet. */
  readonly #spares = new Map<string, Set<number>>();
  #lacksSpares = false;
  readonly #remembered = new Map<string, number>();
  readonly #wanted = new Map<string, WantedDoor>();
  /** Listeners that had no port for an upstream, with the cause: told once. */
  readonly #told = new Map<string, Set<string>>();
  #snapshot: Snapshot | null = null;
  #working = false;
  #closed = false;

  constructor(works: DoorWorks) {
    this.#works = works;
  }

  /** All that are listened on, those that lead to no host yet among them. */
  get open(): readonly OpenDoor[] {
    return [...this.#led, ...this.#spare];
  }

  get #led(): OpenDoor[] {
    return [...this.#kept.values()].flatMap(({ door, own }) => (own ? [] : [door]));
  }

  get #spare(): OpenDoor[] {
    return [...this.#spares].flatMap(([listener, ports]) =>
      [...ports].map((port) => ({ listener, upstream: '', port })),
    );
  }

  /** All that clients may be told of. */
  get known(): readonly OpenDoor[] {
    return [...this.#kept.values()].flatMap(({ door, known }) => (known ? [door] : []));
  }

  /** For `/listeners`: where the doors are. */
  get addresses(): { readonly name: string; readonly address: string; readonly upstream: string }[] {
    const known = [...this.#kept.values()].flatMap((kept) => (kept.known && !kept.own ? [kept.door] : []));
    return [...known, ...this.#spare].flatMap(({ listener, upstream, port }) =>
      doorPlaces(this.#listener(listener)!, port).map((at) => ({
        name: listener,
        address: addressOf(at).text,
        upstream,
      })),
    );
  }

  /** Opens what is missing of these; tell() follows. Of those that are only named `still` nobody is told. */
  ask(wanted: readonly WantedDoor[]): void {
    for (const one of wanted) {
      const key = keyOf(one);
      const kept = this.#kept.get(key);
      if (kept !== undefined) kept.namedAt = this.#works.now();
      if (one.still !== true) this.#wanted.set(key, one);
    }
    this.#start();
  }

  #start(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  /** A new snapshot: doors that it has no use for are closed. The caller tells the data paths. */
  take(snapshot: Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    this.#told.clear();
    const listenerBefore = (listener: string) => before!.listeners.find(({ name }) => name === listener)!;
    for (const [key, kept] of this.#kept) {
      const was = listenerBefore(kept.door.listener);
      if (this.#stays(kept, was)) continue;
      this.#kept.delete(key);
      if (!kept.own) this.#works.close(kept.door, was);
    }
    for (const door of this.#spare) {
      const was = listenerBefore(door.listener);
      if (this.#stays({ door, own: false }, was)) continue;
      this.#spares.get(door.listener)!.delete(door.port);
      this.#works.close(door, was);
    }
  }

  /** The snapshot is applied: opens the ports that wait for a host. */
  begin(): void {
    this.#lacksSpares = true;
    this.#start();
  }

  /** No more doors: who asks hears so. Who listens closes those that are open. */
  close(): void {
    this.#closed = true;
  }

  async #work(): Promise<void> {
    while (this.#wanted.size > 0 || this.#lacksSpares) {
      if (this.#lacksSpares) await this.#openSpares();
      const batch = [...this.#wanted.values()].sort(byName);
      this.#wanted.clear();
      // Clients' replies wait for this: a bug of ours must not leave them waiting for ever, nor all that come after.
      await this.#serve(batch).catch((error: unknown) => {
        this.#works.log.error('doors could not be opened', { error: String(error) });
        this.#works.tell(batch);
      });
    }
    this.#working = false;
  }

  async #serve(batch: readonly WantedDoor[]): Promise<void> {
    const refused: WantedDoor[] = [];
    for (const one of batch) if ((await this.#opened(one, batch)) === false) refused.push(one);
    const open = [...this.#kept];
    await this.#works.spread();
    for (const [key, kept] of open) if (this.#kept.get(key) === kept) this.#learn(kept);
    this.#works.tell(refused);
  }

  #learn(kept: Kept): void {
    if (kept.known) return;
    kept.known = true;
    const { listener, upstream, port } = kept.door;
    const at = doorPlaces(this.#listener(listener)!, port).map((one) => addressOf(one).text);
    this.#works.log.info(`listener ${listener}: ${upstream} is reached at ${at.join(', ')}`);
  }

  async #openSpares(): Promise<void> {
    this.#lacksSpares = false;
    const snapshot = this.#snapshot!;
    for (const listener of snapshot.listeners) {
      const ownPort = this.#works.portOf(listener);
      if (listener.doors === null || ownPort === 0) continue;
      const { name } = listener;
      const upstreams = [...endpointsOf(listener, snapshot.clusters), ...this.#led.map((one) => one.upstream)];
      const taken = [...this.open.map(({ port }) => port), ...upstreamPorts(upstreams, listener)];
      let missing = sparesOf(listener, snapshot.clusters) - this.open.filter((door) => door.listener === name).length;
      for (const port of portsToTry(listener.doors, ownPort, snapshot, taken, '', this.#remembered)) {
        if (missing <= 0) break;
        const door = { listener: name, upstream: '', port };
        const code = await this.#works.open(door, listener, false);
        if (this.#closed || this.#snapshot !== snapshot) {
          if (code === null) this.#works.close(door, listener);
          return; // what the other snapshot lacks is opened after it
        }
        if (code !== null && !NEXT.has(code)) break;
        if (code !== null) continue;
        this.#spares.set(name, (this.#spares.get(name) ?? new Set()).add(port));
        missing--;
      }
    }
  }

  /** A server has this port, or will: a door that leads nowhere yet must not keep it from starting. */
  #makeWay(listener: ListenerConfig, ports: readonly number[]): void {
    for (const port of ports)
      if (this.#spares.get(listener.name)?.delete(port))
        this.#works.close({ listener: listener.name, upstream: '', port }, listener);
  }

  /** True: it is there; false: it cannot be had; null: it is asked for once more. `batch`: what is asked for with it. */
  async #opened(wanted: WantedDoor, batch: readonly WantedDoor[]): Promise<boolean | null> {
    const key = keyOf(wanted);
    const listener = this.#listener(wanted.listener);
    if (this.#closed || !listener?.doors || splitHostPort(wanted.upstream) === null) return false;
    if (this.#kept.has(key)) return true;
    const ownPort = this.#works.portOf(listener);
    if (ownPort === 0) return this.#refuse(wanted, 'a unix socket has no ports beside it');
    if (this.#isOwn(listener, ownPort, wanted.upstream)) return this.#keep(key, { ...wanted, port: ownPort }, true);
    const { count } = listener.doors;
    const open = this.#led;
    if (open.filter((door) => door.listener === wanted.listener).length >= count) {
      if (this.#closeIdle(listener)) return this.#again(key, wanted);
      return this.#refuse(wanted, `all ${count} are in use`);
    }
    const upstreams = [
      ...endpointsOf(listener, this.#snapshot!.clusters),
      ...[...open, ...batch].map((one) => one.upstream),
    ];
    const servers = upstreamPorts(upstreams, listener);
    this.#makeWay(listener, servers);
    const spares = this.#spare.filter((door) => door.listener !== listener.name);
    const taken = [...[...open, ...spares].map(({ port }) => port), ...servers];
    const ports = portsToTry(listener.doors, ownPort, this.#snapshot!, taken, key, this.#remembered);
    for (const port of ports) {
      const door = { ...wanted, port };
      const isOpen = this.#spares.get(listener.name)?.has(port) === true;
      const code = await this.#works.open(door, listener, isOpen);
      if (this.#closed || this.#listener(wanted.listener) !== listener) {
        // The listener has changed meanwhile.
        if (code === null && !isOpen) this.#works.close(door, listener);
        return this.#closed ? false : this.#again(key, wanted);
      }
      if (code === null) return this.#keep(key, door, false);
      if (!NEXT.has(code)) return this.#refuse(wanted, `cannot listen on port ${port} (${code})`);
    }
    if (this.#closeIdle(listener)) return this.#again(key, wanted);
    return this.#refuse(wanted, 'no port of its range is free');
  }

  #again(key: string, wanted: WantedDoor): null {
    this.#wanted.set(key, wanted);
    return null;
  }

  /** Of brokers that change their address the old ones are named no more. False: all doors are in use. */
  #closeIdle(listener: ListenerConfig): boolean {
    const since = this.#works.now() - IDLE_MS;
    const idle = [...this.#kept].filter(
      ([, { door, own, namedAt }]) => !own && door.listener === listener.name && namedAt < since,
    );
    const [oldest] = idle.sort(([, a], [, b]) => a.namedAt - b.namedAt);
    if (oldest === undefined) return false;
    const [key, { door }] = oldest;
    this.#kept.delete(key);
    this.#works.close(door, listener);
    this.#works.log.info(
      `listener ${listener.name}: ${door.upstream} has no port any more: no server has named it for half an hour`,
    );
    return true;
  }

  #keep(key: string, door: OpenDoor, own: boolean): true {
    this.#kept.set(key, { door, own, known: false, namedAt: this.#works.now() });
    this.#told.delete(door.listener);
    if (own) return true;
    this.#spares.get(door.listener)?.delete(door.port);
    this.#remembered.delete(key);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(key, door.port);
    return true;
  }

  #refuse({ listener, upstream }: WantedDoor, why: string): false {
    const told = this.#told.get(listener) ?? new Set();
    this.#told.set(listener, told);
    if (!told.has(why)) this.#works.log.warn(`listener ${listener}: no port leads to ${upstream}: ${why}`);
    told.add(why);
    return false;
  }

  #stays({ door, own }: Pick<Kept, 'door' | 'own'>, was: ListenerConfig): boolean {
    const now = this.#listener(door.listener);
    if (!now?.doors) return false;
    if (own) return door.port === this.#works.portOf(now) && this.#isOwn(now, door.port, door.upstream);
    const { firstPort, count } = now.doors;
    // A listener that is new, at a port that somebody chose for it.
    if (configuredPorts(this.#snapshot!).includes(door.port)) return false;
    const inRange = firstPort === 0 || (door.port >= firstPort && door.port < firstPort + count);
    const places = (one: ListenerConfig): string => JSON.stringify(doorPlaces(one, door.port));
    return inRange && places(was) === places(now);
  }

  /** The listener's own port leads there. */
  #isOwn(listener: ListenerConfig, ownPort: number, upstream: string): boolean {
    return onlyUpstream(listener, this.#snapshot!.clusters) === upstream || leadsBack(listener, ownPort, upstream);
  }

  #listener(name: string): ListenerConfig | undefined {
    return this.#snapshot?.listeners.find((one) => one.name === name);
  }
}

const keyOf = ({ listener, upstream }: WantedDoor): string => `${upstream} ${listener}`;

const byName = (a: WantedDoor, b: WantedDoor): number => a.upstream.localeCompare(b.upstream, 'en', { numeric: true });
