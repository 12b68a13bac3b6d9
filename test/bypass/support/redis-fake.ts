/**
 * A scripted server for plays without sockets: reads what it is sent by its own strict reading, and answers as Redis would
 * where a gate must follow it: MULTI, SELECT, AUTH, CLIENT REPLY, BLPOP, subscriptions. Labelled a stand-in: what a server truly
 * does is shown by the real one.
 */
export class FakeRedis {
  /** Commands as they came, words joined by a blank. */
  readonly seen: string[] = [];
  /** Bytes that are no command. */
  broken = '';
  #held = Buffer.alloc(0);
  #blocked = false;
  #waiting: string[][] = [];
  #multi = false;
  #dirty = false;
  #queued: string[][] = [];
  #mode: 'on' | 'off' | 'skip' = 'on';
  #subscribed = 0;
  readonly #script: readonly string[];
  readonly #data = new Map<string, string>([['forbidden:1', 'canary']]);

  /** `script`: what it says to the first, second … command instead; `*` = as usual. */
  constructor(script: readonly string[] = []) {
    this.#script = script;
  }

  /** Bytes of the client; returns what the server says. */
  read(bytes: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, bytes]);
    let said = '';
    for (let words = this.#next(); words !== null; words = this.#next()) said += this.#take(words);
    return Buffer.from(said, 'latin1');
  }

  /** Nothing more is coming: who blocks has waited long enough. */
  unblock(): Buffer {
    if (!this.#blocked) return Buffer.alloc(0);
    this.#blocked = false;
    const waiting = this.#waiting.splice(0);
    return Buffer.from(`*-1\r\n${waiting.map((words) => this.#take(words)).join('')}`, 'latin1');
  }

  #next(): string[] | null {
    const held = this.#held.toString('latin1');
    if (held === '') return null;
    if (!held.startsWith('*')) {
      const end = held.indexOf('\n');
      if (end < 0) return null;
      this.#held = this.#held.subarray(end + 1);
      return held.slice(0, end).trim().split(/\s+/);
    }
    const words: string[] = [];
    const count = /^\*(\d+)\r\n/.exec(held);
    if (count === null) return this.#break(/^\*\d*\r?$/.test(held));
    let at = count[0].length;
    for (let i = 0; i < Number(count[1]); i++) {
      const size = /^\$(\d+)\r\n/.exec(held.slice(at, at + 16));
      if (size === null) return this.#break(/^\$?\d*\r?$/.test(held.slice(at)));
      at += size[0].length;
      if (held.length < at + Number(size[1]) + 2) return null;
      words.push(held.slice(at, at + Number(size[1])));
      at += Number(size[1]) + 2;
    }
    this.#held = this.#held.subarray(at);
    return words;
  }

  #break(isShort: boolean): null {
    if (!isShort) this.broken ||= this.#held.toString('latin1');
    return null;
  }

  #take(words: string[]): string {
    if (this.#blocked) {
      this.#waiting.push(words);
      return '';
    }
    this.seen.push(words.join(' '));
    const scripted = this.#script[this.seen.length - 1] ?? '*';
    if (scripted !== '*') return scripted;
    const name = words[0]!.toLowerCase();
    if (name === 'client' && words[1]?.toLowerCase() === 'reply') return this.#replyMode(words[2]!.toLowerCase());
    const said = this.#multi ? this.#within(name, words) : this.#run(name, words);
    const mode = this.#mode;
    if (mode === 'skip') this.#mode = 'on';
    return mode === 'on' ? said : '';
  }

  #replyMode(mode: string): string {
    this.#mode = mode as 'on';
    return mode === 'on' ? OK : '';
  }

  #within(name: string, words: string[]): string {
    if (name === 'exec') {
      const [queued, dirty] = [this.#queued.splice(0), this.#dirty];
      this.#multi = this.#dirty = false;
      if (dirty) return '-EXECABORT Transaction discarded because of previous errors.\r\n';
      return `*${queued.length}\r\n${queued.map((each) => this.#run(each[0]!.toLowerCase(), each)).join('')}`;
    }
    if (name === 'discard' || name === 'reset') {
      this.#queued = [];
      this.#multi = this.#dirty = false;
      return name === 'reset' ? '+RESET\r\n' : OK;
    }
    if (UNKNOWN.has(name)) {
      this.#dirty = true;
      return UNKNOWN_ERROR;
    }
    if (name === 'multi') return '-ERR MULTI calls can not be nested\r\n';
    this.#queued.push(words);
    return '+QUEUED\r\n';
  }

  #run(name: string, words: string[]): string {
    const data = this.#data;
    switch (name) {
      case 'get':
        return bulk(data.get(words[1]!));
      case 'set':
        data.set(words[1]!, words[2] ?? '');
        return OK;
      case 'mset':
        for (let i = 1; i < words.length; i += 2) data.set(words[i]!, words[i + 1]!);
        return OK;
      case 'mget':
        return `*${words.length - 1}\r\n${words
          .slice(1)
          .map((key) => bulk(data.get(key)))
          .join('')}`;
      case 'del':
        return `:${words.slice(1).filter((key) => data.delete(key)).length}\r\n`;
      case 'echo':
        return bulk(words[1]);
      case 'ping':
        return '+PONG\r\n';
      case 'select':
        return Number(words[1]) >= 0 && Number(words[1]) < 16 ? OK : '-ERR DB index is out of range\r\n';
      case 'auth':
        return words.at(-1) === 'good' ? OK : '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
      case 'hello':
        if (words.includes('auth') && !words.includes('good')) return '-WRONGPASS invalid username-password pair.\r\n';
        return '*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n';
      case 'multi':
        if (words.length > 1) return "-ERR wrong number of arguments for 'multi' command\r\n";
        this.#multi = true;
        return OK;
      case 'exec':
      case 'discard':
        return `-ERR ${name.toUpperCase()} without MULTI\r\n`;
      case 'reset':
        return '+RESET\r\n';
      case 'blpop':
        this.#blocked = true;
        return '';
      case 'subscribe':
        return words
          .slice(1)
          .map((channel) => `*3\r\n$9\r\nsubscribe\r\n${bulk(channel)}:${++this.#subscribed}\r\n`)
          .join('');
      default:
        return UNKNOWN.has(name) ? UNKNOWN_ERROR : OK;
    }
  }
}

const OK = '+OK\r\n';
const UNKNOWN = new Set(['sluice.denied', 'nosuch']);
const UNKNOWN_ERROR = "-ERR unknown command 'x', with args beginning with: \r\n";
const bulk = (text: string | undefined): string => (text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`);
