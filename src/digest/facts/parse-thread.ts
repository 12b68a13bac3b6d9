import { Worker } from 'node:worker_threads';
import type { SqlDialect } from './sql-parser.ts';
import type { TreeFacts } from './sql-tree-facts.ts';

export type ParseDone = (facts: TreeFacts | null) => void;

/** A statement in parse form; `label` begins its summary. */
export interface ParseTask {
  readonly dialect: SqlDialect;
  readonly text: string;
  readonly label: string;
}

interface Task extends ParseTask {
  readonly done: ParseDone;
}

/** The same file as source and as built package. */
const PROGRAM = new URL(import.meta.url.endsWith('.ts') ? './parse-worker.ts' : './parse-worker.js', import.meta.url);

/**
 * One thread that parses what is too long for the loop, one statement at a time, from a bounded queue. Started when
 * first needed; does not keep the process alive. A statement that kills the thread gets null, the others a new thread.
 */
export class ParseThread {
  readonly #maxTasks: number;
  readonly #maxChars: number;
  readonly #queue: Task[] = [];
  #head = 0;
  #chars = 0;
  #busy: Task | null = null;
  #worker: Worker | null = null;
  #closed = false;

  constructor(maxTasks: number, maxChars: number) {
    this.#maxTasks = maxTasks;
    this.#maxChars = maxChars;
  }

  /** Statements waiting or being parsed. */
  get waiting(): number {
    return this.#queue.length - this.#head + (this.#busy ? 1 : 0);
  }

  /** False when the queue is full; else `done` is called once, later. */
  submit({ dialect, text, label }: ParseTask, done: ParseDone): boolean {
    if (this.#closed || this.waiting >= this.#maxTasks || this.#chars + text.length > this.#maxChars) return false;
    this.#chars += text.length;
    this.#queue.push({ dialect, text, label, done });
    this.#pump();
    return true;
  }

  /** Ends the thread; what still waits gets null. */
  close(): void {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    if (worker) void worker.terminate();
    this.#finish(null);
    while (this.#head < this.#queue.length) {
      this.#busy = this.#take();
      this.#finish(null);
    }
  }

  #pump(): void {
    if (this.#busy !== null || this.#closed || this.#head === this.#queue.length) return;
    const task = this.#take();
    this.#busy = task;
    const worker = this.#worker ?? this.#start();
    worker.postMessage({ dialect: task.dialect, text: task.text, label: task.label } satisfies ParseTask);
  }

  #take(): Task {
    const task = this.#queue[this.#head++]!;
    if (this.#head === this.#queue.length || this.#head > 256) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return task;
  }

  #finish(facts: TreeFacts | null): void {
    const task = this.#busy;
    if (!task) return;
    this.#busy = null;
    this.#chars -= task.text.length;
    task.done(facts);
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, {
      execArgv: [],
      // Deep expressions recurse in the parser; the memory is that of the largest tree.
      resourceLimits: { stackSizeMb: 16, maxOldGenerationSizeMb: 256 },
    });
    this.#worker = worker;
    worker.unref();
    const gone = (): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#finish(null);
      this.#pump();
    };
    worker.on('message', ({ facts, broken }: { facts: TreeFacts | null; broken: boolean }) => {
      if (this.#worker !== worker) return;
      if (broken) {
        this.#worker = null;
        void worker.terminate();
      }
      this.#finish(facts);
      this.#pump();
    });
    worker.on('error', gone);
    worker.on('exit', gone);
    return worker;
  }
}
