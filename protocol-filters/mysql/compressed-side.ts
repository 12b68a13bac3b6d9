import { Decompressor, type PlainSink } from './compression.ts';
import type { Conversation } from './conversation.ts';
import { Phase } from './conversation.ts';
import type { Packets } from './packets.ts';

/** One direction of a compressed connection: frames in, packets out. */
export class CompressedSide implements PlainSink {
  readonly #talk: Conversation;
  readonly #packets: Packets;
  readonly #frames: Decompressor;

  constructor(talk: Conversation, algorithm: 'zlib' | 'zstd', packets: Packets) {
    this.#talk = talk;
    this.#packets = packets;
    this.#frames = new Decompressor(algorithm, this);
    // Servers let the ids of packets run on with those of frames: they have gaps, and only those of frames can be checked.
    packets.unchecked = true;
  }

  get inside(): boolean {
    return this.#frames.inside;
  }

  push(buf: Buffer, start: number, end: number): void {
    if (this.#frames.push(buf, start, end)) return;
    this.#frames.release();
    const { fault } = this.#frames;
    if (fault === 'out_of_order') this.#talk.faultSequence();
    else if (fault !== null) this.#talk.fault(fault);
  }

  release(): void {
    this.#frames.release();
  }

  onPlain(buf: Buffer, start: number, end: number): boolean {
    this.#packets.push(buf, start, end, this.#talk.host.now());
    // Frames of one packet follow each other; where a packet ends, another side's turn or a command may begin anew.
    if (!this.#packets.inside) this.#frames.expected = -1;
    return this.#talk.phase !== Phase.over;
  }
}
