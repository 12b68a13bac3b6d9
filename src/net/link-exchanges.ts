import type { Exchange, ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import type { ConnectionHandle } from './filter.ts';
import type { Clock } from './transport.ts';

interface ExchangeEnv {
  readonly clock: Clock;
  readonly observer: ExchangeObserver;
  readonly pool: ExchangePool;
}

/** The exchanges of one connection, from the pool to the observer, who gives them back. */
export class LinkExchanges {
  /** Begun so far. */
  begun = 0;
  readonly #env: ExchangeEnv;
  readonly #connection: ConnectionHandle;
  readonly #facts: SessionFacts;
  /** Ended by the session while their reply was still held by the host. */
  readonly #ending: Exchange[] = [];
  #taken = 0;

  constructor(env: ExchangeEnv, connection: ConnectionHandle) {
    this.#env = env;
    this.#connection = connection;
    this.#facts = connection.facts;
  }

  take(now: number): Exchange {
    const x = this.#env.pool.take();
    x.session = this.#facts;
    x.seq = ++this.#taken;
    x.requestFirstByteAt = x.requestLastByteAt = now;
    return x;
  }

  drop(x: Exchange): void {
    this.#env.pool.give(x);
  }

  begin(x: Exchange): void {
    this.begun++;
    this.#env.observer.begin(x);
  }

  progress(x: Exchange): void {
    this.#env.observer.progress(x);
  }

  /** Its reply leaves with what the host lets go next: flushEnding() follows. */
  endLater(x: Exchange): void {
    this.#ending.push(x);
  }

  flushEnding(): void {
    if (this.#ending.length > 0) for (const x of this.#ending.splice(0)) this.end(x);
  }

  /** An exchange whose reply the client has not taken yet is told when it has. */
  end(x: Exchange): void {
    const connection = this.#connection;
    if (connection.pendingWrite === 0 || x.replyLastByteAt === 0) {
      x.acceptedAt = x.replyLastByteAt;
      this.#env.observer.end(x);
      return;
    }
    connection.whenFlushed(() => {
      if (!connection.closed) x.acceptedAt = this.#env.clock.now();
      this.#env.observer.end(x);
    });
  }
}
