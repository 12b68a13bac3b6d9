import { cidrMatcher, ipBytes, prefixBits } from './cidr.ts';
import type { Action, Input, Matcher, MatcherTest, OnMatch, Predicate } from './rbac-config.ts';
import type { RbacInput } from './rbac-input.ts';
import { stringTest } from './string-match.ts';

/** What a tree of the unified matching API comes to; null: nothing matched. */
export interface MatchedAction {
  readonly name: string;
  readonly action: Action;
}
export type MatcherRun = (input: RbacInput) => MatchedAction | null;

/** Text of an input; null: the connection has none, and no predicate on it matches. */
type InputText = (input: RbacInput) => string | null;

/**
 * Compiles a matcher. Where a nested matcher finds nothing, the one around it has not matched either: a list goes on with
 * its next entry, and `on_no_match` is the last resort (xds.type.matcher.v3.Matcher).
 */
export function matcherRun({ test, onNoMatch }: Matcher): MatcherRun {
  const tested = test === null ? () => null : testRun(test);
  const otherwise = onNoMatch === null ? () => null : onMatchRun(onNoMatch);
  return (input) => tested(input) ?? otherwise(input);
}

/** All actions that it may come to. */
export function actionsOf({ test, onNoMatch }: Matcher): Action[] {
  const ends = onNoMatch === null ? [] : [onNoMatch];
  if (test?.kind === 'list') ends.push(...test.entries.map(({ next }) => next));
  else if (test?.kind === 'ip') ends.push(...test.ranges.map(({ next }) => next));
  else if (test !== null) ends.push(...test.map.map(([, next]) => next));
  return ends.flatMap((on) => (on.kind === 'matcher' ? actionsOf(on.matcher) : [on.action]));
}

function onMatchRun(on: OnMatch): MatcherRun {
  if (on.kind === 'matcher') return matcherRun(on.matcher);
  const found: MatchedAction = { name: on.name, action: on.action };
  return () => found;
}

function testRun(test: MatcherTest): MatcherRun {
  switch (test.kind) {
    case 'list': {
      const entries = test.entries.map(({ when, next }) => ({ holds: predicateTest(when), run: onMatchRun(next) }));
      return (input) => {
        for (const { holds, run } of entries) {
          const found = holds(input) ? run(input) : null;
          if (found !== null) return found;
        }
        return null;
      };
    }
    case 'exact': {
      const text = inputText(test.input);
      const map = new Map(test.map.map(([key, next]) => [key, onMatchRun(next)]));
      return (input) => map.get(text(input) ?? ABSENT)?.(input) ?? null;
    }
    case 'prefix': {
      const text = inputText(test.input);
      const longestFirst = [...test.map].sort(([a], [b]) => b.length - a.length);
      const runs = longestFirst.map(([prefix, next]) => ({ prefix, run: onMatchRun(next) }));
      return (input) => {
        const seen = text(input);
        for (const { prefix, run } of runs) {
          const found = seen?.startsWith(prefix) ? run(input) : null;
          if (found !== null) return found;
        }
        return null;
      };
    }
    case 'ip':
      return ipTreeRun(test);
  }
}

/** The most specific range first; an `exclusive` one only where no other is more specific. */
function ipTreeRun({ input: of, ranges }: MatcherTest & { kind: 'ip' }): MatcherRun {
  const text = inputText(of);
  const entries = ranges
    .flatMap(({ ranges: each, next, exclusive }) => {
      const run = onMatchRun(next);
      return each.map((range) => ({ holds: cidrMatcher(range), bits: prefixBits(range), run, exclusive }));
    })
    .sort((a, b) => b.bits - a.bits);
  return (input) => {
    const seen = text(input);
    const ip = seen === null ? null : ipBytes(seen);
    let isFirst = true;
    for (const { holds, run, exclusive } of entries) {
      if (!holds(ip) || (exclusive && !isFirst)) continue;
      const found = run(input);
      if (found !== null) return found;
      isFirst = false;
    }
    return null;
  };
}

function predicateTest(predicate: Predicate): (input: RbacInput) => boolean {
  switch (predicate.is) {
    case 'all': {
      const tests = predicate.of.map(predicateTest);
      return (input) => tests.every((test) => test(input));
    }
    case 'some': {
      const tests = predicate.of.map(predicateTest);
      return (input) => tests.some((test) => test(input));
    }
    case 'not': {
      const test = predicateTest(predicate.of);
      return (input) => !test(input);
    }
    case 'text': {
      const text = inputText(predicate.input);
      const matches = stringTest(predicate.match);
      return (input) => {
        const seen = text(input);
        return seen !== null && matches(seen);
      };
    }
    case 'ip': {
      const text = inputText(predicate.input);
      const tests = predicate.ranges.map(cidrMatcher);
      return (input) => {
        const seen = text(input);
        const ip = seen === null ? null : ipBytes(seen);
        return tests.some((holds) => holds(ip));
      };
    }
  }
}

function inputText(input: Input): InputText {
  switch (input.of) {
    case 'source_ip':
      return ({ remote }) => hostOf(remote.text, remote.ip);
    case 'direct_source_ip':
      return ({ direct }) => hostOf(direct.text, direct.ip);
    case 'destination_ip':
      return ({ local }) => hostOf(local.text, local.ip);
    case 'source_port':
      return ({ remote }) => (remote.ip === null ? null : String(remote.port));
    case 'destination_port':
      return ({ local }) => (local.ip === null ? null : String(local.port));
    case 'constant':
      return () => input.text;
    case 'nothing':
      return () => null;
  }
}

/** The address without its port and brackets; IPv4 as such. Null of a unix socket. */
function hostOf(text: string, ip: Uint8Array | null): string | null {
  if (ip === null) return null;
  if (ip.length === 4) return ip.join('.');
  return text.slice(text.startsWith('[') ? 1 : 0, text.lastIndexOf(text.startsWith('[') ? ']' : ':'));
}

/** A key that no map has: JSON's keys are text. */
const ABSENT = Symbol('absent') as unknown as string;
