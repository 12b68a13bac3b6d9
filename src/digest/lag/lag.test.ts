import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { LagStory } from './lag.fixture.ts';
import { MAX_PAIRS } from './lag-stats.ts';
import { DEFAULT_LIMITS, LagTable, REMEMBER_MS } from './lag-table.ts';
import { MergedLag } from './merged-lag.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('lag of groups', () => {
  test('is what lies between the end and the committed offset, by partition, and their sum and greatest', () => {
    const story = new LagStory();
    const on = story.of();
    for (const [partition, end, committed] of [
      [0, 100, 90],
      [1, 50, 50],
      [2, 7, 0],
    ] as const) {
      on.end('orders', partition, end);
      on.committed('billing', 'orders', partition, committed);
    }
    expect(story.gauges()).toEqual({
      'billing.orders.0.lag': 10,
      'billing.orders.1.lag': 0,
      'billing.orders.2.lag': 7,
      'billing.orders.lag_sum': 17,
      'billing.orders.lag_max': 10,
      'billing.orders.lag_partitions': 3,
      'billing.orders.committed_messages': 0,
    });
  });

  test('a reader ahead of the end that we know has no lag: it is never negative', () => {
    const story = new LagStory();
    story.of().end('t', 0, 5);
    story.of().committed('g', 't', 0, 9);
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 0, 'g.t.lag_max': 0, 'g.t.0.lag': 0 });
  });

  test('is not known where nobody has heard of the end', () => {
    const story = new LagStory();
    story.of().committed('g', 't', 0, 9);
    expect(story.gauges()).toEqual({});
  });

  test('meets over two workers: one heard of the end, the other of the commit', () => {
    const story = new LagStory(2);
    story.of(0).end('t', 0, 100);
    story.of(1).committed('g', 't', 0, 60);
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 40 });
    story.pass(1000);
    story.of(1).end('t', 0, 110);
    story.of(0).committed('g', 't', 0, 95);
    // Neither is added: the later word counts.
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 15, 'g.t.committed_messages': 35 });
  });

  test('what a worker tells again of old is not taken for news', () => {
    const story = new LagStory(2);
    story.of(0).end('t', 0, 100);
    story.of(0).committed('g', 't', 0, 10);
    story.tell();
    story.pass(1000);
    story.of(1).committed('g', 't', 0, 90);
    story.tell();
    story.pass(1000);
    story.workers[0]!.snapshot();
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 10, 'g.t.committed_messages': 80 });
  });

  test('an offset that was set back is believed; an end only after a while', () => {
    const story = new LagStory();
    const on = story.of();
    on.end('t', 0, 100);
    on.committed('g', 't', 0, 100);
    story.tell();
    story.pass(1000);
    on.committed('g', 't', 0, 0);
    on.end('t', 0, 99); // of a slower connection
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 100, 'g.t.committed_messages': 0 });
    story.pass(11_000);
    on.end('t', 0, 5); // the topic was made anew
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 5 });
  });

  test('facts that were busy: of two words that waited for them, the later one counts, and not the one that was told faster', () => {
    const story = new LagStory();
    const on = story.of();
    const waiting: Buffer[] = [];
    const tellLater = () => waiting.push(...[...story.workers[0]!.changes()].map((buffer) => Buffer.from(buffer)));
    on.end('t', 0, 50);
    on.committed('g', 't', 0, 36);
    tellLater(); // at once
    story.pass(500);
    on.committed('g', 't', 0, 50);
    story.pass(500);
    tellLater(); // half a second after it was said
    story.pass(700);
    for (const buffer of waiting) story.facts.apply(buffer);
    expect(story.gauges()).toMatchObject({ 'g.t.lag_sum': 0, 'g.t.committed_messages': 14 });
  });

  test('offsets that are none are passed over', () => {
    const story = new LagStory();
    for (const offset of [-1, -2, 0.5, Number.NaN, 2 ** 60, Infinity]) {
      story.of().end('t', 0, offset);
      story.of().committed('g', 't', 0, offset);
      story.of().fetched('c', 't', 0, offset);
    }
    expect(story.tell()).toBe(0);
  });

  test('clients: behind what they ask for', () => {
    const story = new LagStory();
    story.of().end('t', 0, 100);
    story.of().end('t', 1, 10);
    story.of().fetched('app', 't', 0, 97);
    story.of().fetched('app', 't', 1, 10);
    expect(story.gauges('sluice.consumer_client.kafka.')).toEqual({ 'app.t.lag_sum': 3, 'app.t.lag_max': 3 });
  });
});

