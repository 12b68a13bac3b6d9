import { DigestIndex } from '../../src/digest/keys/digest-index.ts';
import { KeyPattern } from '../../src/digest/keys/key-pattern.ts';
import { scriptSha } from '../../src/digest/keys/script-sha.ts';
import type { Confidence, Digest, DigestCache, Target } from '../../src/exchange/digest.ts';
import type { Args } from './args.ts';
import { KEY_VERBS } from './command-verbs.ts';
import { COMMANDS, type CommandInfo, type NamedBy } from './commands.ts';
import type { FoundKeys } from './found-keys.ts';
import { libraryName, SpanOf } from './library-name.ts';

const PROTOCOL = 'redis';
/** Digests of one command that are told apart by a name; beyond, its name is `*`. */
const NAMES_PER_COMMAND = 64;
/** Share of them for patterns as they are; the rest is for patterns of which the first part alone is kept: `user:*`. */
const WHOLE_PATTERNS = 0.75;
const SHA_BYTES = 40;
const MAX_NAME_BYTES = 64;
const MODULE_NAME_BYTES = 32;
/** Scopes of the index that are no command's: names of unknown commands. */
const UNKNOWN_SCOPE = COMMANDS.length;
const STAR = Uint8Array.of(0x2a);

/**
 * The digests of a filter chain: command and subcommand with the key's pattern (`GET user:*`), the channel's, the script's
 * SHA-1, the function's or the library's name. Of several keys the first counts. Each command has a bounded number of names.
 * A digest seen before costs no allocation.
 */
export class RedisDigests {
  readonly #cache: DigestCache;
  readonly #index = new DigestIndex();
  readonly #pattern = new KeyPattern();
  readonly #span = new SpanOf();
  readonly #bytes = new Uint8Array(MAX_NAME_BYTES);
  /** Names taken, by command; those of unknown commands last. */
  readonly #names = new Uint16Array(COMMANDS.length + 1);
  readonly #most: number;
  readonly #keyless: (Digest | null)[] = COMMANDS.map(() => null);
  readonly #facts = COMMANDS.map(factsOf);
  #unknown: Digest | null = null;

  /** `namesPerCommand`: 1 to 1024. */
  constructor(cache: DigestCache, namesPerCommand = NAMES_PER_COMMAND) {
    this.#cache = cache;
    this.#most = Math.max(1, Math.min(1024, namesPerCommand));
  }

