import type { Request } from './request.ts';

/** Requests of one connection that wait for their reply, oldest first: brokers answer in this order. */
export class Pending {
  size = 0;
  /** Topics told apart in all of them. */
  touches = 0;
  oldest: Request | null = null;
  #newest: Request | null = null;

  push(request: Request): void {
    request.next = null;
    if (this.#newest === null) this.oldest = request;
    else this.#newest.next = request;
    this.#newest = request;
    this.size++;
    request.heldTouches = request.touched;
    this.touches += request.touched;
  }

  /** Takes the oldest out. */
  shift(): void {
    const request = this.oldest;
    if (request === null) return;
    this.oldest = request.next;
    if (this.oldest === null) this.#newest = null;
    request.next = null;
    this.size--;
    this.touches -= request.heldTouches; // a reply may have added some
  }
}
