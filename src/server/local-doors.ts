import type { Snapshot } from '../config/snapshot.ts';
import { DoorBook } from '../net/door-book.ts';
import type { Clock } from '../net/transport.ts';
import type { DataPlane, ListenerInfo } from './data-plane.ts';
import { DoorKeeper } from './door-keeper.ts';
import type { Logger } from './log.ts';

export interface LocalDoorsOptions {
  readonly log: Logger;
  readonly clock: Pick<Clock, 'now'>;
  /** Other doors are there than before. */
  onChange(): void;
}

/** The doors of a data plane in this process, which listens itself. */
export class LocalDoors {
  readonly book: DoorBook;
  readonly #keeper: DoorKeeper;
  #plane: DataPlane | null = null;

  constructor({ log, clock, onChange }: LocalDoorsOptions) {
    this.book = new DoorBook((wanted) => this.#keeper.ask(wanted), clock);
    this.#keeper = new DoorKeeper({
      log,
      now: () => clock.now(),
      portOf: ({ name }) => portOf(this.#plane?.listeners().find((one) => one.name === name)),
      open: async (door) => {
        const others = this.#keeper.open.filter(
          ({ listener, port }) => listener !== door.listener || port !== door.port,
        );
        const failures = await this.#plane?.setDoors([...others, door]);
        return failures?.find(({ port }) => port === door.port)?.code ?? null;
      },
      close: () => void this.#plane?.setDoors(this.#keeper.open),
      spread: () => Promise.resolve(),
      tell: (refused) => {
        this.book.know(this.#keeper.known, refused);
        onChange();
      },
    });
  }

  /** Whose doors these are; before everything else. */
  attach(plane: DataPlane): void {
    this.#plane = plane;
  }

  /** Applies the snapshot to the plane, with the doors that it has use for. */
  async apply(snapshot: Snapshot): Promise<Awaited<ReturnType<DataPlane['apply']>>> {
    this.#keeper.take(snapshot);
    this.book.know(this.#keeper.known);
    const failures = (await this.#plane?.apply(snapshot, this.#keeper.open)) ?? [];
    this.#keeper.begin();
    return failures;
  }

  get addresses(): readonly ListenerInfo[] {
    return this.#keeper.addresses;
  }

  close(): void {
    this.#keeper.close();
    this.book.giveUp();
  }
}

/** 0 for a unix socket, and for a listener that is not there. */
const portOf = (info: ListenerInfo | undefined): number => Number(/:(\d+)$/.exec(info?.address ?? '')?.[1] ?? 0);