  /** Of a whole command: named by what its table says names it. `found`: its keys. */
  request(info: CommandInfo, args: Args, found: FoundKeys): Digest {
    const at = info.nameAt > 0 ? info.nameAt : found.first;
    if (at === 0 || at >= args.argc) return this.keyless(info);
    if (at >= args.held) return this.#folded(info);
    const start = args.start[at]!;
    const end = start + args.length[at]!;
    switch (info.namedBy) {
      case 'key':
      case 'channel':
        return this.of(info, args.buf, start, end);
      case 'script':
        return args.whole(at) ? this.#script(info, args.buf, start, end) : this.#folded(info);
      case 'sha':
        return this.#sha(info, args.buf, start, end);
      case 'function':
        return this.#name(info, args.buf, start, end);
      case 'library':
        return libraryName(args, at, this.#span)
          ? this.#name(info, args.buf, this.#span.start, this.#span.end)
          : this.#folded(info);
      case 'nothing':
        return this.keyless(info);
    }
  }

  /** Of a command and the key or channel buf[start..end). */
  of(info: CommandInfo, buf: Uint8Array, start: number, end: number): Digest {
    const pattern = this.#pattern;
    pattern.of(buf, start, end);
    const { bytes, length, head } = pattern;
    const known = this.#index.find(info.slot, bytes, 0, length);
    if (known >= 0) return this.#at(known, info);
    if (this.#names[info.slot]! < this.#most * WHOLE_PATTERNS && !this.#index.full)
      return this.#add(info, bytes, length);
    if (head === 0) return this.#folded(info);
    bytes[head] = STAR[0]!;
    return this.#named(info, bytes, head + 1);
  }

  /** Of a command alone. */
  keyless(info: CommandInfo): Digest {
    const known = this.#keyless[info.slot]!;
    if (known !== null && this.#cache.holds(known)) return known;
    const digest = this.#cache.named(PROTOCOL, info.text, info.text, this.#facts[info.slot]!(''));
    this.#keyless[info.slot] = digest;
    return digest;
  }

  /**
   * Of a command that the table does not have. Its name may be anything, a password typed in the wrong place too: only
   * those that were learned are told.
   */
  unknown(buf: Uint8Array, start: number, end: number): Digest {
    const length = moduleName(buf, start, end, this.#bytes);
    const known = length > 0 ? this.#index.find(UNKNOWN_SCOPE, this.#bytes, 0, length) : -1;
    return known < 0 ? this.#nameless() : this.#learned(known);
  }

  isNameless(digest: Digest): boolean {
    return digest === this.#unknown;
  }

  /** The name in upper case where it is like a module's, `JSON.GET`; else ''. */
  moduleName(buf: Uint8Array, start: number, end: number): string {
    return text(this.#bytes, moduleName(buf, start, end, this.#bytes));
  }

  /** The server has served the command of this moduleName(): it is one. */
  learn(name: string): Digest {
    const bytes = Buffer.from(name, 'latin1');
    const known = this.#index.find(UNKNOWN_SCOPE, bytes, 0, bytes.length);
    if (known >= 0) return this.#learned(known);
    if (this.#names[UNKNOWN_SCOPE]! >= this.#most || this.#index.full) return this.#nameless();
    const digest = this.#cache.named(PROTOCOL, name, name, UNKNOWN_FACTS);
    this.#index.add(UNKNOWN_SCOPE, bytes, 0, bytes.length, digest);
    this.#names[UNKNOWN_SCOPE]!++;
    return digest;
  }

  #learned(number: number): Digest {
    const digest = this.#index.digestAt(number);
    if (this.#cache.holds(digest)) return digest;
    const anew = this.#cache.named(PROTOCOL, digest.text, digest.text, UNKNOWN_FACTS);
    this.#index.renew(number, anew);
    return anew;
  }

  #nameless(): Digest {
    if (this.#unknown === null || !this.#cache.holds(this.#unknown))
      this.#unknown = this.#cache.named(PROTOCOL, 'UNKNOWN', 'UNKNOWN', UNKNOWN_FACTS);
    return this.#unknown;
  }

  /** The body's own bytes lead to its sha: a script sent again is not hashed again. */
  #script(info: CommandInfo, buf: Uint8Array, start: number, end: number): Digest {
    const known = this.#index.find(info.slot, buf, start, end);
    if (known >= 0) {
      const digest = this.#index.digestAt(known);
      if (this.#cache.holds(digest)) return digest;
    } else if (this.#isFull(info)) return this.#folded(info);
    const sha = scriptSha(buf, start, end);
    const digest = this.#make(info, sha);
    if (known >= 0) this.#index.renew(known, digest);
    else {
      this.#index.add(info.slot, buf, start, end, digest);
      this.#names[info.slot]!++;
    }
    return digest;
  }

  #sha(info: CommandInfo, buf: Uint8Array, start: number, end: number): Digest {
    if (end - start !== SHA_BYTES) return this.#folded(info);
    for (let i = 0; i < SHA_BYTES; i++) {
      const byte = buf[start + i]!;
      const isDigit = byte >= 0x30 && byte <= 0x39;
      const lower = byte | 0x20;
      if (!isDigit && (lower < 0x61 || lower > 0x66)) return this.#folded(info);
      this.#bytes[i] = isDigit ? byte : lower;
    }
    return this.#named(info, this.#bytes, SHA_BYTES);
  }

  /** Functions and libraries: letters, digits and underscores, or the server refuses them. */
  #name(info: CommandInfo, buf: Uint8Array, start: number, end: number): Digest {
    const length = end - start;
    if (length === 0 || length > MAX_NAME_BYTES) return this.#folded(info);
    for (let i = 0; i < length; i++) {
      const byte = buf[start + i]!;
      if (!isWordByte(byte)) return this.#folded(info);
      this.#bytes[i] = byte;
    }
    return this.#named(info, this.#bytes, length);
  }

  /** By a name that counts, or `*`. */
  #named(info: CommandInfo, bytes: Uint8Array, length: number): Digest {
    const known = this.#index.find(info.slot, bytes, 0, length);
    if (known >= 0) return this.#at(known, info);
    return this.#isFull(info) ? this.#folded(info) : this.#add(info, bytes, length);
  }

  #isFull(info: CommandInfo): boolean {
    return this.#names[info.slot]! >= this.#most || this.#index.full;
  }

  #folded(info: CommandInfo): Digest {
    const known = this.#index.find(info.slot, STAR, 0, 1);
    if (known >= 0) return this.#at(known, info);
    const digest = this.#make(info, '*');
    this.#index.add(info.slot, STAR, 0, 1, digest);
    return digest;
  }

  #at(number: number, info: CommandInfo): Digest {
    const digest = this.#index.digestAt(number);
    if (this.#cache.holds(digest)) return digest;
    const anew = this.#make(info, digest.text.slice(info.text.length + 1));
    this.#index.renew(number, anew);
    return anew;
  }

  /** Adds what find() just did not find. */
  #add(info: CommandInfo, bytes: Uint8Array, length: number): Digest {
    const digest = this.#make(info, text(bytes, length));
    this.#index.add(info.slot, bytes, 0, length, digest);
    this.#names[info.slot]!++;
    return digest;
  }

  #make(info: CommandInfo, name: string): Digest {
    const shown = name === '' ? '""' : name;
    return this.#cache.named(PROTOCOL, info.text, `${info.text} ${shown}`, this.#facts[info.slot]!(shown));
  }
}

