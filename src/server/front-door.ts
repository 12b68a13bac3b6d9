import { chmodSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import type { AddressConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';
import { bind, type Refused } from './bind.ts';

export interface Claim {
  /** With the ports that were chosen where nobody chose one. */
  readonly snapshot: Snapshot;
  /** Not empty: nothing was opened. */
  readonly refused: readonly Refused[];
}

/** How many ports after the wanted one are tried for a listener whose port nobody chose. */
const AUTO_PORT_TRIES = 200;

/**
 * The listening sockets of all listeners. They are the primary's, so that a port stays ours while workers come and go; a
 * client that comes while none is there waits.
 */
export class FrontDoor {
  /** By address text. */
  readonly #servers = new Map<string, Server>();
  readonly #onConnection: (at: string, socket: Socket) => void;
  /** Those that no snapshot names: each leads to one upstream host. By address text. */
  readonly #doors = new Map<string, Server>();
  /** How they were opened. */
  readonly #opening = new Map<string, { readonly place: AddressConfig; readonly backlog: number | null }>();
  /** Listener, place and port as configured → the port in use: a reload must not move what did not change. */
  readonly #chosen = new Map<string, number>();
  #closed = false;

  /** `at` is the text of the address that was connected to. */
  constructor(onConnection: (at: string, socket: Socket) => void) {
    this.#onConnection = onConnection;
  }

  /**
   * Opens what a snapshot listens on and is not open yet: all of it, or nothing. What is not in it stays open. `held`:
   * addresses that are listened on elsewhere in this process. A door makes way for a port that somebody chose.
   */
  async claim(snapshot: Snapshot, held: ReadonlySet<string> = new Set()): Promise<Claim> {
    const opened: string[] = [];
    const isOurs = (at: string): boolean => held.has(at) || (this.#servers.has(at) && !opened.includes(at));
    const refused: Refused[] = [];
    const gone: string[] = [];
    const listeners = new Map<string, ListenerConfig>();
    // Those whose port somebody chose come first: an automatic one must not take it from them.
    for (const auto of [false, true]) {
      for (const listener of snapshot.listeners.filter(({ autoPort }) => autoPort === auto)) {
        const addresses: AddressConfig[] = [];
        for (const [place, wanted] of [listener.address, ...listener.additionalAddresses].entries()) {
          let got = await this.#open(listener, place, wanted, isOurs, opened);
          const inTheWay = got === 'EADDRINUSE' && !auto ? this.#doorsAt(wanted) : [];
          if (inTheWay.length > 0) {
            for (const at of inTheWay) this.#close(at, this.#doors);
            gone.push(...inTheWay);
            got = await this.#open(listener, place, wanted, isOurs, opened);
          }
          if (typeof got === 'string') refused.push({ who: `listener ${listener.name}`, address: wanted, code: got });
          else addresses.push(got);
        }
        const [address = listener.address, ...additionalAddresses] = addresses;
        listeners.set(listener.name, { ...listener, address, additionalAddresses });
      }
    }
    if (refused.length > 0) {
      for (const at of opened) this.#close(at);
      for (const { place, backlog } of gone.flatMap((at) => this.#opening.get(at) ?? []))
        await this.#bind(place, backlog, this.#doors);
    }
    return {
      snapshot: { ...snapshot, listeners: snapshot.listeners.map(({ name }) => listeners.get(name)!) },
      refused,
    };
  }

  /** Listens on these too, on all or on none, whatever a snapshot says. Null, or Node's code. */
  async openDoor(places: readonly AddressConfig[], backlog: number | null): Promise<string | null> {
    for (const [i, place] of places.entries()) {
      const server = await this.#bind(place, backlog, this.#doors);
      if (typeof server !== 'string') {
        this.#opening.set(addressOf(place).text, { place, backlog });
        continue;
      }
      this.closeDoor(places.slice(0, i));
      return server;
    }
    return null;
  }

  closeDoor(places: readonly AddressConfig[]): void {
    for (const place of places) {
      const at = addressOf(place).text;
      this.#opening.delete(at);
      this.#close(at, this.#doors);
    }
  }

  #doorsAt(wanted: AddressConfig): string[] {
    return [...this.#opening].flatMap(([at, { place }]) =>
      place.kind === 'ip' && wanted.kind === 'ip' && place.port === wanted.port && this.#doors.has(at) ? [at] : [],
    );
  }

  /** Closes what a claimed snapshot does not listen on. */
  keepOnly(snapshot: Snapshot): void {
    const wanted = new Set(
      snapshot.listeners.flatMap(({ address, additionalAddresses }) =>
        [address, ...additionalAddresses].map((at) => addressOf(at).text),
      ),
    );
    for (const at of [...this.#servers.keys()]) if (!wanted.has(at)) this.#close(at);
  }

  /** Closes everything; another claim opens again. */
  release(): void {
    for (const at of [...this.#servers.keys()]) this.#close(at);
  }

  /** Closes everything for good: a claim that is under way opens nothing any more. */
  close(): void {
    this.#closed = true;
    this.release();
    for (const at of [...this.#doors.keys()]) this.#close(at, this.#doors);
  }

  /** The address in use, or Node's code. */
  async #open(
    listener: ListenerConfig,
    place: number,
    wanted: AddressConfig,
    isOurs: (at: string) => boolean,
    opened: string[],
  ): Promise<AddressConfig | string> {
    const backlog = listener.tcpBacklogSize;
    if (wanted.kind === 'pipe') {
      const path = addressOf(wanted).text;
      if (isOurs(path)) return wanted;
      const server = await this.#bind(wanted, backlog);
      if (typeof server === 'string') return server;
      if (wanted.mode !== undefined) chmodSync(wanted.path, wanted.mode);
      opened.push(path);
      return wanted;
    }
    const memory = `${listener.name} ${place} ${wanted.port}`;
    const first = this.#chosen.get(memory) ?? wanted.port;
    let code = '';
    for (let tried = 0; tried < (listener.autoPort ? AUTO_PORT_TRIES : 1); tried++) {
      // Above the last port: on from the first that needs no rights.
      const port = first + tried > 65_535 ? first + tried - 64_511 : first + tried;
      const at = { ...wanted, port };
      const { text } = addressOf(at);
      if (isOurs(text)) return at;
      const server = await this.#bind(at, backlog);
      if (typeof server === 'string') {
        code = server;
        continue;
      }
      const got = { ...wanted, port: (server.address() as { port: number }).port };
      if (listener.autoPort || wanted.port === 0) this.#chosen.set(memory, got.port);
      opened.push(addressOf(got).text);
      return got;
    }
    return code;
  }

  async #bind(address: AddressConfig, backlog: number | null, into = this.#servers): Promise<Server | string> {
    let at = addressOf(address).text;
    const server = await bind(address, (socket) => this.#onConnection(at, socket), backlog);
    if (typeof server === 'string') return server;
    if (this.#closed) {
      server.close();
      return 'ECANCELED';
    }
    if (address.kind === 'ip') at = addressOf({ ...address, port: (server.address() as { port: number }).port }).text;
    into.set(at, server);
    return server;
  }

  #close(at: string, from = this.#servers): void {
    // The listening ends at once; connections that were accepted hold nothing open.
    from.get(at)?.close();
    from.delete(at);
  }
}
