import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ClickhouseSinkConfig } from '../../src/config/snapshot.ts';
import { type ClickhouseSink, clickhouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { EmbeddedProcess } from '../../src/sinks/clickhouse/embedded-process.ts';
import { embeddedStore, type Store, serverStore } from '../../src/sinks/clickhouse/store.ts';
import { type ClickhouseHttp, startClickhouseHttp } from './clickhouse-http.ts';
import { clickhouseConfig, sinkEnv } from './clickhouse-parcels.ts';
import { memoryTmp } from './memory-folder.ts';

export const PASSWORD = 's3cret-Pass';

/** One embedded engine for many tests, each in a database of its own, and the HTTP stand-in before it. */
export interface ClickhouseStage {
  /** For whatever a test needs; removed at the end. */
  readonly root: string;
  readonly folder: string;
  readonly engine: EmbeddedProcess;
  readonly http: ClickhouseHttp;
  /** Straight into the engine. */
  embedded(database: string, change?: Partial<ClickhouseSinkConfig>): ClickhouseSink;
  /** Through HTTP. */
  remote(database: string, change?: Partial<ClickhouseSinkConfig>): ClickhouseSink;
  store(): Store;
  serverStore(): Store;
  close(): Promise<void>;
}

export async function clickhouseStage(): Promise<ClickhouseStage> {
  const root = mkdtempSync(path.join(memoryTmp(), 'sluice-clickhouse-'));
  const folder = path.join(root, 'history');
  const engine = new EmbeddedProcess({ folder });
  const http = await startClickhouseHttp(engine, 'sluice', PASSWORD);
  const access = { url: http.url, username: 'sluice', password: PASSWORD };
  return {
    root,
    folder,
    engine,
    http,
    embedded: (database, change = {}) =>
      clickhouseSink(clickhouseConfig({ database, ...change }), sinkEnv(), embeddedStore(folder, engine)),
    remote: (database, change = {}) => clickhouseSink(clickhouseConfig({ database, ...access, ...change }), sinkEnv()),
    store: () => embeddedStore(folder, engine),
    serverStore: () => serverStore({ ...access, timeoutMs: 60_000, cluster: false }),
    async close() {
      await http.close();
      await engine.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const within = (ms = 60_000): AbortSignal => AbortSignal.timeout(ms);

/** The one number `n` of a query. */
export async function numberOf(sink: ClickhouseSink, sql: string): Promise<number> {
  const [row] = await sink.store.query<{ n: number }>(sql);
  return Number(row!.n);
}

/** Rows of the table, and what each rollup sums up. */
export async function countsOf(sink: ClickhouseSink, database: string): Promise<number[]> {
  const rollups = ['rollup_10s', 'rollup_1m', 'rollup_1h'];
  const all = [await numberOf(sink, `SELECT count() AS n FROM ${database}.exchanges`)];
  for (const table of rollups) all.push(await numberOf(sink, `SELECT sum(exchanges) AS n FROM ${database}.${table}`));
  return all;
}