describe('groups', () => {
  test('generation and members: the newer generation counts, whichever worker knows it', () => {
    const story = new LagStory(2);
    story.of(0).group('g', 4, 3);
    story.of(1).group('g', 4, -1);
    expect(story.gauges()).toEqual({ 'g.generation': 4, 'g.members': 3 });
    story.pass(1000);
    story.of(1).group('g', 5, 2);
    story.tell();
    story.of(0).group('g', 4, 3);
    story.workers[0]!.snapshot();
    expect(story.gauges()).toEqual({ 'g.generation': 5, 'g.members': 2 });
    story.pass(1000);
    // A follower's word of the next generation: how many there are now is not known.
    story.of(0).group('g', 6, -1);
    expect(story.gauges()).toEqual({ 'g.generation': 6 });
  });

  test('members that leave, whichever worker hears of it: one that came back by another, too', () => {
    const story = new LagStory(2);
    story.of(0).group('g', 4, 4);
    story.tell();
    story.pass(1000);
    story.of(1).group('g', 4, -1);
    story.of(1).left('g', 1);
    expect(story.gauges()).toMatchObject({ 'g.members': 3 });
    story.of(0).left('g', 1);
    expect(story.gauges()).toMatchObject({ 'g.members': 2 });
    story.pass(2 * MINUTE);
    for (const worker of [0, 1]) story.of(worker).group('g', 4, -1); // told again, changes nothing
    expect(story.gauges()).toMatchObject({ 'g.members': 2 });
    story.of(1).left('g', 5);
    expect(story.gauges()).toEqual({ 'g.generation': 4, 'g.members': 0 });
  });

  test('a member that left before the last rebalance is not taken off twice', () => {
    const story = new LagStory(2);
    story.of(0).group('g', 4, 3);
    story.of(1).group('g', 4, -1);
    story.tell();
    story.pass(1000);
    story.of(1).left('g', 1);
    story.pass(10);
    story.of(0).group('g', 5, 2);
    expect(story.gauges()).toEqual({ 'g.generation': 5, 'g.members': 2 });
  });

  test('names that were only asked for take no series from groups that are there', () => {
    const story = new LagStory();
    for (let i = 0; i < 5000; i++) story.of().group(`invented-${i}`, -1, -1);
    expect(story.tell()).toBe(0);
    story.of().group('billing', 3, 2);
    story.of().end('t', 0, 10);
    story.of().committed('billing', 't', 0, 4);
    expect(story.gauges()).toMatchObject({ 'billing.members': 2, 'billing.t.lag_sum': 6 });
  });

  test('a group that was made anew begins again', () => {
    const story = new LagStory();
    story.of().group('g', 40, 3);
    story.tell();
    story.pass(5 * MINUTE);
    story.of().group('g', 1, 1);
    expect(story.gauges()).toEqual({ 'g.generation': 1, 'g.members': 1 });
  });
});

describe('what nobody speaks of is forgotten', () => {
  test('a group whose consumers are dead falls behind for a day to see', () => {
    const story = new LagStory();
    const on = story.of();
    on.end('t', 0, 10);
    on.committed('dead', 't', 0, 1);
    for (let hours = 1; hours <= 23; hours++) {
      story.pass(HOUR);
      on.end('t', 0, 10 + hours);
      expect(story.gauges()).toMatchObject({ 'dead.t.lag_sum': 9 + hours });
    }
    story.pass(2 * HOUR);
    expect(story.gauges()).toEqual({});
  });

  test('where groups are more than names, committed offsets after an hour; not while the group is there', () => {
    const story = new LagStory();
    const on = story.of();
    on.configure({ ...DEFAULT_LIMITS, groups: 1 });
    on.end('t', 0, 10);
    on.committed('dead', 't', 0, 1);
    on.committed('stuck', 't', 0, 2);
    on.group('stuck', 3, 1);
    for (let minutes = 0; minutes < 65; minutes += 5) {
      story.pass(5 * MINUTE);
      on.end('t', 0, 10 + minutes);
      on.group('stuck', -1, -1); // it heartbeats, and commits nothing
      story.tell();
    }
    const gauges = story.gauges();
    expect(gauges['stuck.t.lag_sum']).toBe(68);
    expect(gauges['dead.t.lag_sum']).toBeUndefined();
  });

  test('places of clients after ten minutes', () => {
    const story = new LagStory();
    story.of().end('t', 0, 10);
    story.of().fetched('app', 't', 0, 1);
    expect(Object.keys(story.gauges('sluice.consumer_client.'))).toHaveLength(2);
    story.pass(11 * MINUTE);
    expect(story.gauges('sluice.consumer_client.')).toEqual({});
  });

  test('ends after a day, and then the table is empty', () => {
    const story = new LagStory();
    story.of().end('t', 0, 10);
    story.of().committed('g', 't', 0, 1);
    story.of().group('g', 1, 1);
    story.tell();
    story.pass(25 * HOUR);
    expect(story.gauges('sluice.consumer_lag.kafka.')).toEqual({
      partitions: 0,
      committed: 0,
      fetched: 0,
      untracked: 0,
    });
    expect(story.gauges()).toEqual({});
  });
});

