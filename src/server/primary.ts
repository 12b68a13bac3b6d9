import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Control, ServerState } from '../admin/source.ts';
import { diff, type SnapshotDiff } from '../config/diff.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { JsonMap } from '../config/tree.ts';
import { addressOf } from '../net/address.ts';
import { BasicProcessSampler } from '../stats/process-basic.ts';
import { type Refused, refusal } from './bind.ts';
import type { ListenerInfo } from './data-plane.ts';
import type { LoadReply } from './load-config.ts';
import type { Level, Logger } from './log.ts';
import type { FromFacts, ToFacts } from './messages.ts';
import { preflight } from './preflight.ts';
import type { Facts, Roles, Workers } from './roles.ts';
import { memoryShare } from './server-stats.ts';

export interface PrimaryOptions {
  readonly roles: Roles;
  readonly log: Logger;
  /** Reads the configuration again, for a reload. */
  load(): Promise<LoadReply>;
}

/** 0 fine · 1 runtime failure · 2 wrong usage or configuration. */
export type ExitCode = 0 | 1 | 2;

/** How long the start waits to hear whether the admin address is there. */
const FACTS_START_MS = 10_000;
/** How long the facts process may take to write out what it has when everything ends. */
const FACTS_STOP_MS = 4000;
/** What a killed predecessor's facts process may take to give its admin port back. */
const TAKEOVER_MS = 1000;

/** Worker processes when nobody said how many. */
export const defaultConcurrency = (): number => Math.max(1, availableParallelism() - 1);

/**
 * The primary: configuration, supervision, and the listening sockets. Nothing on its loop may
 * block: every new connection passes through it. So no third-party code here, and it never waits for another process
 * before it answers.
 */
