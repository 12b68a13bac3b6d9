import type { RealRedis } from './real-redis.ts';
import type { Reply } from './redis-wire.ts';

/** An argument as COMMAND DOCS describes it. */
interface DocArgument {
  readonly name: string;
  readonly type: string;
  readonly token: string | undefined;
  readonly flags: ReadonlySet<string>;
  readonly parts: readonly DocArgument[];
}

/** A number from 0 up to and without 1. */
export type Random = () => number;

/** The same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const map = (reply: Reply | undefined): Map<string, Reply> => {
  const list = (reply ?? []) as Reply[];
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]!] as const] : [])));
};

function docArgument(reply: Reply): DocArgument {
  const doc = map(reply);
  const token = doc.get('token');
  return {
    name: String(doc.get('name')),
    type: String(doc.get('type')),
    token: token === undefined ? undefined : String(token),
    flags: new Set(((doc.get('flags') ?? []) as Reply[]).map(String)),
    parts: ((doc.get('arguments') ?? []) as Reply[]).map(docArgument),
  };
}

/** Words that key finding looks for, in places where they should not be. */
const KEYWORDS = [
  'store',
  'STOREDIST',
  'get',
  'GeT',
  'by',
  'streams',
  'STREAMS',
  'keys',
  'limit',
  'count',
  'auth',
  'set',
];
const KEYS = ['k', 'key:', '{tag}:', 'K'];
const NUMBERS = ['0', '-1', '2', '99', '9999999999999999999', 'x', '""'];

/**
 * Argument lists for any command, from the shapes that the server's own COMMAND DOCS describe: valid ones, and ones with a
 * small mistake. Every word that is not part of the syntax says its place: `k1`, `s2`; the empty argument is `""`.
 */
export class ArgumentLists {
  readonly #docs: ReadonlyMap<string, readonly DocArgument[]>;
  readonly #random: Random;
  #keys = 0;

  private constructor(docs: ReadonlyMap<string, readonly DocArgument[]>, random: Random) {
    this.#docs = docs;
    this.#random = random;
  }

  static async from(server: RealRedis, random: Random): Promise<ArgumentLists> {
    const docs = new Map<string, readonly DocArgument[]>();
    const add = (commands: Map<string, Reply>): void => {
      for (const [name, reply] of commands) {
        const doc = map(reply);
        docs.set(name, ((doc.get('arguments') ?? []) as Reply[]).map(docArgument));
        add(map(doc.get('subcommands')));
      }
    };
    add(map(await server.ask('command', 'docs')));
    return new ArgumentLists(docs, random);
  }

  /** One list for `get`, `config|set`: name and subcommand first. */
  valid(command: string): string[] {
    this.#keys = 0;
    const words = command.split('|');
    for (const argument of this.#docs.get(command) ?? []) this.#write(argument, words);
    return words;
  }

  /** The same with something wrong or odd in it. */
  odd(command: string): string[] {
    const words = this.valid(command);
    const head = command.split('|').length;
    const some = this.#below(words.length - head) + head;
    const other = this.#below(words.length - head) + head;
    switch (this.#below(7)) {
      case 0:
        if (words.length > head) words.length--;
        break;
      case 1:
        words.push(`x${words.length}`);
        break;
      case 2:
        words.splice(some, 1, this.#one(KEYWORDS));
        break;
      case 3:
        words.splice(some, 1, this.#one(NUMBERS));
        break;
      case 4:
        words.splice(some, 0, this.#one(KEYWORDS), `x${words.length}`);
        break;
      case 5:
        if (words.length > head) [words[some], words[other]] = [words[other]!, words[some]!];
        break;
      default:
        return words.map((word, i) => (i < head || /^[a-z]+$/i.test(word) ? this.#anyCase(word) : word));
    }
    return words;
  }

  #write(argument: DocArgument, words: string[]): void {
    if (argument.flags.has('optional') && this.#random() < 0.5) return;
    const times = argument.type === 'key' && this.#keys > 0 ? this.#keys : 1 + this.#below(3);
    for (let i = 0; i < (argument.flags.has('multiple') ? times : 1); i++) {
      if (argument.token !== undefined && (i === 0 || argument.flags.has('multiple_token')))
        words.push(argument.token === '' ? '""' : argument.token);
      this.#writeOne(argument, words);
    }
  }

  #writeOne(argument: DocArgument, words: string[]): void {
    switch (argument.type) {
      case 'pure-token':
        return;
      case 'oneof':
        this.#write(this.#one(argument.parts), words);
        return;
      case 'block':
        for (const part of argument.parts) this.#write(part, words);
        return;
      case 'integer':
        if (argument.name === 'numkeys') {
          this.#keys = 1 + this.#below(4);
          words.push(String(this.#keys));
        } else words.push(String(1 + this.#below(20)));
        return;
      case 'double':
        words.push(`${this.#below(9)}.5`);
        return;
      case 'key':
        words.push(this.#one(KEYS) + words.length);
        return;
      default:
        words.push(`${argument.type[0]}${words.length}`);
    }
  }

  #anyCase(word: string): string {
    return [...word].map((c) => (this.#random() < 0.5 ? c.toUpperCase() : c.toLowerCase())).join('');
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  #below(n: number): number {
    return n <= 0 ? 0 : Math.floor(this.#random() * n);
  }
}

/** The bytes that a list's words stand for. */
export const argumentsOf = (words: readonly string[]): string[] => words.map((word) => (word === '""' ? '' : word));

/** A key as the server finds it: which argument, and its flags (`RO access`). */
export interface ServerKey {
  readonly index: number;
  readonly flags: string;
}

/** What COMMAND GETKEYSANDFLAGS says of a list; null when it refuses. */
export async function serverKeys(server: RealRedis, words: readonly string[]): Promise<readonly ServerKey[] | null> {
  const args = argumentsOf(words);
  const reply = await server.ask('command', 'getkeysandflags', ...args).catch((error: unknown) => String(error));
  if (typeof reply === 'string') return null;
  const taken = new Set<number>();
  return (reply as [string, string[]][]).map(([key, flags]) => {
    const index = args.findIndex((arg, i) => i > 0 && arg === key && !taken.has(i));
    taken.add(index);
    return { index, flags: flags.join(' ') };
  });
}
