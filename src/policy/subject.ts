import { binaryName } from '../exchange/operation-facts.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { type Cidr, compileCidr, ipOfAddress } from './cidr.ts';
import { compileGlob, type Glob, isAnyGlob } from './glob.ts';
import type { PolicyConfig } from './policy-config.ts';

/** Who a policy is about: judged once a session, and again when the server has confirmed another fact. */
export type Subject = (session: SessionFacts, ip: Uint8Array | null) => boolean;

/** Facts of a session that subjects look at, with the fields of a policy that name them. */
export const SUBJECT_FIELDS = [
  ['users', 'user'],
  ['databases', 'database'],
  ['applications', 'application'],
  ['drivers', 'driver'],
] as const;

/** Throws where a range of `clients` is none. */
export function compileSubject(policy: PolicyConfig): Subject {
  const wants: Subject[] = [];
  for (const [field, fact] of SUBJECT_FIELDS) {
    const patterns = policy[field];
    if (patterns.length === 0 || patterns.some(isAnyGlob)) continue;
    const matches = anyOf(patterns, policy.action === 'allow');
    wants.push((session) => matches(session[fact]));
  }
  if (policy.clients.length > 0) {
    const ranges = policy.clients.map(rangeOf);
    wants.push((_session, ip) => ip !== null && ranges.some((range) => range.contains(ip)));
  }
  return (session, ip) => wants.every((want) => want(session, ip));
}

export const ipOf = (session: SessionFacts): Uint8Array | null => ipOfAddress(session.clientAddress);

function anyOf(patterns: readonly string[], allows: boolean): (fact: string) => boolean {
  const globs: Glob[] = patterns.map((pattern) => compileGlob(binaryName(pattern)));
  return (fact) => {
    // U+FFFD: what the client wrote was no text, so two names may look the same here: none of them is allowed (threats R11).
    if (allows && fact.includes('\ufffd')) return false;
    const name = binaryName(fact);
    return globs.some((glob) => glob(name));
  };
}

function rangeOf(text: string): Cidr {
  const range = compileCidr(text);
  if (range === null) throw new Error(`${JSON.stringify(text)} is no range of addresses`);
  return range;
}
