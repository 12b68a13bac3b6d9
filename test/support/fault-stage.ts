import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { memoryTmp } from './memory-folder.ts';
import { poll } from './poll.ts';
import { type RealRedis, startRealRedis } from './real-redis.ts';
import { type LoadReport, type RedisLoad, startRedisLoad } from './redis-load.ts';
import { type Exit, type RunningSluice, runSluice } from './run-sluice.ts';

/** Numbers of one leg, read at once. */
export type Leg = Readonly<Record<string, number>>;

export interface Accounts {
  /** `sluice.events.`: from the workers to the facts process. */
  readonly events: Leg;
  /** `sluice.sink.<sink>.`, by sink. */
  readonly sinks: Readonly<Record<string, Leg>>;
}

/** The accounts of a /stats page. Throws where there are none. */
export function accountsIn(text: string): Accounts {
  const events: Record<string, number> = {};
  const sinks: Record<string, Record<string, number>> = {};
  for (const [, name, value] of text.matchAll(/^sluice\.(\S+): (\d+)$/gm)) {
    const parts = name!.split('.');
    const last = parts.pop()!;
    const sink = parts.slice(1).join('.');
    if (parts[0] === 'events') events[last] = Number(value);
    else sinks[sink] = { ...sinks[sink], [last]: Number(value) };
  }
  if (events['produced'] === undefined) throw new Error('no numbers');
  return { events, sinks };
}

/**
 * What is wrong with the books, one line a leg; [] = nothing. `isFirst`: no facts process has died. Workers count from their
 * own beginning, so that what they delivered is what sinks got only of the first.
 */
export function faultsIn({ events, sinks }: Accounts, isFirst = true): string[] {
  const faults: string[] = [];
  const check = (leg: string, of: Leg, parts: readonly string[]): void => {
    const sum = parts.reduce((total, part) => total + of[part]!, 0);
    if (of['produced'] !== sum) faults.push(`${leg}: produced ${of['produced']}, ${parts.map((p) => `${p} ${of[p]}`)}`);
  };
  check('events', events, ['waiting', 'delivered', 'dropped']);
  for (const [sink, leg] of Object.entries(sinks)) {
    check(sink, leg, ['waiting', 'delivered', 'spooled', 'dropped']);
    if (isFirst && leg['recovered'] === 0 && leg['produced'] !== events['delivered'])
      faults.push(`${sink}: produced ${leg['produced']}, but workers delivered ${events['delivered']}`);
  }
  return faults;
}

/** A Redis, a Sluice with sinks before it, and traffic through it; the books are looked at all the time. */
export class FaultStage {
  readonly home = mkdtempSync(path.join(memoryTmp(), 'sluice-faults-'));
  readonly file = path.join(this.home, 'sluice.json');
  readonly spool: string;
  readonly #env: NodeJS.ProcessEnv;
  #server: RealRedis | null = null;
  #sluice: RunningSluice | null = null;
  #port = 0;
  #load: RedisLoad | null = null;
  #watch: NodeJS.Timeout | null = null;
  #looking: Promise<unknown> = Promise.resolve();
  #said = '';
  #isFirstFacts = true;
  /** Looks at the books, and what was wrong. */
  looks = 0;
  readonly faults: string[] = [];

  constructor(spool?: string, env: NodeJS.ProcessEnv = {}) {
    this.spool = spool ?? path.join(this.home, 'spool');
    this.#env = env;
  }

