import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboardFiles } from '../../scripts/generate-dashboards.ts';
import { embeddedStore, type Store } from '../../src/sinks/clickhouse/store.ts';
import {
  type DashboardStage,
  HOSTILE_NAMES,
  scraped,
  startDashboardStage,
  TRACE_ID,
} from '../support/dashboard-stage.ts';
import { ALL, type Chosen, expandClickHouse, expandPromql, type Viewing } from '../support/grafana-queries.ts';
import { needs } from '../support/needs.ts';
import type { RealPrometheus } from '../support/real-prometheus.ts';

/**
 * Every query of every dashboard, sent to where Grafana would send it, after real traffic: it must be understood and
 * answer with rows.
 */

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly regex?: string;
  readonly query: string | { readonly query?: string; readonly rawSql?: string };
}
interface Target {
  readonly refId: string;
  readonly expr?: string;
  readonly rawSql?: string;
  readonly legendFormat?: string;
}
interface Panel {
  readonly title: string;
  readonly targets?: readonly Target[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const DASHBOARDS = [...dashboardFiles().values()].map((text) => JSON.parse(text) as Dashboard);
/** Dashboards of a protocol whose server may be missing here. */
const PROGRAM_OF: Readonly<Record<string, 'mariadb' | 'redis' | 'zookeeper'>> = {
  'sluice-mysql': 'mariadb',
  'sluice-redis': 'redis',
  'sluice-zookeeper': 'zookeeper',
};

/** What this traffic leaves empty, and why. `uid: panel: legend` of a query of Prometheus, `uid: panel` of ClickHouse. */
const EMPTY: Readonly<Record<string, string>> = {};

/** A rate looks back over four of these: far more than the servers here take, so that a scrape may come late. */
const SCRAPE_MS = 5000;
let stage: DashboardStage;
/** Of all questions to Prometheus, s. */
let at: Awaited<ReturnType<typeof scraped>>;

beforeAll(async () => {
  stage = await startDashboardStage();
  at = await scraped(stage);
});
afterAll(() => stage?.stop());

describe('before Prometheus', () => {
  for (const dashboard of DASHBOARDS)
    for (const kind of ['classic', 'native'] as const)
      test(`${dashboard.uid}, ${kind} histograms`, async (context) => {
        needs(context, 'prometheus');
        const program = PROGRAM_OF[dashboard.uid];
        if (program) needs(context, program);
        const prometheus = stage.prometheus![kind];
        // All on one, everything by name on the other.
        const viewing = await chosenByPrometheus(dashboard, prometheus, kind === 'classic');
        const empty = await inTurns(promqlOf(dashboard), async ({ name, expr }) => {
          const rows = await prometheus.query(expandPromql(expr, viewing), at[kind]);
          return rows.some(({ value, histogram }) => histogram !== null || !Number.isNaN(value)) ? [] : [name];
        });
        expect(empty.filter((name) => EMPTY[name] === undefined)).toEqual([]);
      });
});

describe('before ClickHouse', () => {
  let store: Store;
  beforeAll(async () => {
    await stage.stopSluice();
    store = embeddedStore(stage.history);
  });
  afterAll(() => store?.close());

  for (const dashboard of DASHBOARDS)
    for (const all of [true, false])
      test(`${dashboard.uid}, ${all ? 'all' : 'everything by name'}`, async (context) => {
        const program = PROGRAM_OF[dashboard.uid];
        if (program) needs(context, program);
        const viewing = await chosenByClickHouse(dashboard, store, all);
        const empty = await inTurns(sqlOf(dashboard), async ({ name, sql }) => {
          const rows = await store.query(expandClickHouse(sql, viewing));
          return rows.length > 0 ? [] : [name];
        });
        expect(empty.filter((name) => EMPTY[name] === undefined)).toEqual([]);
      });

  test('a name from the wire stays a name', async () => {
    const dashboard = DASHBOARDS.find(({ uid }) => uid === 'sluice-top-queries')!;
    const viewing = await chosenByClickHouse(dashboard, store, true);
    const ranking = dashboard.panels.find(({ title }) => title === 'Top queries by load')!.targets![0]!.rawSql!;
    const applications = await values(dashboard, 'application', store, viewing);
    for (const name of HOSTILE_NAMES) {
      expect(applications).toContain(name);
      const variables = new Map<string, Chosen>([...viewing.variables, ['application', [name]]]);
      const rows = await store.query<{ calls: number }>(expandClickHouse(ranking, { ...viewing, variables }));
      expect(rows.map(({ calls }) => calls)).toEqual([1]);
    }
  });

  test('a sample leads to the caller’s trace', async () => {
    const dashboard = DASHBOARDS.find(({ uid }) => uid === 'sluice-query')!;
    const viewing = await chosenByClickHouse(dashboard, store, true);
    const slowest = dashboard.panels.find(({ title }) => title === 'Slowest samples')!.targets![0]!.rawSql!;
    const variables = new Map<string, Chosen>([...viewing.variables, ['application', [HOSTILE_NAMES[0]]]]);
    const rows = await store.query<{ trace_id: string }>(expandClickHouse(slowest, { ...viewing, variables }));
    expect(rows.map(({ trace_id }) => trace_id)).toEqual([TRACE_ID]);
  });
});

test('only panels that exist are excused', () => {
  const known = DASHBOARDS.flatMap((one) => [...promqlOf(one), ...sqlOf(one)].map(({ name }) => name));
  expect(Object.keys(EMPTY).filter((name) => !known.includes(name))).toEqual([]);
});

function promqlOf({ uid, panels }: Dashboard): { readonly name: string; readonly expr: string }[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ expr, legendFormat }) =>
      expr === undefined ? [] : [{ name: `${uid}: ${title}${legendFormat ? `: ${legendFormat}` : ''}`, expr }],
    ),
  );
}

