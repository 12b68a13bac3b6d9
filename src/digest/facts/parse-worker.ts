import { parentPort } from 'node:worker_threads';
import { parseFacts } from './parse-facts.ts';
import { loadSqlParser } from './sql-parser.ts';

// The parser thread: one statement in, its facts (or null) out. A parser that ran out of stack is not used again: the
// answer says so, the thread is ended, and the next statement starts a new one.
const parser = await loadSqlParser();
parentPort?.on('message', ({ text, label }: { text: string; label: string }) => {
  const facts = parseFacts(parser, text, label);
  parentPort?.postMessage({ facts, broken: parser.broken });
});
