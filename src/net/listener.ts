import type { ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { Connection, type ConnectionEnv } from './connection.ts';
import type { FilterBuilder } from './filter.ts';
import { listenerOwnStats, listenerStats } from './listener-stats.ts';
import type { Address, Clock, Transport } from './transport.ts';

export interface ListenerOptions {
  readonly name: string;
  readonly statPrefix: string;
  readonly addresses: readonly Address[];
  readonly bufferLimitBytes: number;
  /** The protocol whose facts the connections carry; `tcp` without a protocol filter. */
  readonly protocol: string;
  /** Built once a listener; empty = every connection is closed. */
  readonly builders: readonly FilterBuilder[];
  /** Told of connections without a protocol filter, whose link tells it otherwise; null: nobody wants to know of them. */
  readonly sessions?: Pick<ExchangeObserver, 'sessionStart' | 'sessionEnd'> | null;
}

export interface ListenerEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly pool: ExchangePool;
  nextConnectionId(): number;
  /** False when the worker is at its connection limit. */
  mayAccept(): boolean;
  onOpened(connection: Connection): void;
  onClosed(connection: Connection): void;
  onBug(where: string, error: unknown): void;
}

/** Gives each connection that is accepted for it its chain. Where it is accepted stands in listener-doors.ts. */
export class Listener {
  readonly options: ListenerOptions;
  readonly ids: StatIds<keyof typeof listenerStats.stats>;
  readonly ownIds: StatIds<keyof typeof listenerOwnStats.stats>;
  readonly #env: ListenerEnv;
  readonly #connectionEnv: ConnectionEnv;

  constructor(options: ListenerOptions, env: ListenerEnv) {
    this.options = options;
    this.#env = env;
    const part = { address: options.statPrefix || options.addresses[0]!.text };
    this.ids = env.stats.open(listenerStats, part);
    this.ownIds = env.stats.open(listenerOwnStats, part);
    this.#connectionEnv = {
      clock: env.clock,
      stats: env.stats,
      listenerIds: this.ids,
      bufferLimitBytes: options.bufferLimitBytes,
      onBug: (_connection, error) => {
        env.stats.inc(this.ownIds.internal_errors);
        env.onBug(options.name, error);
      },
      onClosed: (connection) => this.#closed(connection),
    };
  }

  /**
   * Everything that a new connection can do to us ends here: accepting goes on whatever happens. `door`: the upstream host
   * that the address leads to by which it came.
   */
  accept(transport: Transport, door: string | null = null): void {
    let connection: Connection;
    try {
      if (!this.#admits(transport)) return;
      connection = this.#connection(transport, door);
    } catch (error) {
      this.#connectionEnv.onBug(null, error);
      transport.destroy();
      return;
    }
    this.#env.stats.inc(this.ids.downstream_cx_total);
    this.#env.stats.add(this.ids.downstream_cx_active, 1);
    this.#env.onOpened(connection);
    this.options.sessions?.sessionStart(connection.facts);
    connection.start();
  }

  #admits(transport: Transport): boolean {
    const { stats } = this.#env;
    if (!this.#env.mayAccept()) stats.inc(this.ids.downstream_cx_overflow);
    else if (this.options.builders.length === 0) stats.inc(this.ids.no_filter_chain_match);
    else return true;
    transport.destroy();
    return false;
  }

  #connection(transport: Transport, door: string | null): Connection {
    const facts = new SessionFacts(
      this.#env.nextConnectionId(),
      this.options.protocol,
      this.options.name,
      transport.remote.text,
      transport.local.text,
      this.#env.clock.wall(),
    );
    return new Connection(this.#connectionEnv, transport, facts, this.options.builders, door);
  }

  #closed(connection: Connection): void {
    const { stats, clock } = this.#env;
    stats.add(this.ids.downstream_cx_active, -1);
    stats.inc(this.ids.downstream_cx_destroy);
    stats.histogram(this.ids.downstream_cx_length_ms).record((clock.now() - connection.info.startedAt) / 1000);
    this.options.sessions?.sessionEnd(connection.facts, connection.info.closeReason, connection.info);
    this.#env.onClosed(connection);
  }
}
