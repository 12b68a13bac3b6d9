import { parentPort } from 'node:worker_threads';
import { parseFacts } from './parse-facts.ts';
import type { ParseTask } from './parse-thread.ts';
import { loadSqlParser } from './sql-parser.ts';

// The parser thread: one statement in, its facts (or null) out. A parser that ran out of stack is not used again: the
// answer says so, the thread is ended, and the next statement starts a new one.
const parsers = await loadSqlParser();

const answer = async ({ dialect, text, label }: ParseTask): Promise<void> => {
  const parser = parsers[dialect];
  await parser.load();
  const facts = parseFacts(parser, dialect, text, label);
  parentPort?.postMessage({ facts, broken: parser.broken });
};

parentPort?.on('message', (task: ParseTask) => void answer(task));
