import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LagStory } from '../../../src/digest/lag/lag.fixture.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import { filterEnv } from '../../../test/support/filter-env.ts';
import { boundOf, byteByByte, type Cut, playOf, type Script, type Stage, whole } from '../../../test/support/story.ts';
import { loadTranscript } from '../../../test/support/transcript.ts';
import { kafka } from '../index.ts';
import { KAFKA_OWN_STATS } from '../stat-groups.ts';

// What real clients and brokers said, counted: all ways to count the same thing must come to the same.

const FIXTURES = new URL('../fixtures/', import.meta.url);
const NAMES = readdirSync(FIXTURES).flatMap((file) => (file.endsWith('.transcript') ? [file.slice(0, -11)] : []));

/** Gauges that end at 0; what no client does here; what needs rewriting. */
const ELSEWHERE = [
  ...['connections_active', 'requests_active', 'broker_connections', 'untimed', 'unpaired'],
  ...['malformed_records', 'traced', 'rewritten_replies', 'rewritten_bytes', 'rewrite_time', 'clamped_api_versions'],
  ...[
    'unmapped_brokers',
    'closed_no_door',
    'closed_undecodable',
    'closed_denied_key',
    'denied',
    'stand_ins',
    'filtered',
  ],
];

interface Played {
  readonly stats: StatsRegistry;
  readonly lag: LagStory;
  readonly on: Stage;
}

function play(name: string, cut: Cut): Played {
  const [stats, lag] = [new StatsRegistry(), new LagStory()];
  const env = filterEnv({ stats, lag: lag.of() });
  const script: Script = loadTranscript(new URL(`${name}.transcript`, FIXTURES));
  return { stats, lag, on: playOf(kafka, script, { bound: boundOf(kafka, {}, env) }, cut) };
}

const own = ({ stats }: Played, name: string): number => stats.value(`sluice.kafka.p.${name}`) ?? Number.NaN;

/** Sum of a counter over all that it is counted by. */
function sum({ stats }: Played, pattern: RegExp): number {
  return stats.list.reduce((all, { id, name }) => (pattern.test(name) ? all + stats.get(id) : all), 0);
}

const snapshot = ({ stats }: Played): string =>
  JSON.stringify(
    stats.list.map(({ id, name, kind }) => [name, kind === 'histogram' ? stats.histogram(id).count : stats.get(id)]),
  );

describe('recorded sessions', () => {
  test.each(NAMES)('%s', (name) => {
    const played = play(name, whole);
    const { on } = played;
    for (const what of ['produced_records', 'produced_bytes', 'fetched_records', 'fetched_bytes', 'refused_records'])
      for (const by of ['topic', 'client'])
        expect([what, by, sum(played, new RegExp(`^sluice\\.kafka\\.p\\.${by}\\..+\\.${what}$`))]).toEqual([
          what,
          by,
          own(played, what),
        ]);
    for (const what of ['produced_batches', 'produced_records', 'produced_bytes'])
      expect(sum(played, new RegExp(`^sluice\\.kafka\\.p\\.codec\\..+\\.${what}$`))).toBe(own(played, what));
    expect(sum(played, /^sluice\.kafka\.p\.topic\..+\.codec\.\w+\.batches$/)).toBe(own(played, 'produced_batches'));
    expect(sum(played, /^sluice\.kafka\.p\.api\.\w+\.requests$/)).toBe(own(played, 'requests'));
    expect(sum(played, /^sluice\.kafka\.p\.client\..+\.requests$/)).toBe(own(played, 'requests'));
    expect(sum(played, /^sluice\.kafka\.p\.client\..+\.request_bytes$/)).toBe(own(played, 'request_bytes'));
    expect(sum(played, /^sluice\.kafka\.p\.error\..+\.total$/)).toBe(own(played, 'errors'));
    expect(sum(played, /^sluice\.kafka\.p\.client\..+\.errors$/)).toBe(own(played, 'errors'));
    // Envoy's: each request is one of its API, unknown, or a failure.
    expect(sum(played, /^kafka\.p\.request\./)).toBe(own(played, 'requests'));
    // Each has its response, or wanted none, or was lost.
    const ended = ['responses', 'no_response', 'lost'].reduce((all, what) => all + own(played, what), 0);
    expect(ended).toBe(own(played, 'requests'));
    expect([own(played, 'requests_active'), own(played, 'connections_active')]).toEqual([0, 0]);
    // And what exchanges say of records.
    const records = (kinds: readonly string[], field: 'rowsAffected' | 'rowsReturned'): number =>
      on.harness.ended.reduce((all, x) => (kinds.includes(x.kind) ? all + x[field] : all), 0);
    expect(records(['produce'], 'rowsAffected')).toBe(own(played, 'produced_records'));
    expect(records(['fetch', 'share_fetch'], 'rowsReturned')).toBe(own(played, 'fetched_records'));
  });

  test('every counter comes out the same however the bytes are cut', () => {
    for (const name of NAMES) {
      const want = snapshot(play(name, whole));
      const got = snapshot(play(name, byteByByte));
      expect([name, got]).toEqual([name, want]);
    }
  });

  test('the sessions count something of everything but what has tests of its own', () => {
    const totals = new Map<string, number>();
    for (const name of NAMES) {
      const { stats } = play(name, whole);
      for (const { id, name: full, kind } of stats.list) {
        const value = kind === 'histogram' ? stats.histogram(id).count : stats.get(id);
        totals.set(full, (totals.get(full) ?? 0) + value);
      }
    }
    const never = Object.keys(KAFKA_OWN_STATS.stats).filter((key) => totals.get(`sluice.kafka.p.${key}`) === 0);
    expect(never.filter((key) => !ELSEWHERE.includes(key))).toEqual([]);
  });
});
