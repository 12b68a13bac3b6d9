import type { ConnectionLimitConfig } from '../config/connection-limit-schema.ts';
import {
  type ConnectionEvent,
  type ConnectionHandle,
  type FilterBuilder,
  FilterStatus,
  type NetworkFilter,
} from '../net/filter.ts';
import type { Clock, Timer } from '../net/transport.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../stats/registry.ts';

/** Envoy's connection_limit. */
export const connectionLimitStats = statGroup('connection_limit.<stat_prefix>.', {
  limited_connections: { kind: 'counter', help: 'Connections closed because there were too many.' },
  active_connections: {
    kind: 'gauge',
    help: 'Connections that the filter counts, refused ones too until they are closed.',
  },
});

export interface ConnectionLimitEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly workers: number;
}

/** Closes connections above `max_connections`, of which each worker has its share (rounded up). */
export function connectionLimit(config: ConnectionLimitConfig, env: ConnectionLimitEnv): FilterBuilder {
  const shared = new Shared(config, env);
  return Object.assign(
    ({ connection }: { connection: ConnectionHandle }): NetworkFilter =>
      new ConnectionLimit(shared, env.clock, connection),
    {
      update: (next: Readonly<Record<string, unknown>> | null) => {
        shared.use((next as ConnectionLimitConfig | null) ?? { ...shared.config, runtime_enabled: false });
        return true;
      },
    },
  );
}

/** What the links of one filter share. */
class Shared {
  config: ConnectionLimitConfig;
  active = 0;
  readonly #env: ConnectionLimitEnv;
  #ids: StatIds<keyof typeof connectionLimitStats.stats>;

  constructor(config: ConnectionLimitConfig, env: ConnectionLimitEnv) {
    this.#env = env;
    this.config = config;
    this.#ids = this.#open();
  }

  /** Connections that there are stay. */
  use(config: ConnectionLimitConfig): void {
    this.#gauge(-this.active);
    this.config = config;
    this.#ids = this.#open();
    this.#gauge(this.active);
  }

  /** False: it is one too many. */
  enter(): boolean {
    this.active++;
    this.#gauge(1);
    if (this.active <= Math.ceil(this.config.max_connections / this.#env.workers)) return true;
    this.#env.stats.inc(this.#ids.limited_connections);
    return false;
  }

  leave(): void {
    this.active--;
    this.#gauge(-1);
  }

  #open(): StatIds<keyof typeof connectionLimitStats.stats> {
    return this.#env.stats.open(connectionLimitStats, { stat_prefix: this.config.stat_prefix });
  }

  #gauge(by: number): void {
    this.#env.stats.add(this.#ids.active_connections, by);
  }
}

class ConnectionLimit implements NetworkFilter {
  readonly name = 'envoy.filters.network.connection_limit';
  readonly #shared: Shared;
  readonly #clock: Clock;
  readonly #connection: ConnectionHandle;
  #counted = false;
  #refused = false;
  #delay: Timer | null = null;

  constructor(shared: Shared, clock: Clock, connection: ConnectionHandle) {
    this.#shared = shared;
    this.#clock = clock;
    this.#connection = connection;
  }

  onNewConnection(): FilterStatus {
    const { config } = this.#shared;
    if (!config.runtime_enabled) return FilterStatus.Continue;
    this.#counted = true;
    if (this.#shared.enter()) return FilterStatus.Continue;
    this.#refused = true;
    if (config.delay > 0) this.#delay = this.#clock.after(config.delay, () => this.#close());
    else this.#close();
    return FilterStatus.StopIteration;
  }

  onData(): FilterStatus {
    return this.#refused ? FilterStatus.StopIteration : FilterStatus.Continue;
  }

  onEvent(event: ConnectionEvent): void {
    if (event === 'connected' || !this.#counted) return;
    this.#counted = false;
    this.#delay?.cancel();
    this.#shared.leave();
  }

  #close(): void {
    this.#connection.close('no_flush', 'over_connection_limit');
  }
}
