import type { Listener } from './listener.ts';
import type { Acceptor, Address, ListenOptions, Network, Transport } from './transport.ts';

/** One address that a listener accepts on. */
export interface DoorConfig {
  readonly address: Address;
  readonly options: ListenOptions;
  /** The one upstream host that it leads to; '': to none yet; null: it is an address of the listener. */
  readonly upstream: string | null;
}

interface Door {
  readonly key: string;
  readonly config: DoorConfig;
  readonly acceptor: Acceptor;
  /** Who gets the connections; null = opened for a listener that failed elsewhere. */
  owner: Listener | null;
}

/**
 * The addresses that are listened on. A changed listener takes over the doors it keeps, so that no connection is refused
 * and none in the kernel's queue is lost; doors that nobody wants any more are closed when the others stand.
 */
export class ListenerDoors {
  readonly #network: Network;
  readonly #doors = new Map<string, Door>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** The addresses that connections of this listener come in by, as bound; without those that lead to one upstream host. */
  of(listener: Listener): readonly Address[] {
    return [...this.#doors.values()]
      .filter(({ owner, config }) => owner === listener && config.upstream === null)
      .map(({ acceptor }) => acceptor.address);
  }

  /**
   * Opens what is missing and takes over the rest. Rejects with the first error; then nothing has changed. `wanted`: the
   * keys of all doors that the new configuration has; one that it does not have makes way for an overlapping address.
   */
  async take(listener: Listener, configs: readonly DoorConfig[], wanted: ReadonlySet<string>): Promise<void> {
    const taken: Door[] = [];
    const opened: Door[] = [];
    try {
      for (const config of configs) {
        const key = doorKey(listener.options.name, config);
        let door = this.#doors.get(key);
        if (door === undefined) {
          door = await this.#open(key, config, wanted);
          opened.push(door);
        }
        taken.push(door);
      }
    } catch (error) {
      await Promise.all(opened.map((door) => this.#close(door)));
      throw error;
    }
    for (const door of taken) door.owner = listener;
  }

  /** Closes every door whose listener is not among these, and those that its listener does not have any more. */
  async keep(listeners: ReadonlyMap<Listener, readonly DoorConfig[]>): Promise<void> {
    const doors = [...this.#doors.values()].filter(({ owner, key }) => {
      const configs = owner === null ? undefined : listeners.get(owner);
      return configs === undefined || !configs.some((config) => doorKey(owner!.options.name, config) === key);
    });
    await Promise.all(doors.map((door) => this.#close(door)));
  }

  /** Stops accepting everywhere. */
  async close(): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => this.#close(door)));
  }

  async #open(key: string, config: DoorConfig, wanted: ReadonlySet<string>): Promise<Door> {
    try {
      return await this.#listen(key, config);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      // 127.0.0.1:5432 becomes 0.0.0.0:5432, or gets another backlog: the old one has to go first.
      const inTheWay = [...this.#doors.values()].filter((door) => !wanted.has(door.key) && overlaps(door, config));
      if (inTheWay.length === 0) throw error;
      await Promise.all(inTheWay.map((door) => this.#close(door)));
      try {
        return await this.#listen(key, config);
      } catch (again) {
        for (const door of inTheWay) (await this.#listen(door.key, door.config)).owner = door.owner;
        throw again;
      }
    }
  }

  async #listen(key: string, config: DoorConfig): Promise<Door> {
    const accept = (transport: Transport) => {
      const listener = this.#doors.get(key)?.owner;
      if (listener) listener.accept(transport, config.upstream || null);
      else transport.destroy();
    };
    const acceptor = await this.#network.listen(config.address, accept, config.options);
    const door: Door = { key, config, acceptor, owner: null };
    this.#doors.set(key, door);
    return door;
  }

  #close(door: Door): Promise<void> {
    this.#doors.delete(door.key);
    return door.acceptor.close();
  }
}

const overlaps = ({ config: { address } }: Door, other: DoorConfig): boolean =>
  address.kind === 'ip'
    ? other.address.kind === 'ip' && address.port === other.address.port
    : address.text === other.address.text;

/** Equal keys: the same door. A port that the system chooses is a door of that listener alone. */
export const doorKey = (listener: string, { address, options, upstream }: DoorConfig): string =>
  JSON.stringify([
    address.text,
    options.backlog ?? null,
    options.pipeMode ?? null,
    address.kind === 'ip' && address.port === 0 ? listener : null,
    upstream,
  ]);
