import type { Args } from './args.ts';
import type { Conversation } from './conversation.ts';
import type { Gate } from './gate.ts';
import { hasOddName } from './identity.ts';
import { Special } from './special.ts';

/** Their answer decides who is talking, to which database, or how what comes next is read. */
export const NEEDS_ANSWER: ReadonlySet<number> = new Set([
  ...[Special.auth, Special.hello, Special.select, Special.setName, Special.setInfo, Special.reset],
  ...[Special.multi, Special.discard, Special.exec, Special.monitor, Special.sync],
]);

/** Within MULTI they are queued, and change the session in its middle. */
const NOT_WITHIN_MULTI: ReadonlySet<number> = new Set([
  ...[Special.auth, Special.hello, Special.setName, Special.setInfo, Special.replyMode, Special.subscribe],
  ...[Special.monitor, Special.sync],
]);

/** Why an enforced session cannot follow a command where it leads, '' = it can. */
export function doubtOf(talk: Conversation, inline: boolean, special: number, args: Args): string {
  if (inline && talk.bound.options.inline === 'deny') return 'commands without lengths are not let through';
  if (special === Special.none) return '';
  if (talk.isMuted && NEEDS_ANSWER.has(special)) return 'its answer would not be seen (CLIENT REPLY)';
  if (talk.transaction.asked && NOT_WITHIN_MULTI.has(special)) return 'it cannot be followed within MULTI';
  return hasOddName(special, args) ? 'the name cannot be told from others' : '';
}

/** It went to the server: what comes behind it may mean something else once it is answered. */
export function follow({ transaction, host, monitor }: Conversation, gate: Gate, special: number, args: Args): void {
  if (special === Special.exec) {
    if (gate.doubtsDatabase) gate.await();
    // However EXEC ends, the transaction is over.
    else if (gate.enforces && args.argc === 1) host.facts.transactionState = 'idle';
    return;
  }
  // Who already sees everything is not answered.
  if (special === Special.monitor && monitor !== null) return;
  if (special === Special.select && transaction.asked) gate.doubtDatabase();
  else if (NEEDS_ANSWER.has(special)) gate.await();
}
