import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { LoadResult } from '../subject.ts';

/** What load-process.ts knows how to ask for. */
export type KafkaLoadKind = 'produce' | 'produce-1mb' | 'fetch-1mb' | 'metadata';

/** The first message of a process that is ours; rejects when it ends without one. */
async function told(child: ChildProcess, what: string): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${what} ended with ${code} and said nothing`);
  });
  const [said] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
  ended.catch(() => {}); // it has said what it had to
  return said;
}

export async function runKafkaLoad(
  { port }: { readonly port: number },
  seconds: number,
  load: { readonly kind: KafkaLoadKind; readonly clients: number; readonly beside?: KafkaLoadKind },
): Promise<LoadResult> {
  const { kind, clients, beside } = load;
  const options = { port, seconds, load: kind, clients, ...(beside && { beside }) };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = fork(path.join(import.meta.dirname, 'load-process.ts'), args);
  const said = (await told(child, 'the load')) as LoadResult | { readonly failed: string };
  if ('failed' in said) throw new Error(`the load failed: ${said.failed}`);
  return said;
}

export interface CannedServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the stand-in of canned-server.ts in a process of its own. */
export async function startCannedServer(): Promise<CannedServer> {
  const child = fork(path.join(import.meta.dirname, 'canned-server.ts'));
  const { port } = (await told(child, 'the stand-in')) as { readonly port: number };
  return {
    port,
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
