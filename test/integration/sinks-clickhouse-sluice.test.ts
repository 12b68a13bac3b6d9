import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EmbeddedProcess } from '../../src/sinks/clickhouse/embedded-process.ts';
import { embeddedStore } from '../../src/sinks/clickhouse/store.ts';
import { factsSocketIn, startGenerator } from '../support/event-generator-report.ts';
import { freePort } from '../support/free-port.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { poll } from '../support/poll.ts';
import { runSluice } from '../support/run-sluice.ts';

test('a whole Sluice into the embedded one, killed under load: every exchange is there once, and nothing stays behind', async () => {
  const home = mkdtempSync(path.join(memoryTmp(), 'sluice-history-run-'));
  const folder = path.join(home, 'history');
  const config = path.join(home, 'sluice.yaml');
  writeFileSync(
    config,
    `proxies: [{listen: '127.0.0.1:${await freePort()}', upstream: 'postgres://127.0.0.1:1'}]
sinks: [{type: clickhouse, path: ${folder}, timeout: 60s}]
spool: {path: ${path.join(home, 'spool')}}
`,
  );
  const sluice = await runSluice({ args: ['-c', config], concurrency: 1, env: { TMPDIR: home } });
  const engines: number[] = [];
  try {
    const generator = startGenerator(factsSocketIn(home)!, { rate: 5000, seconds: 3, turnover: 20 });
    await generator.connected;
    const stats = async (): Promise<Record<string, number>> => {
      const text = await sluice.getText('/stats?filter=sluice.sink.clickhouse');
      return Object.fromEntries(
        [...text.matchAll(/^sluice\.sink\.clickhouse\.(\w+): (\d+)$/gm)].map((m) => [m[1]!, Number(m[2])]),
      );
    };
    await poll('something delivered', async () => (await stats())['delivered']! > 0, { withinMs: 60_000 });
    // The lock file names the engine's process.
    const pid = Number(/^PID: (\d+)$/m.exec(readFileSync(path.join(folder, 'status'), 'utf8'))![1]);
    process.kill(pid, 'SIGKILL');
    engines.push(pid);
    const report = await generator.report;
    expect(report).toMatchObject({ dropped: 0, waiting: 0 });
    const put = report.put.exchanges;
    await poll('all delivered', async () => (await stats())['delivered'] === put, { withinMs: 60_000 });
    const { produced, waiting, delivered, spooled, dropped } = await stats();
    expect({ produced, waiting, delivered, spooled, dropped }).toEqual({
      produced: put,
      waiting: 0,
      delivered: put,
      spooled: 0,
      dropped: 0,
    });
    engines.push(Number(/^PID: (\d+)$/m.exec(readFileSync(path.join(folder, 'status'), 'utf8'))![1]));
    expect(engines[1]).not.toBe(engines[0]);
    expect((await sluice.stop()).code).toBe(0);
    for (const one of engines) await poll('the engine is gone', () => !alive(one));

    const engine = new EmbeddedProcess({ folder });
    const store = embeddedStore(folder, engine);
    const [row] = await store.query<Record<string, number>>(
      `SELECT count() AS rows, uniqExact(origin, session_id, seq) AS different, sum(request_bytes) AS bytes,
         countIf(error_class = 'error') AS errors, (SELECT sum(exchanges) FROM sluice.rollup_10s) AS rolled,
         (SELECT sum(request_bytes) FROM sluice.rollup_1h) AS rolled_bytes FROM sluice.exchanges`,
    );
    expect(row).toEqual({
      rows: put,
      different: put,
      bytes: report.put.requestBytes,
      errors: report.put.errors,
      rolled: put,
      rolled_bytes: report.put.requestBytes,
    });
    await store.close();
  } finally {
    await sluice.stop();
    rmSync(home, { recursive: true, force: true });
  }
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
