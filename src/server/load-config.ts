import { fork } from 'node:child_process';
import type { ConfigSource } from '../config/load.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { JsonMap } from '../config/tree.ts';
import { entry } from './entry.ts';

export interface LoadRequest {
  readonly source: ConfigSource;
  /** Ask for every DNS name: one that does not resolve is a problem. */
  readonly resolve: boolean;
}

/** `expanded`: the full form, plain data. `problems` and `warnings`: formatted, in reading order. */
export type LoadReply =
  | {
      readonly ok: true;
      readonly snapshot: Snapshot;
      readonly expanded: JsonMap;
      readonly warnings?: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Names that nobody answers for take the resolver's own patience, 10 to 30 s with common settings. */
const LIMIT_MS = 60_000;

/**
 * Reads and checks a configuration in a process of its own. Never rejects: what goes wrong with that is a problem too. Resolves
 * when that process has ended: a Node that ends puts stdout and stderr back as it found them, and one that ends after others of
 * ours have begun would make theirs, which are the same, block.
 */
export function loadConfig(request: LoadRequest, limitMs = LIMIT_MS): Promise<LoadReply> {
  return new Promise((resolve) => {
    const child = fork(entry('config-loader'), [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    const finish = (reply: LoadReply) => {
      clearTimeout(timer);
      resolve(reply);
    };
    let answer: LoadReply | null = null;
    child.once('message', (reply) => {
      answer = reply as LoadReply;
    });
    child.once('error', (error) =>
      finish({ ok: false, problems: [`the configuration loader does not start: ${error.message}`] }),
    );
    child.once('exit', (code, signal) =>
      finish(
        answer ?? {
          ok: false,
          problems: [`the configuration loader ended without an answer (${signal ?? `code ${code}`})`],
        },
      ),
    );
    child.send(request, (error) => {
      if (error) finish({ ok: false, problems: [`the configuration loader cannot be reached: ${error.message}`] });
    });
  });
}
