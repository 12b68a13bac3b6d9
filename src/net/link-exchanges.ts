import type { Exchange, ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import type { ConfirmedFacts, SessionFacts } from '../exchange/session-facts.ts';
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
  /** Of these, those that have ended, though the client may not have taken all of the reply. */
  ended = 0;
  readonly #env: ExchangeEnv;
  readonly #connection: ConnectionHandle;
  readonly #facts: SessionFacts;
  /** Ended by the session while their reply was still held by the host. */
  readonly #ending: Exchange[] = [];
  /** Of the first of these, the facts under which they ended: others have been confirmed since. */
  readonly #endingUnder: Readonly<ConfirmedFacts>[] = [];
  /** Ended, while the client has not taken all of their replies. */
  readonly #waiting = new Set<Waiting>();
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
    this.ended++;
    this.#ending.push(x);
  }

  flushEnding(): void {
    if (this.#ending.length === 0) return;
    const under = this.#endingUnder.splice(0);
    for (const [place, x] of this.#ending.splice(0).entries()) this.#deliver(x, under[place] ?? null);
  }

  /** Facts are about to change: what has ended is told under those of now, whenever that will be. */
  keepFacts(): void {
    if (this.#ending.length === 0 && this.#waiting.size === 0) return;
    const facts = confirmedOf(this.#facts);
    while (this.#endingUnder.length < this.#ending.length) this.#endingUnder.push(facts);
    for (const waiting of this.#waiting) waiting.under ??= facts;
  }

  end(x: Exchange): void {
    this.ended++;
    this.#deliver(x, null);
  }

  /** An exchange whose reply the client has not taken yet is told when it has. */
  #deliver(x: Exchange, under: Readonly<ConfirmedFacts> | null): void {
    const connection = this.#connection;
    if (connection.pendingWrite === 0 || x.replyLastByteAt === 0) {
      x.acceptedAt = x.replyLastByteAt;
      this.#tell(x, under);
      return;
    }
    const waiting: Waiting = { under };
    this.#waiting.add(waiting);
    connection.whenFlushed(() => {
      this.#waiting.delete(waiting);
      if (!connection.closed) x.acceptedAt = this.#env.clock.now();
      this.#tell(x, waiting.under);
    });
  }

  #tell(x: Exchange, under: Readonly<ConfirmedFacts> | null): void {
    const { observer } = this.#env;
    if (under === null) {
      observer.end(x);
      return;
    }
    const facts = this.#facts;
    const today = confirmedOf(facts);
    observer.settle?.();
    Object.assign(facts, under, { scope: -1 });
    observer.end(x);
    observer.settle?.();
    Object.assign(facts, today, { scope: -1 });
  }
}

interface Waiting {
  /** Null: the facts are still those under which it ended. */
  under: Readonly<ConfirmedFacts> | null;
}

function confirmedOf(facts: SessionFacts): Required<ConfirmedFacts> {
  const { user, database, application, driver, serverVersion, kind, tls, traceparent } = facts;
  return { user, database, application, driver, serverVersion, kind, tls, traceparent };
}
