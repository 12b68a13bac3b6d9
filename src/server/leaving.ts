import type { Connection } from '../net/connection.ts';
import type { Listener } from '../net/listener.ts';
import type { StatsRegistry } from '../stats/registry.ts';

/** A connection, and the listener with whose chain it began. */
export interface Served {
  readonly connection: Connection;
  readonly listener: Listener;
}

/**
 * Connections that cannot come under what their listener enforces since a reload: they began in a gear in which nothing can
 * be held, or without the link. They leave at their next quiet point, with the protocol's farewell, and at once where no
 * quiet point will come because nobody can read them any more (docs/decisions/0014).
 */
export class Leaving {
  readonly #stats: StatsRegistry;
  readonly #log: (message: string) => void;
  readonly #connections = new Set<Connection>();

  constructor(stats: StatsRegistry, log: (message: string) => void) {
    this.#stats = stats;
    this.#log = log;
  }

  /** Looks at the connections of a listener whose configuration has changed. */
  look(listener: Listener, served: Iterable<Served>): void {
    const { name, builders } = listener.options;
    const enforcing = builders.filter((builder) => builder.enforces?.() === true);
    const left = [...served].filter(({ connection, listener: began }) => {
      if (connection.facts.listener !== name || this.#connections.has(connection)) return false;
      const lacks = enforcing.some((builder) => !began.options.builders.includes(builder));
      return lacks || connection.chain.filters.some((link) => link.stale === true);
    });
    if (left.length === 0) return;
    const count = left.length === 1 ? '1 connection' : `${left.length} connections`;
    this.#log(`listener ${name}: ${count} from before what it enforces now: each leaves at its next quiet point`);
    for (const { connection, listener: began } of left) {
      this.#connections.add(connection);
      this.#stats.add(began.ownIds.awaiting_policy, 1);
      if (connection.facts.opaque === '') connection.drain();
      else connection.close('flush', 'policy_reload');
    }
  }

  closed({ connection, listener }: Served): void {
    if (this.#connections.delete(connection)) this.#stats.add(listener.ownIds.awaiting_policy, -1);
  }
}