export class Primary {
  /** Resolves when everything is over, with what `sluice run` exits with. */
  readonly ended: Promise<ExitCode>;
  readonly #options: PrimaryOptions;
  readonly #startedAt = Date.now();
  readonly #begun = performance.now();
  #sampler: BasicProcessSampler | null = null;
  #state: ServerState = 'PRE_INITIALIZING';
  #snapshot!: Snapshot;
  #expanded: JsonMap = {};
  #folder = '';
  #workers!: Workers;
  #facts!: Facts;
  #ticking: NodeJS.Timeout | null = null;
  #reloading: Promise<void> | null = null;
  #reloadAgain = false;
  #reloads = 0;
  #reloadsFailed = 0;
  #appliedAt = 0;
  #initializationMs = 0;
  #healthy = true;
  #stopAsked = false;
  #draining: Promise<void> | null = null;
  #end!: (code: ExitCode) => void;
  #factsAnswered!: (problems: readonly string[]) => void;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get listeners(): readonly ListenerInfo[] {
    return this.#workers?.listeners ?? [];
  }

  get size(): number {
    return this.#workers.size;
  }

  get live(): boolean {
    return this.#state === 'LIVE' && !this.#stopAsked;
  }

  /** Resolves when everything listens, or with what cannot: then nothing listens, and it is over. */
  async start(wanted: Snapshot, expanded: JsonMap): Promise<readonly string[]> {
    const problems = await this.#start(wanted, expanded);
    if (problems.length > 0 || this.#stopAsked) await this.#finish(problems.length > 0 ? 1 : 0);
    return problems;
  }

  /** SIGTERM and friends: drain, then end; asked again, end at once. */
  stop(): void {
    if (this.#stopAsked) {
      void this.abort();
      return;
    }
    this.#stopAsked = true;
    // Before it is live there is nothing to drain: start() sees that it was asked to stop.
    if (this.#state === 'LIVE' || this.#draining) void this.drain().then(() => this.#finish(0));
  }

  /** No new connections from now on; resolves when the last one has ended. The admin address stays. */
  drain(timeoutMs?: number): Promise<void> {
    this.#draining ??= this.#drain(timeoutMs ?? this.#snapshot.process.drainTimeoutMs);
    return this.#draining;
  }

  /** Ends at once: open connections are cut. */
  async abort(): Promise<void> {
    this.#stopAsked = true;
    if (this.#workers?.live > 0) this.#options.log.warn('open connections are cut');
    await this.#workers?.kill();
    await this.#finish(1);
  }

  /** Reads the configuration again and applies it; one at a time, the last request is never lost. */
  reload(): Promise<void> {
    if (this.#reloading) {
      this.#reloadAgain = true;
      return this.#reloading;
    }
    this.#reloading = (async () => {
      do {
        this.#reloadAgain = false;
        await this.#reloadOnce().catch((error: unknown) => this.#reloadFailed([String(error)]));
      } while (this.#reloadAgain);
      this.#reloading = null;
    })();
    return this.#reloading;
  }

  async #start(wanted: Snapshot, expanded: JsonMap): Promise<readonly string[]> {
    const { log, roles } = this.#options;
    const size = wanted.process.concurrency ?? defaultConcurrency();
    if (size > 0) {
      this.#folder = mkdtempSync(join(tmpdir(), 'sluice-')); // 0700
      this.#sampler = new BasicProcessSampler('primary');
    }
    const socket = join(this.#folder, 'facts.sock');
    const onGone = (worker: number, incarnation: number) =>
      this.#facts?.tell({ kind: 'worker_gone', worker, incarnation });
    const onDoors = () => this.#facts?.tell({ kind: 'listeners', listeners: this.#workers.listeners });
    this.#workers = roles.workers({ size, socket, log, onGone, onDoors });
    const refused = [...(await this.#adminRefused(wanted, TAKEOVER_MS))];
    const claim = await this.#workers.claim(wanted);
    refused.push(...claim.refused);
    if (refused.length > 0) return refused.map(refusal);
    const { snapshot } = claim;
    this.#snapshot = snapshot;
    this.#expanded = expanded;
    this.#state = 'INITIALIZING';
    const factsAnswered = new Promise<readonly string[]>((resolve) => {
      this.#factsAnswered = resolve;
      setTimeout(() => resolve([]), FACTS_START_MS).unref(); // traffic does not wait for it any longer
    });
    this.#facts = roles.facts({
      socket,
      log,
      greeting: () => this.#greeting(),
      onMessage: (message) => this.#heard(message),
    });
    this.#facts.start();
    this.#ticking = setInterval(() => this.#tellServer(), 1000);

    const [failures, problems] = await Promise.all([this.#workers.apply(snapshot), factsAnswered]);
    const refusals = failures.map(({ listener, address, code }) =>
      refusal({ who: `listener ${listener}`, address, code }),
    );
    if (this.#workers.live < size) refusals.push('a worker ended while it started');
    if (refusals.length + problems.length > 0 || this.#stopAsked) return [...refusals, ...problems];
    this.#state = 'LIVE';
    this.#appliedAt = Date.now();
    this.#initializationMs = performance.now() - this.#begun;
    this.#facts.tell({ kind: 'listeners', listeners: this.#workers.listeners });
    this.#tellServer();
    return [];
  }

  async #drain(timeoutMs: number): Promise<void> {
    const { log } = this.#options;
    this.#state = 'DRAINING';
    log.info('draining: no new connections, open ones end at their next quiet point', { limit_ms: timeoutMs });
    this.#tellServer();
    await this.#workers.drain(timeoutMs);
    log.info('drained');
  }

  async #finish(code: ExitCode): Promise<void> {
    if (this.#ticking) clearInterval(this.#ticking);
    this.#sampler?.stop();
    await this.#workers?.kill();
    await this.#facts?.stop(FACTS_STOP_MS);
    if (this.#folder !== '') rmSync(this.#folder, { recursive: true, force: true });
    this.#end(code);
  }

  async #reloadOnce(): Promise<void> {
    if (this.#state !== 'LIVE') return;
    const loaded = await this.#options.load();
    if (!loaded.ok) {
      this.#reloadFailed(loaded.problems);
      return;
    }
    const refused = await this.#adminRefused(loaded.snapshot, 0);
    const claim = refused.length > 0 ? null : await this.#workers.claim(loaded.snapshot);
    if (this.#state !== 'LIVE') return; // it is being stopped, and opens nothing any more
    const problems = claim?.refused ?? refused;
    if (problems.length > 0 || !claim) {
      this.#reloadFailed(problems.map(refusal));
      return;
    }
    for (const warning of loaded.warnings ?? []) this.#options.log.warn(warning);
    const { snapshot } = claim;
    const changes = diff(this.#snapshot, snapshot);
    if (changes.same) {
      this.#reloads++;
      this.#options.log.info('configuration read again: nothing changed');
    } else await this.#apply(snapshot, loaded.expanded, changes);
    this.#tellServer();
  }

  async #apply(snapshot: Snapshot, expanded: JsonMap, changes: SnapshotDiff): Promise<void> {
    const { log } = this.#options;
    this.#snapshot = snapshot;
    this.#expanded = expanded;
    const failures = await this.#workers.apply(snapshot);
    for (const { listener, address, code } of failures)
      log.error(refusal({ who: `listener ${listener}`, address, code }));
    if (failures.length > 0) this.#reloadsFailed++;
    else this.#reloads++;
    this.#appliedAt = Date.now();
    this.#facts.tell({ kind: 'config', snapshot, expanded });
    this.#facts.tell({ kind: 'listeners', listeners: this.#workers.listeners });
    log.info('configuration applied', { version: snapshot.version, ...told(changes) });
    const later = changes.other.filter((what) => !['admin', 'metrics', 'spoolPath', 'process.sampling'].includes(what));
    if (later.length > 0) log.warn('takes effect at the next start', { changed: later });
  }

  #reloadFailed(problems: readonly string[]): void {
    this.#reloadsFailed++;
    this.#options.log.error('configuration refused: the running one stays', { problems: problems.length });
    for (const problem of problems) this.#options.log.error(problem);
    this.#tellServer();
  }

  /** What facts could not listen on. Its ports of now are its own. */
  async #adminRefused(wanted: Snapshot, patienceMs: number): Promise<Refused[]> {
    const now = this.#state === 'LIVE' ? [this.#snapshot.admin, this.#snapshot.metrics] : [];
    const held = now.filter((port) => port !== null).map(({ address }) => addressOf(address).text);
    const refused: Refused[] = [];
    for (const who of ['admin', 'metrics'] as const) {
      const address = wanted[who]?.address;
      if (!address || held.includes(addressOf(address).text)) continue;
      const problem = await preflight(who, address, patienceMs);
      if (problem) refused.push(problem);
    }
    return refused;
  }

  #greeting(): ToFacts[] {
    const config: ToFacts = { kind: 'config', snapshot: this.#snapshot, expanded: this.#expanded };
    return [config, { kind: 'listeners', listeners: this.#workers.listeners }, this.#serverMessage()];
  }

  #tellServer(): void {
    this.#facts.tell(this.#serverMessage());
  }

  #serverMessage(): ToFacts {
    const { size, live, restarts, refused } = this.#workers;
    return {
      kind: 'server',
      numbers: {
        state: this.#state === 'LIVE' && !this.#healthy ? 'DRAINING' : this.#state,
        startedAt: this.#startedAt,
        concurrency: size,
        workersLive: live,
        workerRestarts: restarts,
        connectionsRefused: refused,
        factsRestarts: this.#facts?.restarts ?? 0,
        configReloads: this.#reloads,
        configReloadsFailed: this.#reloadsFailed,
        configAppliedAt: this.#appliedAt,
        initializationMs: this.#initializationMs,
        memory: this.#sampler ? memoryShare() : null,
      },
      process: this.#sampler?.sample() ?? null,
    };
  }

  #heard(message: FromFacts): void {
    switch (message.kind) {
      case 'ready':
        this.#factsAnswered([]);
        break;
      case 'failed':
        this.#factsAnswered(message.problems);
        if (this.#state !== 'INITIALIZING') for (const problem of message.problems) this.#options.log.error(problem);
        break;
      case 'control':
        this.#control(message.control);
        break;
    }
  }

  #control(control: Control): void {
    switch (control.action) {
      case 'drain_listeners':
        void this.drain();
        break;
      case 'quit':
        if (!this.#stopAsked) this.stop();
        break;
      case 'healthcheck':
        this.#healthy = control.ok;
        this.#tellServer();
        break;
      case 'level':
        this.#setLevel(control.level);
        break;
      case 'reopen_logs':
        break; // the facts process has the files
    }
  }

  #setLevel(level: Level): void {
    this.#options.log.level = level;
    this.#workers.setLevel(level);
    this.#facts.tell({ kind: 'level', level });
  }
}

/** Names of what a new snapshot adds, changes and removes, for the log. */
function told(changes: SnapshotDiff): Record<string, readonly string[]> {
  const names: Record<string, readonly string[]> = {};
  for (const kind of ['listeners', 'clusters'] as const) {
    const { added, changed, removed } = changes[kind];
    if (added.length > 0) names[`${kind}_added`] = added.map(({ name }) => name);
    if (changed.length > 0) names[`${kind}_changed`] = changed.map(({ after }) => after.name);
    if (removed.length > 0) names[`${kind}_removed`] = removed.map(({ name }) => name);
  }
  return names;
}
