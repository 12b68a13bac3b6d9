import { type OwnAddresses, upstreamOf } from './host-port.ts';

/** A longer host is none. */
const MAX_HOST_BYTES = 255;

/**
 * Where replies are not rewritten: does one name a broker by an address that is not this proxy's? Told of each address in the order
 * of the reply, host before port, and of its end.
 */
export class BypassHints {
  readonly #own: OwnAddresses;
  readonly #local: string;
  readonly #onHint: () => void;
  #host = '';
  #leadsPast = false;

  constructor(own: OwnAddresses, local: string, onHint: () => void) {
    this.#own = own;
    this.#local = local;
    this.#onHint = onHint;
  }

  /** A host; start -1 or start = end: there is none. */
  host(buf: Buffer, start: number, end: number): void {
    if (this.#leadsPast) return;
    this.#host = start < 0 ? '' : buf.toString('latin1', start, Math.min(end, start + MAX_HOST_BYTES));
  }

  port(port: number): void {
    if (this.#leadsPast || this.#host === '' || port <= 0) return;
    const upstream = upstreamOf(this.#host, port);
    this.#leadsPast = upstream === '' || !this.#own.has(upstream, this.#local);
  }

  /** The end of a reply. */
  end(): void {
    if (this.#leadsPast) this.#onHint();
    this.#leadsPast = false;
    this.#host = '';
  }
}
