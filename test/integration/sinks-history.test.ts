import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueryAnswer } from '../../src/digest/rows/merged-rows-query.ts';
import { ClickhouseHistory } from '../../src/sinks/clickhouse/history.ts';
import type { HistoryAnswer, HistoryRequest } from '../../src/sinks/history.ts';
import type { SinkRow } from '../../src/sinks/hub.ts';
import { HOSTILE, parcelOf, variety } from '../support/clickhouse-parcels.ts';
import { type ClickhouseStage, clickhouseStage, within } from '../support/clickhouse-stage.ts';
import { factsSocketIn, startGenerator } from '../support/event-generator-report.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('sluice run --history', () => {
  let sluice: RunningSluice;
  let home: string;

  beforeAll(async () => {
    home = mkdtempSync(path.join(memoryTmp(), 'sluice-past-'));
    sluice = await runSluice({
      upstreams: ['postgres://127.0.0.1:1'],
      args: ['--history', path.join(home, 'history')],
      concurrency: 1,
      env: { TMPDIR: home, XDG_STATE_HOME: home, STATE_DIRECTORY: '' },
    });
  });

  afterAll(async () => {
    await sluice?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  test('/api/history tells of the same traffic what /api/queries tells: calls, errors, rows, times, p99', async () => {
    const generator = startGenerator(factsSocketIn(home)!, { rate: 3000, seconds: 2, errors: 0.05, digests: 30 });
    const { put } = await generator.report;
    const history = (query: string) => sluice.getJson<HistoryAnswer>(`/api/history?${query}`);
    await poll(
      'all is stored',
      async () => (await history('by=query').catch(() => null))?.totals.exchanges === put.exchanges,
      { withinMs: 60_000 },
    );
    const live = await sluice.getJson<QueryAnswer>('/api/queries?by=digest&limit=1000');
    const past = await history('by=query&minutes=15&limit=100');
    expect(live.queries.length).toBeGreaterThan(20);
    const told = (digest: string) => past.queries!.find((query) => query.digest === digest);
    for (const query of live.queries) {
      const { calls, errors, summary, protocol, rows, p99_s, seconds, share } = told(query.digest)!;
      expect({ calls, errors, summary, protocol, rows }).toEqual({
        calls: query.calls,
        errors: sum(query.errors),
        summary: query.summary,
        protocol: query.protocol,
        rows: query.rows_returned + query.rows_affected,
      });
      // The largest value bounds a quantile; here it is kept as whole nanoseconds.
      expect(Math.abs(p99_s! - query.time.p99_s)).toBeLessThan(2e-9);
      expect(seconds / query.time.total_s).toBeCloseTo(1, 6);
      expect(share).toBeCloseTo(query.time.total_s / live.totals.time.total_s, 6);
    }
    expect(past.queries!.length).toBe(live.queries.length);
    const bySeconds = past.queries!.map(({ seconds }) => seconds);
    expect(bySeconds).toEqual([...bySeconds].sort((a, b) => b - a));

    const time = await history('by=time&minutes=15');
    const points = time.points!;
    const total = (of: (point: (typeof points)[number]) => number) => points.reduce((n, point) => n + of(point), 0);
    expect(total((p) => p.calls)).toBe(live.totals.calls);
    expect(total((p) => p.errors)).toBe(sum(live.totals.errors));
    expect(total((p) => p.calls_per_s * p.seconds)).toBeCloseTo(live.totals.calls, 3);
    expect(time.totals).toMatchObject({ calls: live.totals.calls, errors: sum(live.totals.errors) });
    // One point over all: its quantiles are those of the whole.
    const [all, ...rest] = (await history('by=time&minutes=600&step=86400')).points!.filter(({ calls }) => calls > 0);
    if (rest.length === 0) expect(all!.p99_s).toBeCloseTo(live.totals.time.p99_s, 8);

    const [one] = live.queries;
    const filtered = await history(`by=time&digest=${one!.digest}&protocol=${one!.protocol}`);
    expect(filtered.totals.calls).toBe(one!.calls);
    expect((await history('by=query&digest=%27%20OR%201%3D1')).queries).toEqual([]);

    const { sinks } = await sluice.getJson<{ sinks: SinkRow[] }>('/api/sinks');
    expect(sinks).toEqual([
      {
        name: 'history',
        type: 'clickhouse',
        healthy: true,
        produced: put.exchanges,
        waiting: 0,
        delivered: put.exchanges,
        spooled: 0,
        dropped: 0,
        lag_seconds: 0,
        trouble: null,
      },
    ]);
  });

  test('many at once: some are answered, the others are told to come again', async () => {
    const ask = () => fetch(`${sluice.adminUrl}/api/history?by=query&minutes=15`);
    const answers = await Promise.all(Array.from({ length: 12 }, ask));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
    expect(new Set([200, 503])).toEqual(new Set([200, 503, ...statuses]));
    for (const answer of answers) if (answer.status === 503) expect(answer.headers.get('retry-after')).toBe('2');
  });
});

describe('a history that is asked', () => {
  let stage: ClickhouseStage;
  beforeAll(async () => {
    stage = await clickhouseStage();
  });
  afterAll(() => stage.close());

  const request = (change: Partial<HistoryRequest>): HistoryRequest => {
    const to = Date.now();
    return { by: 'query', from: to - 900_000, to, limit: 100, filters: {}, ...change };
  };

  for (const kind of ['embedded', 'remote'] as const)
    test(`${kind}: names of strangers are values, and choose exactly their own rows`, async () => {
      const sink = stage[kind](`names_${kind}`);
      const history = new ClickhouseHistory('past', `names_${kind}`, sink.store);
      await expect(history.read(request({}), within())).rejects.toThrow('there are no tables yet');
      const { batch } = variety(5);
      expect(await sink.deliver(parcelOf([batch]), within())).toEqual({ kind: 'delivered' });
      const want = new Map<string, number>();
      for (let row = 0; row < batch.rows; row++) {
        const { database } = batch.session(batch.columns.session[row]!);
        want.set(database, (want.get(database) ?? 0) + batch.columns.weight[row]!);
      }
      expect(want.size).toBe(HOSTILE.length);
      for (const [database, exchanges] of want) {
        const { totals, queries } = await history.read(request({ filters: { database } }), within());
        expect([database, totals.exchanges]).toEqual([database, exchanges]);
        expect(queries!.length).toBeGreaterThan(0);
      }
      const { queries } = await history.read(request({ sort: 'calls' }), within());
      const texts = queries!.map(({ text }) => text);
      for (const name of HOSTILE) expect(texts).toContain([...Buffer.from(name).toString()].slice(0, 500).join(''));
      if (kind === 'remote') await sink.close();
    });
});
