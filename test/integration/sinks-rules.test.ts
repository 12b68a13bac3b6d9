import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { embeddedBin, SUPERUSER, startPostgres } from '../../src/cli/demo/postgres/server.ts';
import { fetchQueries } from '../../src/cli/top/queries-api.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type RealPrometheus, startPrometheus } from '../support/real-prometheus.ts';
import { runSluice } from '../support/run-sluice.ts';

// What the rules record in a real Prometheus that reads a real Sluice, from classic buckets and from native histograms.

const HOME = path.resolve(import.meta.dirname, '../../dashboards/prometheus');

/** Copies of the rules that are evaluated at every beat: some have an interval of minutes. */
function rulesIn(home: string, folder: string): string[] {
  const files = ['ratios', 'recording'].map((name) => path.join(HOME, folder, `${name}.rules.yml`));
  const alerts = ['slo', 'alerts'].map((name) => path.join(HOME, 'rules', `${name}.rules.yml`));
  return [...files, ...alerts].map((file) => {
    const copy = path.join(home, `${folder}-${path.basename(file)}`);
    writeFileSync(copy, readFileSync(file, 'utf8').replaceAll(/^ +interval: .*\n/gm, ''));
    return copy;
  });
}

const DEADLY = 'select 1 -- and die';

/** A way to a server on this machine that vanishes once it is asked the above. Returns its port. */
async function mortal(port: number): Promise<number> {
  const open = new Set<Socket>();
  const relay = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(from);
      from.on('close', () => to.destroy()).on('error', () => to.destroy());
    }
    client.on('data', (bytes) => (bytes.includes(DEADLY) ? server.destroy() : server.write(bytes)));
    server.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    relay.close();
  });
  return (relay.address() as AddressInfo).port;
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
  }[];
}

test('ratios come out right in both forms, and no rule fails', async (context) => {
  needs(context, 'promtool');
  const home = mkdtempSync(path.join(tmpdir(), 'sluice-rules-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const postgres = await startPostgres({ bin: embeddedBin()! });
  onTestFinished(() => postgres.stop());
  const sluice = await runSluice({
    upstreams: [`postgres://127.0.0.1:${await mortal(postgres.port)}`],
    concurrency: 0,
  });
  onTestFinished(async () => void (await sluice.stop()));
  const to = { host: '127.0.0.1', port: sluice.port, user: SUPERUSER, database: 'postgres' };
  const client = new pg.Client(to);
  await client.connect();
  onTestFinished(() => client.end());
  const start = async (folder: string, nativeHistograms: boolean): Promise<RealPrometheus> => {
    const ruleFiles = rulesIn(home, folder);
    const prometheus = await startPrometheus({
      targets: { sluice: sluice.adminUrl },
      ruleFiles,
      nativeHistograms,
      scrapeMs: 500,
    });
    onTestFinished(() => prometheus.stop());
    return prometheus;
  };
  const forms = await Promise.all([start('rules', false), start('rules-native', true)]);

  // Of each ten: one that is slow, one that the server fails, one that it takes with it, one that the client makes fail.
  const ask = (text: string) => client.query(text).catch(() => undefined);
  const raise = (code: string) => ask(`do $$ begin raise exception using errcode = '${code}'; end $$`);
  const die = async () => {
    const doomed = new pg.Client(to);
    doomed.on('error', () => {}); // its connection ends
    await doomed.connect();
    await expect(doomed.query(DEADLY)).rejects.toThrow(/terminated|reset/i);
  };
  const round = async () => {
    for (let i = 0; i < 6; i++) await ask('select 1');
    await ask('select pg_sleep(0.26)');
    await raise('40001');
    await raise('23505');
    await die();
  };
  await round(); // rates need a first sample of each series
  await Promise.all(forms.map((prometheus) => prometheus.scraped(2)));

  /** What Sluice itself has seen, all in all: how long a statement takes is this machine's doing. */
  const truth = async () => {
    const { queries, totals } = await fetchQueries(sluice.adminUrl);
    const longest = queries.toSorted((a, b) => b.time.total_s - a.time.total_s)[0]!;
    const page = await sluice.getText('/metrics');
    const count = (series: RegExp) => [...page.matchAll(series)].reduce((sum, [, n]) => sum + Number(n), 0);
    const timed = count(/^db_client_operation_duration_seconds_count\{.*\} (\d+)/gm);
    const quick = count(/^db_client_operation_duration_seconds_bucket\{.*le="0\.25".*\} (\d+)/gm);
    return { longest, share: longest.time.total_s / totals.time.total_s, slow: (timed - quick) / timed };
  };
  const wantedOf = ({ longest, share, slow }: Awaited<ReturnType<typeof truth>>) =>
    [
      ['listener:sluice_failures_per_operation:ratio_rate5m', 0.2],
      ['listener:sluice_errors_per_operation:ratio_rate30m', 0.3],
      ['listener:sluice_slow_per_operation:ratio_rate1h', slow], // 1 / 9 where nothing else is slow
      ['listener_database:sluice_failures_per_operation:ratio_rate3d{db_namespace="postgres"}', 0.2],
      ['sum(error:sluice_operation_calls:rate2h{error_type="lost"}) / sum(error:sluice_operation_calls:rate2h)', 0.1],
      ['max(digest:sluice_digest_seconds_per_second:ratio_rate10m)', share],
      [`count(digest:sluice_digest_duration_seconds:quantile99_rate30m{digest="${longest.digest}"} > 0.2)`, 1],
      ['count(digest:sluice_digest_info:max)', 3],
    ] as const;
  const far = async (prometheus: RealPrometheus) => {
    const wanted = wantedOf(await truth());
    const values = await Promise.all(
      wanted.map(async ([promql]) => (await prometheus.query(promql))[0]?.value ?? Number.NaN),
    );
    return wanted.flatMap(([promql, want], i) =>
      Math.abs(values[i]! - want) <= 0.05 ? [] : [`${promql}: ${values[i]}, not ${want}`],
    );
  };
  await poll(
    'the recorded numbers are those of the traffic',
    async () => {
      await round();
      const off = (await Promise.all(forms.map(far))).flat();
      if (off.length > 0) throw new Error(off.join('\n'));
      return true;
    },
    { withinMs: 100_000, everyMs: 100 },
  );
  for (const prometheus of forms) {
    const rules = (await prometheus.api<Rules>('/api/v1/rules')).groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(85);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  }
});