type Facts = Pick<Digest, 'targets' | 'confidence'>;
const UNKNOWN_FACTS: Facts = { targets: [], confidence: 'none' };

const text = (bytes: Uint8Array, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8');

const isWordByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || byte === 0x5f;

/** Copies a name such as `json.get` in upper case; its length, or 0 where it is none. */
function moduleName(buf: Uint8Array, start: number, end: number, to: Uint8Array): number {
  const length = end - start;
  if (length < 3 || length > MODULE_NAME_BYTES) return 0;
  let dot = 0;
  for (let i = 0; i < length; i++) {
    const byte = buf[start + i]!;
    if (byte === 0x2e) {
      if (dot > 0 || i < 2) return 0;
      dot = i;
    } else if (!isWordByte(byte) || (i === 0 && byte < 0x41)) return 0;
    to[i] = byte >= 0x61 && byte <= 0x7a ? byte ^ 0x20 : byte;
  }
  return dot > 0 && dot < length - 1 ? length : 0;
}

/** Nobody knows what a script touches, or which keys data names. */
const SURE: Readonly<Record<NamedBy, Confidence>> = {
  key: 'parsed',
  channel: 'parsed',
  nothing: 'parsed',
  script: 'partial',
  sha: 'partial',
  function: 'partial',
  library: 'parsed',
};

/** The facts of a command's digests, by name: `''` for the command alone. */
function factsOf(info: CommandInfo): (name: string) => Facts {
  const operations = KEY_VERBS.filter(([, bits]) => (info.access & bits) !== 0).map(([verb]): string => verb);
  const hasTargets = info.namedBy === 'key' || info.namedBy === 'channel';
  if (info.namedBy === 'channel') operations.splice(0, 9, info.name.endsWith('publish') ? 'publish' : 'subscribe');
  const isOpen = info.keySpecs.some(({ at }) => at === null);
  const confidence = isOpen ? 'partial' : SURE[info.namedBy];
  const none: readonly Target[] = [];
  return (name) => ({
    targets: hasTargets && name !== '' ? [{ schema: '', name, operations }] : none,
    confidence,
  });
}
