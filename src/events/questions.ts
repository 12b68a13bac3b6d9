import type { Clock, Timer } from '../net/transport.ts';
import { type Channel, Frame, readJson } from './channel.ts';

interface Open {
  readonly channel: Channel;
  readonly timer: Timer;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Questions to workers that wait for their answers. Each ends exactly once: answered, refused, late, or its worker lost. */
export class Questions {
  readonly #clock: Clock;
  readonly #open = new Map<number, Open>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ask(channel: Channel, question: unknown, timeoutMs: number): Promise<unknown> {
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(timeoutMs, () => this.#take(id)?.reject(new Error('no answer in time')));
      this.#open.set(id, { channel, timer, resolve, reject });
      const text = JSON.stringify(question);
      const payload = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
      payload.writeUInt32LE(id, 0);
      payload.write(text, 4);
      channel.send(Frame.ask, payload);
    });
  }

  /** A reply frame. False: it makes no sense; a late answer does, and is dropped. */
  answered(channel: Channel | null, payload: Buffer): boolean {
    if (payload.length < 5) return false;
    const said = readJson(payload, 4);
    if (typeof said !== 'object' || said === null) return false;
    const id = payload.readUInt32LE(0);
    if (this.#open.get(id)?.channel !== channel) return true;
    const question = this.#take(id);
    if ('error' in said) question?.reject(new Error(String(said.error)));
    else question?.resolve('answer' in said ? said.answer : undefined);
    return true;
  }

  lost(channel: Channel): void {
    for (const [id, question] of this.#open) {
      if (question.channel === channel) this.#take(id)?.reject(new Error('the worker went away'));
    }
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.#take(id)?.reject(new Error('closed'));
  }

  #take(id: number): Open | undefined {
    const question = this.#open.get(id);
    this.#open.delete(id);
    question?.timer.cancel();
    return question;
  }
}
