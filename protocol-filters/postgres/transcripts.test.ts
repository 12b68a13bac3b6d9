import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import type { EndedExchange } from '../../test/support/session-harness.ts';
import { tellScript } from './testing/replay.ts';
import { play, type Script, type StoryOptions, said } from './testing/story.ts';
import { loadTranscript } from './testing/transcript.ts';

const FIXTURES = new URL('fixtures/', import.meta.url);
const names = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.transcript'))
  .map((file) => file.slice(0, -'.transcript'.length));
const load = (name: string): Script => loadTranscript(new URL(`${name}.transcript`, FIXTURES));

const gears: [string, StoryOptions][] = [
  ['tap', {}],
  ['gate', { enforces: true, judge: () => null }],
];

/** Every offset of short sessions; of long ones those near message boundaries and some more, seeded. */
function offsetsOf(script: Script, line: number): number[] {
  const { length } = script[line]![1];
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  if (length <= 2048) return all;
  let seed = 7;
  return all.filter((at) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return at < 64 || at > length - 64 || seed % Math.ceil(length / 200) === 0;
  });
}

/** All of an exchange but its digest object, which its text stands for. */
const print = (ended: readonly EndedExchange[]): string =>
  JSON.stringify(ended, (key, value) => (key === 'digest' ? undefined : value));

describe('recorded sessions', () => {
  test('there are some', () => {
    expect(names.length).toBeGreaterThan(15);
  });

  for (const name of names) {
    test(`${name} tells what stands beside it`, () => {
      expect(tellScript(load(name))).toBe(readFileSync(new URL(`${name}.events`, FIXTURES), 'utf8'));
    });

    for (const [gear, options] of gears) {
      test(`${name}, ${gear}: a cut at any offset changes no byte and no exchange`, { timeout: 60_000 }, () => {
        const script = load(name);
        // Enforced sessions answer requests for encryption themselves.
        const encrypted = name.includes('ssl') && gear === 'gate';
        if (encrypted) return;
        const plain = play(script, options).harness;
        const want = print(plain.ended);
        const toServer = said(script, '>');
        const toClient = said(script, '<');
        expect(plain.closed).toBe('');
        script.forEach((_, line) => {
          for (const at of offsetsOf(script, line)) {
            const cut = play(script, options, (bytes, i) =>
              i === line ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes],
            ).harness;
            if (print(cut.ended) !== want) expect(cut.ended).toEqual(plain.ended);
            expect(cut.sent(Side.upstream).equals(toServer)).toBe(true);
            expect(cut.sent(Side.downstream).equals(toClient)).toBe(true);
          }
        });
      });
    }
  }
});