  get sluice(): RunningSluice {
    if (this.#sluice === null) throw new Error('Sluice is not running');
    return this.#sluice;
  }

  get server(): RealRedis {
    return this.#server!;
  }

  get port(): number {
    return this.#port;
  }

  /** All that this stage's Sluices have said on stderr. */
  get said(): string {
    return this.#said + (this.#sluice?.stderr() ?? '');
  }

  /** Lines for the operator in which all the words stand. */
  lines(...words: readonly string[]): string[] {
    return this.said.split('\n').filter((line) => line !== '' && words.every((word) => line.includes(word)));
  }

  /** Lines that tell of something wrong. */
  warnings(): string[] {
    return this.said.split('\n').filter((line) => /^\S+ (warning|error) \[/.test(line));
  }

  /**
   * The causes of each trouble of a sink that the operator was told of. Throws where one trouble's cause was told twice, an
   * old one was told anew although it lasted no 10 s, or something was over of which nothing had been said; and when the
   * last was not told to be over.
   */
  troubles(sink: string): string[][] {
    const [over, known] = [[] as string[][], new Set<string>()];
    let causes: string[] = [];
    for (const line of this.lines(`sink ${sink} `)) {
      if (line.includes(`sink ${sink} works again`)) {
        const seconds = Number(/after_seconds=([\d.]+)/.exec(line)?.[1]);
        const anew = causes.filter((cause) => known.has(cause));
        if (causes.length === 0 || (anew.length > 0 && !(seconds >= 10)) || new Set(causes).size < causes.length)
          throw new Error(`${line}: after ${causes.join(', ')}`);
        for (const cause of causes) known.add(cause);
        over.push(causes);
        causes = [];
      } else if (line.includes(`sink ${sink} fails`)) causes.push(/why="(.*)"$/.exec(line)?.[1] ?? line);
    }
    if (causes.length > 0) throw new Error(`not over: ${causes.join(', ')}`);
    return over;
  }

  /** Writes the configuration; a running Sluice takes it over with SIGHUP. */
  configure(sinks: readonly object[], more: object = {}): void {
    const front = { name: 'front', listen: `127.0.0.1:${this.#port}`, upstream: this.server.url };
    const config = { proxies: [front], sampling: { max_per_second: 0 }, sinks, spool: { path: this.spool }, ...more };
    writeFileSync(this.file, JSON.stringify(config));
  }

  /** Starts Redis, once, and Sluice. */
  async start(sinks: readonly object[], more: object = {}): Promise<void> {
    this.#server ??= await startRealRedis();
    this.#port ||= await freePort();
    this.configure(sinks, more);
    await this.restart();
  }

  /** Starts Sluice with the same file; nothing may run. */
  async restart(): Promise<void> {
    const env = { TMPDIR: this.home, ...this.#env };
    this.#isFirstFacts = true;
    this.#sluice = await runSluice({ args: ['-c', this.file], concurrency: 1, env });
    this.#watch = setInterval(() => {
      this.#looking = this.accounts().then(
        (accounts) => {
          this.looks++;
          this.faults.push(...faultsIn(accounts, this.#isFirstFacts));
        },
        () => {}, // facts is being started anew
      );
    }, 100);
  }

  async accounts(): Promise<Accounts> {
    return accountsIn(await this.sluice.getText('/stats?filter=^sluice.(events|sink)'));
  }

  async sink(name: string): Promise<Leg> {
    const leg = (await this.accounts()).sinks[name];
    if (leg === undefined) throw new Error(`no numbers of ${name}`);
    return leg;
  }

  async load(rate: number): Promise<RedisLoad> {
    this.#load = await startRedisLoad(this.#port, rate, this.server.port);
    return this.#load;
  }

  /** How many of the load's commands the server has executed. */
  async executed(): Promise<number> {
    const stats = await this.server.commandStats();
    return ['get', 'set'].reduce((sum, name) => sum + (stats.get(name)?.calls ?? 0), 0);
  }

  async endLoad(): Promise<LoadReport> {
    const report = await this.#load!.end();
    this.#load = null;
    return report;
  }

  /**
   * When so many exchanges were heard of, and none waits any more, in a worker, in memory or on disk. A sink that has
   * failed for long rests up to 30 s before it tries again.
   */
  drained(produced: number): Promise<Accounts> {
    const all = ({ events, sinks }: Accounts): boolean => {
      const held = Object.values(sinks).map((leg) => leg['waiting']! + leg['spooled']!);
      return events['produced'] === produced && events['waiting'] === 0 && held.every((n) => n === 0);
    };
    return this.until('all is delivered or dropped', all, 60_000);
  }

  /** When the books say so. What they say instead, and Sluice's own words, stand in the error. */
  until(what: string, holds: (accounts: Accounts) => boolean, withinMs = 60_000): Promise<Accounts> {
    const look = async (): Promise<Accounts | null> => {
      const accounts = await this.accounts();
      return holds(accounts) ? accounts : null;
    };
    return poll(what, look, { withinMs, everyMs: 50 }).catch(async (error) => {
      throw new Error(`${error}\n${JSON.stringify(await this.accounts())}\n${this.said}`, { cause: error });
    });
  }

  /** SIGKILL for the facts process. Returns what its pid was. */
  killFacts(): number {
    this.#isFirstFacts = false;
    const pid = this.factsPid();
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  /** Pid of the facts process. */
  factsPid(): number {
    const children = readFileSync(`/proc/${this.sluice.pid}/task/${this.sluice.pid}/children`, 'utf8');
    const pid = children
      .split(' ')
      .filter(Boolean)
      .find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('/facts.'));
    if (pid === undefined) throw new Error('there is no facts process');
    return Number(pid);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.#watch !== null) clearInterval(this.#watch);
    await this.#looking;
    const sluice = this.sluice;
    const exit = await sluice.stop(signal, 40_000);
    this.#said += sluice.stderr();
    this.#sluice = null;
    return exit;
  }

  async close(): Promise<void> {
    this.#load?.child.kill('SIGKILL');
    if (this.#sluice !== null) await this.stop();
    await this.#server?.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}
