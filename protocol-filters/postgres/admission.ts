import { Side } from '../../src/exchange/side.ts';
import type { Conversation } from './conversation.ts';
import type { Gate } from './gate.ts';

/**
 * The server has accepted the user: may the session be what its startup message has asked for? False: the connection is
 * closed. Observed sessions are asked about and always let in.
 */
export function isAdmitted(talk: Conversation, gate: Gate | null): boolean {
  const facts = talk.startup;
  talk.startup = null;
  if (facts === null || !talk.host.judges) return true;
  if (gate === null) {
    const x = talk.take('startup', talk.bound.startup, talk.host.now(), 0);
    talk.host.ask({ from: 0, to: 0, complete: true, ops: [x], facts: [facts] });
    talk.tellStartup(x);
    return true;
  }
  if (!gate.admits(facts)) return false;
  if (!talk.host.cuts) talk.host.setGear(Side.upstream, 'tap');
  return true;
}
