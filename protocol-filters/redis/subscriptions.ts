import { PushKind } from './push-kind.ts';

/**
 * What a connection is subscribed to, as the server counts it: its confirmations say how many channels and patterns there
 * are together, and how many shard channels.
 */
export class Subscriptions {
  #channels = 0;
  #patterns = 0;
  #shards = 0;

  /** Messages may come. */
  get any(): boolean {
    return this.#channels + this.#patterns + this.#shards > 0;
  }

  /** A confirmation, with the count that stands in it. */
  confirm(kind: PushKind, count: number): void {
    const change = count - this.#channels - this.#patterns;
    switch (kind) {
      case PushKind.subscribe:
      case PushKind.unsubscribe:
        this.#channels = Math.max(0, this.#channels + change);
        return;
      case PushKind.psubscribe:
      case PushKind.punsubscribe:
        this.#patterns = Math.max(0, this.#patterns + change);
        return;
      case PushKind.ssubscribe:
      case PushKind.sunsubscribe:
        this.#shards = Math.max(0, count);
        return;
    }
  }

  /** How many there are of what this kind of confirmation is about. */
  of(kind: PushKind): number {
    if (kind === PushKind.subscribe || kind === PushKind.unsubscribe) return this.#channels;
    if (kind === PushKind.psubscribe || kind === PushKind.punsubscribe) return this.#patterns;
    return this.#shards;
  }

  clear(): void {
    this.#channels = this.#patterns = this.#shards = 0;
  }
}