describe('bounds', () => {
  test('partitions: what finds no room is left out and counted; the forgotten make room', () => {
    let at = 0;
    const table = new LagTable(() => at);
    table.configure({ ...DEFAULT_LIMITS, partitions: 10 });
    for (let i = 0; i < 25; i++) table.end(`t${i}`, 0, 1);
    expect(table.untracked).toBe(15);
    expect(table.changes()?.ends).toHaveLength(10);
    at = REMEMBER_MS.end + 1;
    table.end('new', 0, 1);
    expect(table.changes()?.ends.map(({ topic }) => topic)).toEqual(['new']);
    expect(table.untracked).toBe(15);
  });

  test('series: partitions up to the limit, groups by name, then other; the sums are whole', () => {
    const story = new LagStory();
    const on = story.of();
    on.configure({ partitions: 10_000, series: 5, groups: 3, clients: 3 });
    for (let i = 0; i < 20; i++) {
      on.end('t', i, 10);
      for (let group = 0; group < 6; group++) on.committed(`g${group}`, 't', i, 10 - group);
    }
    const gauges = story.gauges();
    const ending = (end: string) => Object.keys(gauges).filter((name) => name.endsWith(end));
    expect(ending('.lag')).toHaveLength(5);
    expect(ending('.lag_sum')).toEqual(['g0.t.lag_sum', 'g1.t.lag_sum', 'g2.t.lag_sum', 'other.other.lag_sum']);
    expect(gauges['other.other.lag_sum']).toBe(20 * (3 + 4 + 5));
    expect(gauges['other.other.lag_max']).toBe(5);
    expect(gauges['other.other.committed_messages']).toBeUndefined();
  });

  test('50,000 topics: series, memory and time', () => {
    const story = new LagStory(2);
    for (const worker of [0, 1])
      for (let i = 0; i < 50_000; i++) {
        story.of(worker).end(`topic-${i}`, 0, 10);
        story.of(worker).committed('g', `topic-${i}`, 0, 9);
        story.of(worker).fetched('c', `topic-${i}`, 0, 9);
      }
    story.tell();
    expect(story.gauges('sluice.consumer_lag.kafka.')).toEqual({
      partitions: 10_000,
      committed: 10_000,
      fetched: 10_000,
      untracked: 240_000,
    });
    const groups = story.gauges();
    expect(Object.keys(groups).length).toBeLessThan(DEFAULT_LIMITS.series + 4 * (MAX_PAIRS + 1) + 3);
    const sum = Object.entries(groups).reduce((all, [name, lag]) => (name.endsWith('lag_sum') ? all + lag : all), 0);
    expect(sum).toBe(10_000);
    const beganAt = cpuMs();
    story.gauges();
    expect(cpuMs() - beganAt).toBeLessThan(250);
  });
});

describe('between processes', () => {
  test('only what is new is told; all of it to new facts', () => {
    const story = new LagStory();
    const on = story.of();
    on.end('t', 0, 1);
    on.committed('g', 't', 0, 1);
    expect(story.tell()).toBe(1);
    on.end('t', 0, 1);
    expect(story.tell()).toBe(0);
    on.end('t', 0, 2);
    expect(story.tell()).toBe(1);
    story.pass(2 * MINUTE);
    on.committed('g', 't', 0, 1); // the same: that it is still said is news after a while
    expect(story.tell()).toBe(1);
    story.workers[0]!.snapshot();
    expect(story.tell()).toBe(1);
  });

  test('very many changes come in portions, one a second', () => {
    const story = new LagStory();
    for (let i = 0; i < 10_000; i++) story.of().end('t', i, i);
    expect([...story.workers[0]!.changes()]).toHaveLength(1); // and lost
    expect(story.tell()).toBe(4);
    expect(story.gauges('sluice.consumer_lag.kafka.')).toMatchObject({ partitions: 8000 });
  });

  test('a buffer that was cut or changed anywhere is no buffer, or one of the same kind; never an exception', () => {
    const story = new LagStory();
    story.of().end('orders', 3, 70_000);
    story.of().committed('g', 'orders', 3, 1);
    story.of().group('g', 2, 1);
    for (const buffer of story.workers[0]!.changes()) {
      for (let cut = 0; cut < buffer.length; cut++) {
        const facts = new MergedLag({ now: () => 0, wall: () => 0 });
        expect(facts.apply(buffer.subarray(0, cut))).toBe(false);
        expect(facts.malformed).toBe(1);
        for (const value of [0, 1, 127, 128, 255]) {
          const bad = Buffer.from(buffer);
          bad[cut] = value;
          facts.apply(bad);
        }
      }
    }
  });

  test('listeners are apart', () => {
    const story = new LagStory();
    story.of(0, 'a').end('t', 0, 10);
    story.of(0, 'b').committed('g', 't', 0, 1);
    expect(story.gauges('sluice.consumer_group.')).toEqual({});
  });
});
