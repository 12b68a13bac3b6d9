import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { seeded } from '../../src/net/simulated.ts';
import { filterEnv } from './filter-env.ts';
import { asRecorded, type Gated, gatedScript } from './gated.ts';
import type { EndedExchange } from './session-harness.ts';
import { boundOf, playOf, type Script, type StoryOptions, said, tellScriptOf } from './story.ts';
import { loadTranscript } from './transcript.ts';

// The conformance suite cuts the same sessions at every offset, through a whole connection; here it is some, and exactly told.
/** Bytes of a session, above which only some of its offsets are tried. */
const LONG_SESSION_BYTES = 1500;
/** Offsets of one line that are tried, beside those near its ends. */
const MOST_OFFSETS = 100;
const EVERY_NTH = 7;
/** Cuts of one session: each plays all of it. */
const MOST_CUTS = process.env['SLUICE_EVERY_CUT'] === '1' ? Number.POSITIVE_INFINITY : 150;

interface Cut {
  readonly line: number;
  readonly at: number;
}

/** Some of the cuts, seeded. */
function cutsOf(script: Script): Cut[] {
  const cuts = script.flatMap((_, line) => offsetsOf(script, line).map((at) => ({ line, at })));
  const random = seeded(cuts.length);
  return cuts.filter(() => random() * cuts.length < MOST_CUTS);
}

const isLong = (script: Script): boolean =>
  script.reduce((sum, [, bytes]) => sum + bytes.length, 0) > LONG_SESSION_BYTES;

/** Every offset of short sessions; of long ones those near the ends of what a peer said at once, and some of the rest. */
function offsetsOf(script: Script, line: number): number[] {
  const { length } = script[line]![1];
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  if (!isLong(script)) return all;
  const every = Math.max(EVERY_NTH, Math.ceil(length / MOST_OFFSETS));
  const near = length > 2048 ? 64 : 8;
  const random = seeded(7 + line);
  return all.filter((at) => at < near || at > length - near || random() * every < 1);
}

/** All of an exchange but its digest object, which its text stands for. */
const print = (ended: readonly EndedExchange[]): string =>
  JSON.stringify(ended, (key, value) => (key === 'digest' ? undefined : value));

/**
 * Tests of a protocol's recorded sessions: each `.transcript` tells what stands in its `.events`, and a cut at any offset
 * changes no byte and no exchange, in both gears where the filter has both. `least`: how many there are at least.
 */
export function testRecordedSessions(protocol: ProtocolFilter, least: number, gated: Gated = asRecorded): void {
  const fixtures = new URL(`../../protocol-filters/${protocol.name}/fixtures/`, import.meta.url);
  const names = readdirSync(fixtures)
    .filter((file) => file.endsWith('.transcript'))
    .map((file) => file.slice(0, -'.transcript'.length));
  const load = (name: string): Script => loadTranscript(new URL(`${name}.transcript`, fixtures));
  const gears: [string, StoryOptions][] = [
    ['tap', {}],
    ...(protocol.gates ? [['gate', { enforces: true, judge: () => null }] as [string, StoryOptions]] : []),
  ];

  describe('recorded sessions', () => {
    test('there are some', () => {
      expect(names.length).toBeGreaterThanOrEqual(least);
    });

    for (const name of names) {
      test(`${name} tells what stands beside it`, () => {
        expect(tellScriptOf(protocol, load(name))).toBe(readFileSync(new URL(`${name}.events`, fixtures), 'utf8'));
      });

      for (const [gear, options] of gears) {
        // Enforced sessions answer requests for encryption themselves.
        if (gear === 'gate' && name.includes('ssl')) continue;
        const script = gear === 'gate' ? gatedScript(gated, name, load(name)) : load(name);
        if (script === null) continue;
        test(`${name}, ${gear}: a cut at any offset changes no byte and no exchange`, { timeout: 60_000 }, () => {
          // One filter chain for all its sessions: binding anew costs more than a play.
          const chain = { ...options, bound: boundOf(protocol, options, filterEnv()) };
          const plain = playOf(protocol, script, chain).harness;
          const want = print(plain.ended);
          const toServer = said(script, '>');
          const toClient = said(script, '<');
          expect(plain.closed).toBe('');
          for (const { line, at } of cutsOf(script)) {
            const cut = playOf(protocol, script, chain, (bytes, i) =>
              i === line ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes],
            ).harness;
            if (print(cut.ended) !== want) expect(cut.ended).toEqual(plain.ended);
            expect(cut.sent(Side.upstream).equals(toServer)).toBe(true);
            expect(cut.sent(Side.downstream).equals(toClient)).toBe(true);
          }
        });
      }
    }
  });
}