function sqlOf({ uid, panels }: Dashboard): { readonly name: string; readonly sql: string }[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ rawSql }) => (rawSql === undefined ? [] : [{ name: `${uid}: ${title}`, sql: rawSql }])),
  );
}

function viewing(variables: ReadonlyMap<string, Chosen>, allValues: ReadonlyMap<string, string> = new Map()): Viewing {
  const now = Date.now();
  return {
    variables,
    allValues,
    from: Math.min(stage.startedAt, now - 60_000),
    to: now + 1000,
    intervalMs: 2000,
    scrapeMs: SCRAPE_MS,
  };
}

/** The variables of a dashboard in their order, each asked for with those before it. */
async function chosenByPrometheus(
  { templating }: Dashboard,
  prometheus: RealPrometheus,
  all: boolean,
): Promise<Viewing> {
  const digests = await prometheus.api<string[]>('/api/v1/label/digest/values', {
    'match[]': 'sluice_digest_calls_total',
  });
  const variables = new Map<string, Chosen>([['digest', digests.filter((digest) => digest !== 'other')]]);
  const allValues = new Map(templating.list.map(({ name, allValue = '' }) => [name, allValue]));
  for (const { name, multi, includeAll, regex, query } of templating.list) {
    if (typeof query === 'string' || query.query === undefined) continue;
    const found = await variableValues(prometheus, expandPromql(query.query, viewing(variables, allValues)));
    const picked = found.flatMap((value) => (regex ? (patternOf(regex).exec(value)?.[1] ?? []) : value));
    expect(picked, `$${name}`).not.toEqual([]);
    variables.set(name, all && includeAll ? ALL : multi ? picked : picked.at(-1)!);
  }
  return viewing(variables, allValues);
}

const patternOf = (regex: string): RegExp => new RegExp(regex.slice(1, -1));

/** `label_values(selector, label)` and `metrics(regex)`, as Grafana's data source asks Prometheus for them. */
async function variableValues(prometheus: RealPrometheus, query: string): Promise<string[]> {
  const metrics = /^metrics\((.+)\)$/.exec(query)?.[1];
  if (metrics !== undefined) {
    const names = await prometheus.api<string[]>('/api/v1/label/__name__/values');
    return names.filter((name) => new RegExp(metrics).test(name));
  }
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
  return prometheus.api<string[]>(`/api/v1/label/${label}/values`, { 'match[]': selector! });
}

async function chosenByClickHouse(dashboard: Dashboard, store: Store, all: boolean): Promise<Viewing> {
  const variables = new Map<string, Chosen>();
  // The rows of an hour stand at its beginning.
  const seen = (): Viewing => (all ? viewing(variables) : { ...viewing(variables), from: Date.now() - 2 * 3_600_000 });
  for (const { name, type, multi, includeAll, query } of dashboard.templating.list) {
    if (type === 'constant') variables.set(name, query as string);
    // Those of Prometheus have the same values.
    else if (typeof query !== 'string' && query.query !== undefined) {
      const column = name === 'listener' || name === 'database' ? name : null;
      if (column === null) continue;
      const rows = await store.query<{ value: string }>(`SELECT DISTINCT ${column} AS value FROM sluice.rollup_10s`);
      variables.set(name, all ? ALL : rows.map(({ value }) => value));
    } else if (name in FORCED && !all) {
      variables.set(name, FORCED[name]!);
    } else if (typeof query !== 'string') {
      const found = await values(dashboard, name, store, seen());
      expect(found, `$${name}`).not.toEqual([]);
      variables.set(name, all && includeAll ? ALL : multi ? found : found[0]!);
    }
  }
  return seen();
}

/** What the time range of a test never chooses: the coarser rollups have the same columns. */
const FORCED: Readonly<Record<string, string>> = { rollup: 'rollup_1m', rollup_sums: 'rollup_1h' };

/** Of a variable: the first column is its value. */
async function values({ templating }: Dashboard, name: string, store: Store, seen: Viewing): Promise<string[]> {
  const { query } = templating.list.find((variable) => variable.name === name)!;
  if (typeof query === 'string') throw new Error(`$${name} has no query`);
  const rows = await store.query<Record<string, string>>(expandClickHouse(query.rawSql!, seen));
  return rows.map((row) => Object.values(row)[0]!);
}

/** Eight at a time, and what all of them gave. */
async function inTurns<T, R>(list: readonly T[], work: (one: T) => Promise<R[]>): Promise<R[]> {
  const left = list.entries();
  const given: R[][] = [];
  const lane = async () => {
    for (const [at, one] of left) given[at] = await work(one);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return given.flat();
}
