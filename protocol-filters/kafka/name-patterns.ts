import { KeyPattern, PATTERN_KEY_BYTES } from '../../src/digest/keys/key-pattern.ts';

const MOST = PATTERN_KEY_BYTES + 1;
/** One for all: used within one call. */
const pattern = new KeyPattern();

/** The pattern of a name that stands in a digest: `tx-*` of `tx-17`. Room of its own, made when a name is first met. */
export class NamePattern {
  bytes: Uint8Array = NOTHING;
  length = 0;
  /** There are more names of the kind than this one. */
  isFirstOfMany = false;

  clear(): void {
    this.length = 0;
    this.isFirstOfMany = false;
  }

  /** The first one stays. */
  set(buf: Uint8Array, start: number, end: number): void {
    if (this.length > 0) {
      this.isFirstOfMany = true;
      return;
    }
    if (end <= start) return;
    pattern.of(buf, start, end);
    if (this.bytes.length === 0) this.bytes = new Uint8Array(MOST);
    this.length = pattern.length;
    for (let i = 0; i < pattern.length; i++) this.bytes[i] = pattern.bytes[i]!;
  }

  get text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.length).toString('utf8');
  }
}

const NOTHING = new Uint8Array(0);

/** What a request names beside topics. */
export class Names {
  readonly group = new NamePattern();
  readonly transactionalId = new NamePattern();

  get isEmpty(): boolean {
    return this.group.length === 0 && this.transactionalId.length === 0;
  }

  clear(): void {
    this.group.clear();
    this.transactionalId.clear();
  }
}

export const NO_NAMES = new Names();
