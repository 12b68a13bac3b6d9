import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { SampleSource } from '../../test/support/sample-source.ts';
import { AdminServer, MetricsServer } from './admin-server.ts';
import { MAX_EVENTS_PER_SECOND, MAX_READERS } from './exchange-stream.ts';
import { type Listening, listen, text } from './http-server.ts';
import { MetricsPage } from './metrics-page.ts';
import type { PolicyRow } from './policy-rows.ts';
import type { ExchangeEvent } from './source.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const portOf = ({ address }: Listening): number => (address.kind === 'ip' ? address.port : 0);

/** One request with exactly these headers; fetch would set Host itself. */
function ask(
  to: Listening,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: portOf(to), path, method, agent: false, headers },
      (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          received += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: received }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Raw bytes in, everything that comes back until the server closes. */
function raw(to: Listening, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(portOf(to), '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}

const LOOPBACK = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
let source: SampleSource;
let server: Listening;
let failures: unknown[];

beforeEach(async () => {
  source = new SampleSource();
  failures = [];
  const failed = (error: unknown): number => failures.push(error);
  server = await new AdminServer({ source, stats: source.registry, names: ['sluice.test'], failed }).start(LOOPBACK);
});
afterEach(async () => {
  await server.close();
});

describe('routes', () => {
  for (const [path, type, want] of [
    ['/', 'text/html', '<title>Sluice</title>'],
    ['/live.js', 'text/javascript', "from './table.js'"],
    ['/table.js', 'text/javascript', 'textContent'],
    ['/live.css', 'text/css', ':root'],
    ['/ready', 'text/plain', 'LIVE\n'],
    ['/server_info', 'application/json', '"state":"LIVE"'],
    ['/stats', 'text/plain', 'cluster.postgres.upstream_cx_total: 23\n'],
    ['/stats', 'text/plain', 'cluster.postgres.upstream_cx_connect_ms: P0(nan,0.99'],
    ['/stats?format=json', 'application/json', '{"name":"cluster.postgres.upstream_cx_total","value":23}'],
    ['/stats?format=json', 'application/json', '"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,100]'],
    [
      '/stats?format=prometheus',
      'text/plain; version=0.0.4',
      'envoy_cluster_upstream_cx_total{envoy_cluster_name="postgres"} 23',
    ],
    ['/stats/prometheus', 'text/plain; version=0.0.4', '# TYPE sluice_digest_calls_total counter'],
    ['/metrics', 'text/plain; version=0.0.4', 'process_cpu_seconds_total{role="facts"}'],
    ['/metrics', 'text/plain; version=0.0.4', 'db_client_operation_duration_seconds_count{'],
    ['/clusters', 'text/plain', 'postgres::10.0.0.5:5432::cx_active::14\n'],
    ['/clusters?format=json', 'application/json', '"cx_connect_fail":1'],
    ['/listeners', 'text/plain', 'postgres::127.0.0.1:15432\n'],
    ['/listeners?format=json', 'application/json', '"local_address":"127.0.0.1:15432","protocol":"postgres"'],
    ['/config_dump', 'application/json', '"password":"[redacted]"'],
    ['/api/connections', 'application/json', '"bytes_received":18000'],
    ['/help', 'text/plain', '/quitquitquit (POST): drains and exits'],
  ] as const)
    test(`${path} says ${want}`, async () => {
      const { status, headers, body } = await ask(server, path);
      expect(status).toBe(200);
      expect(headers['content-type']).toContain(type);
      expect(body).toContain(want);
      expect(failures).toEqual([]);
    });

  test('a HEAD request has the head alone', async () => {
    expect(await ask(server, '/stats', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  for (const path of [
    '/nothing',
    '/api/policy',
    '/stats/',
    '//',
    '/metrics/x',
    '/..%2f..%2fpackage.json',
    '/live.js/',
    '/index.html',
  ])
    test(`${path} is not there`, async () => expect((await ask(server, path)).status).toBe(404));

  test('every answer forbids caching, sniffing, framing and foreign scripts', async () => {
    for (const path of ['/', '/api/queries', '/nothing', '/api/queries?by=x']) {
      const { headers } = await ask(server, path);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  for (const [state, status] of [
    ['LIVE', 200],
    ['DRAINING', 503],
    ['INITIALIZING', 503],
  ] as const)
    test(`ready while ${state}: ${status}`, async () => {
      source.serverState = state;
      expect(await ask(server, '/ready')).toMatchObject({ status, body: `${state}\n` });
    });

  test('secrets do not leave through any page', async () => {
    for (const path of ['/config_dump', '/stats', '/metrics', '/server_info', '/api/queries', '/api/connections'])
      expect((await ask(server, path)).body).not.toContain('canary-secret');
  });

  test('a broken source is a 500 and is told to the owner; the next request is answered', async () => {
    source.queries = () => {
      throw new Error('a secret detail');
    };
    const { status, body } = await ask(server, '/api/queries');
    expect([status, body]).toEqual([500, '{"error":"internal error"}\n']);
    expect(failures).toHaveLength(1);
    expect((await ask(server, '/ready')).status).toBe(200);
  });
});

describe('/stats', () => {
  for (const [query, has, not] of [
    ['filter=cx_active', 'upstream_cx_active', 'upstream_cx_total'],
    ['filter=^cluster\\..*_total$', 'upstream_cx_total', 'upstream_cx_active'],
    ['type=Gauges', 'upstream_cx_active', 'upstream_cx_total'],
    ['type=Histograms', 'connect_ms', 'upstream_cx_total'],
    ['usedonly', 'upstream_cx_total', 'stream_dropped'],
    ['format=prometheus&filter=cx_total', 'envoy_cluster_upstream_cx_total', 'sluice_digest'],
  ] as const)
    test(query, async () => {
      const { body } = await ask(server, `/stats?${query}`);
      expect(body).toContain(has);
      expect(body).not.toContain(not);
    });
});

describe('/api/queries?by=key', () => {
  beforeEach(async () => {
    await server.close();
    source = new SampleSource({ three: true });
    server = await new AdminServer({ source, stats: source.registry }).start(LOOPBACK);
  });

  test('the heavy keys, the totals of their listener, and what is not listed', async () => {
    const { status, body } = await ask(server, '/api/queries?by=key&sort=bytes&limit=2&listener=redis');
    expect(status).toBe(200);
    const { keys, listeners } = JSON.parse(body);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatchObject({ key: 'page:/\\xff\\x00home', cut: false, listener: 'redis', over: { calls: 0 } });
    expect(keys[0].bytes).toBeGreaterThan(keys[1].bytes);
    expect(listeners).toEqual([expect.objectContaining({ listener: 'redis', unlisted: expect.anything() })]);
    expect(JSON.parse((await ask(server, '/api/queries?by=key&listener=nobody')).body)).toEqual({
      keys: [],
      listeners: [],
    });
  });

  test('metrics have the shares, and hits and misses of operations and digests', async () => {
    const { body } = await ask(server, '/metrics');
    expect(body).toMatch(/sluice_hot_key_share\{sluice_listener="redis",by="calls",top="1"\} 0\.23/);
    expect(body).toMatch(/sluice_key_calls_total\{sluice_listener="redis"\} \d+/);
    expect(body).toMatch(/sluice_digest_hits_total\{digest="[0-9a-f]{16}"\} [1-9]/);
  });

  for (const [query, allowed] of [
    ['by=key&sort=p95', ['calls', 'bytes', 'time']],
    ['by=key&user=ann', ['listener']],
    ['by=key&protocol=redis', ['listener']],
    ['by=key&database=0', ['listener']],
  ] as const)
    test(`${query}: 400`, async () => {
      const { status, body } = await ask(server, `/api/queries?${query}`);
      expect(status).toBe(400);
      for (const word of allowed) expect(body).toContain(word);
    });
});

describe('/api/queries', () => {
  test('has the shape of its contract', async () => {
    const answer = JSON.parse((await ask(server, '/api/queries?limit=2&sort=calls&by=digest')).body);
    expect(answer.queries).toHaveLength(2);
    expect(answer.queries[0]).toMatchObject({
      summary: 'SELECT products',
      protocol: 'postgres',
      targets: ['products'],
    });
    expect(Object.keys(answer.queries[0].time)).toEqual(['total_s', 'mean_s', 'p50_s', 'p95_s', 'p99_s', 'max_s']);
    const sum = answer.queries.reduce((calls: number, q: { calls: number }) => calls + q.calls, answer.other.calls);
    expect(sum).toBe(answer.totals.calls);
  });

  for (const [query, message, allowed] of [
    ['sort=size', 'sort: "size" is none of', 'p95'],
    ['by=table', 'by: "table" is none of', 'application'],
    ['limit=0', 'limit: "0" is no whole number from 1 to 10000', null],
    ['limit=1e3', 'limit: "1e3"', null],
    ['limit=', 'limit: ""', null],
    ['size=1', 'unknown parameter "size"', 'listener'],
    ['__proto__=1', 'unknown parameter "__proto__"', 'sort'],
    ['by=user&by=digest', 'by is given twice', null],
    [`user=${'x'.repeat(257)}`, 'user is longer than 256 characters', null],
  ] as const)
    test(`${query.slice(0, 20)} is a 400 that helps`, async () => {
      const { status, headers, body } = await ask(server, `/api/queries?${query}`);
      expect(status).toBe(400);
      expect(headers['content-type']).toContain('application/json');
      const answer = JSON.parse(body);
      expect(answer.error).toContain(message);
      if (allowed !== null) expect(answer.allowed).toContain(allowed);
    });

  test('elsewhere the 400 is text', async () => {
    const { status, body } = await ask(server, '/stats?format=xml');
    expect([status, body]).toEqual([
      400,
      'format: "xml" is none of text, json, prometheus\nallowed: text, json, prometheus\n',
    ]);
    expect((await ask(server, '/stats?filter=(')).body).toBe('filter: missing )\n');
    expect((await ask(server, '/stats?colour=red')).body).toContain('allowed: format, usedonly, filter, type');
  });
});

describe('what changes something', () => {
  for (const [path, control, body] of [
    ['/drain_listeners', { action: 'drain_listeners' }, 'OK\n'],
    ['/drain_listeners?graceful', { action: 'drain_listeners' }, 'OK\n'],
    ['/reopen_logs', { action: 'reopen_logs' }, 'OK\n'],
    ['/healthcheck/fail', { action: 'healthcheck', ok: false }, 'OK\n'],
    ['/healthcheck/ok', { action: 'healthcheck', ok: true }, 'OK\n'],
    ['/quitquitquit', { action: 'quit' }, 'OK\n'],
    ['/logging?level=debug', { action: 'level', level: 'debug' }, 'active loggers:\n  sluice: debug\n'],
  ] as const)
    test(path, async () => {
      const got = await ask(server, path);
      expect([got.status, got.headers.allow]).toEqual([405, 'POST']);
      for (const method of ['HEAD', 'PUT', 'DELETE', 'OPTIONS'])
        expect((await ask(server, path, { method })).status).toBe(405);
      expect(source.controls).toEqual([]);
      expect(await ask(server, path, { method: 'POST' })).toMatchObject({ status: 200, body });
      expect(source.controls).toEqual([control]);
    });

  test('/logging without a level tells it; with a wrong one it says which there are', async () => {
    expect((await ask(server, '/logging', { method: 'POST' })).body).toBe('active loggers:\n  sluice: info\n');
    const wrong = await ask(server, '/logging?level=loud', { method: 'POST' });
    expect(wrong.status).toBe(400);
    expect(wrong.body).toContain('trace, debug, info, warning, error, critical, off');
    expect(source.controls).toEqual([]);
  });

  test('what only reads is not posted to', async () => {
    const { status, headers } = await ask(server, '/stats', { method: 'POST' });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

describe('Host and Origin (threats TE-01)', () => {
  const host = (name: string) => `${name}:${portOf(server)}`;
  for (const [name, status] of [
    ['127.0.0.1', 200],
    ['127.8.8.8', 200],
    ['localhost', 200],
    ['LOCALHOST', 200],
    ['app.localhost', 200],
    ['[::1]', 200],
    ['sluice.test', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['sluice.test.evil', 403],
    ['10.0.0.1', 403],
    ['[2001:db8::1]', 403],
    ['user@localhost', 403],
    ['localhost/', 403],
  ] as const)
    test(`Host ${name}: ${status}`, async () => {
      for (const path of ['/', '/api/queries', '/ready', '/nothing']) {
        const got = await ask(server, path, { headers: { Host: host(name) } });
        expect(got.status === 404 ? 200 : got.status).toBe(status);
        if (status === 403) expect(got.body).toBe('this server does not go by that Host\n');
      }
      expect(source.registry.value('sluice.admin.requests_refused')).toBe(status === 403 ? 4 : 0);
    });

  for (const [what, headers, status] of [
    ['no Origin', {}, 200],
    ['its own Origin', { Origin: 'http://localhost:9901' }, 200],
    ['another port', { Origin: 'http://localhost:9902' }, 403],
    ['another host', { Origin: 'https://evil.example' }, 403],
    ['null', { Origin: 'null' }, 403],
    ['nonsense', { Origin: '::' }, 403],
    ['a fetch from another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }, 403],
    ['a fetch from a sister site', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' }, 403],
    ['its own fetch', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' }, 200],
  ] as const)
    test(`${what}: ${status}`, async () => {
      const all = { Host: 'localhost:9901', ...headers };
      expect((await ask(server, '/api/queries', { headers: all })).status).toBe(status);
      expect((await ask(server, '/healthcheck/fail', { method: 'POST', headers: all })).status).toBe(status);
      expect(source.controls).toHaveLength(status === 200 ? 1 : 0);
    });

  test('following a link from elsewhere opens the page, and changes nothing', async () => {
    const headers = { Host: 'localhost', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    expect((await ask(server, '/', { headers })).status).toBe(200);
    expect((await ask(server, '/quitquitquit', { method: 'POST', headers })).status).toBe(403);
  });

  for (const [what, head, status] of [
    ['two Hosts', 'GET /ready HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n', '403'],
    ['no Host', 'GET /ready HTTP/1.1\r\n', '400'],
    ['no Host in HTTP/1.0', 'GET /ready HTTP/1.0\r\n', '403'],
    ['an absolute target', 'GET http://evil.example/ready HTTP/1.1\r\nHost: localhost\r\n', '400'],
    ['no HTTP', 'SSH-2.0-x\r\n', '400'],
    ['a head over the limit', `GET /ready HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n`, '4'],
  ] as const)
    test(`${what}: ${status}`, async () => {
      expect(await raw(server, `${head}Connection: close\r\n\r\n`)).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    });

  test('bound to every address, it goes by any literal address, and by no other name', async () => {
    const open = await new AdminServer({ source }).start({ kind: 'ip', host: '0.0.0.0', port: 0 });
    const status = async (name: string) => (await ask(open, '/ready', { headers: { Host: name } })).status;
    expect([await status('192.0.2.7:9901'), await status('[2001:db8::1]'), await status('evil.example')]).toEqual([
      200, 200, 403,
    ]);
    await open.close();
  });
});

describe('limits (threats ND-16)', () => {
  test('a body over 64 KiB is refused', async () => {
    const head = `POST /quitquitquit HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 ** 30}\r\n\r\n`;
    expect(await raw(server, head + 'x'.repeat(70_000))).toContain('HTTP/1.1 413');
    expect(source.controls).toEqual([]);
  });

  for (const [what, bytes] of [
    ['head', 'GET / HTTP/1.1\r\nHost: localhost\r\nX'],
    ['body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx'],
  ] as const)
    test(`a ${what} that never ends is cut`, async () => {
      const patience = {
        headersTimeout: 100,
        requestTimeout: 200,
        keepAliveTimeout: 100,
        connectionsCheckingInterval: 50,
      };
      const short = await listen(LOOPBACK, () => text('ok'), undefined, patience);
      expect(await raw(short, bytes)).toMatch(/^HTTP\/1.1 40[08]/);
      await short.close();
    });

  test('an address in use rejects with the code of Node', async () => {
    const again = new AdminServer({ source }).start({ ...LOOPBACK, port: portOf(server) });
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a unix socket serves too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
    const path = join(folder, 'admin.sock');
    const local = await new AdminServer({ source }).start({ kind: 'pipe', path });
    const body = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ socketPath: path, path: '/ready', agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
      });
      request.on('error', reject);
      request.end();
    });
    expect(body).toBe('LIVE\n');
    await local.close();
    rmSync(folder, { recursive: true });
  });
});

describe('/api/policies and /api/verdicts', () => {
  const row = (policy: string, listener: string): PolicyRow => ({
    policy,
    listener,
    protocol: listener === 'cache' ? 'redis' : 'postgres',
    snapshot: '',
    mode: 'enforce',
    action: 'deny',
    allowed: 0,
    denied: 1,
    limits: {},
    last_denied: null,
  });

  test('rows by listener or protocol, so many, and how many more there are', async () => {
    const rows = [row('a', 'shop'), row('b', 'shop'), row('c', 'cache')];
    Object.assign(source, { policies: () => rows });
    const told = async (query: string) => JSON.parse((await ask(server, `/api/policies${query}`)).body);
    expect(await told('')).toEqual({ policies: rows, more: 0 });
    expect(await told('?listener=shop&limit=1')).toEqual({ policies: [rows[0]], more: 1 });
    expect(await told('?protocol=redis')).toEqual({ policies: [rows[2]], more: 0 });
    expect((await ask(server, '/api/policies?limit=0')).status).toBe(400);
  });

  test('what is asked of verdicts reaches their source; a wrong word is a mistake that names the right ones', async () => {
    const asked: unknown[] = [];
    Object.assign(source, { verdicts: (request: unknown) => asked.push(request) && [] });
    expect((await ask(server, '/api/verdicts?verdict=denied&policy=no%20cards&listener=shop&limit=3')).body).toBe(
      '{"verdicts":[]}\n',
    );
    await ask(server, '/api/verdicts');
    expect(asked).toEqual([
      { kind: 'denied', policy: 'no cards', listener: 'shop', protocol: undefined, limit: 3 },
      { kind: undefined, policy: undefined, listener: undefined, protocol: undefined, limit: 50 },
    ]);
    const { status, body } = await ask(server, '/api/verdicts?verdict=refused');
    expect(status).toBe(400);
    expect(JSON.parse(body).allowed).toEqual([
      'any_denied',
      'denied',
      'would_be_denied',
      'allowed',
      'would_be_allowed',
    ]);
  });

  test('a source without policies has none', async () => {
    expect((await ask(server, '/api/policies')).body).toBe('{"policies":[],"more":0}\n');
    expect((await ask(server, '/api/verdicts')).body).toBe('{"verdicts":[]}\n');
  });
});

describe('/api/exchanges', () => {
  const event = (operation: string): ExchangeEvent => ({
    at: '2026-01-01T00:00:00.000Z',
    listener: 'postgres',
    protocol: 'postgres',
    database: 'shop',
    user: 'shop',
    application: 'web',
    client: '10.0.0.1:5',
    digest: '00',
    summary: 'SELECT\nevent: forged',
    operation,
    outcome: 'ok',
    code: '',
    duration_ms: 1,
    waits: false,
    hit: null,
    rows_returned: 1,
    rows_affected: 0,
    rows_matched: 0,
    batch_size: 0,
    request_bytes: 1,
    reply_bytes: 1,
    verdict: 'allowed',
    policy: '',
    shadow_verdict: '',
    shadow_policy: '',
    policy_snapshot: '',
    request_offset: 0,
    attributes: { 'sluice.name': 'a\nevent: forged' },
  });

  /** Opens a stream; `until` resolves with all text so far once it holds `word`. */
  async function open() {
    const stop = new AbortController();
    const response = await fetch(`http://127.0.0.1:${portOf(server)}/api/exchanges`, { signal: stop.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    const until = async (word: string): Promise<string> => {
      while (!seen.includes(word)) {
        const part = await reader?.read();
        if (!part || part.done) return `${seen}<end>`;
        seen += part.value;
      }
      return seen;
    };
    return { response, until, leave: () => stop.abort() };
  }
  test('sends exchanges as they end, one line each, and watches only while someone reads', async () => {
    expect(source.watchers).toBe(0);
    const stream = await open();
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    await stream.until('as they end');
    expect(source.watchers).toBe(1);
    source.emit(event('FIRST'));
    source.emit(event('SECOND'));
    const seen = await stream.until('SECOND');
    expect(seen.match(/^event: .*$/gm)).toEqual(['event: exchange', 'event: exchange']);
    const data = seen.match(/^data: .*$/gm) ?? [];
    expect(data.map((line) => JSON.parse(line.slice(6)).operation)).toEqual(['FIRST', 'SECOND']);
    expect(source.registry.value('sluice.admin.stream_readers')).toBe(1);
    stream.leave();
    await poll('nobody watches', () => source.watchers === 0);
    expect(source.registry.value('sluice.admin.stream_readers')).toBe(0);
    expect(source.registry.value('sluice.admin.stream_events')).toBe(2);
  });

  test('what is too much is dropped, counted, and told to the reader', async () => {
    const stream = await open();
    await stream.until('as they end');
    const n = MAX_EVENTS_PER_SECOND * 4;
    for (let i = 0; i < n; i++) source.emit(event(`E${i}`));
    const dropped = source.registry.value('sluice.admin.stream_dropped') ?? 0;
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + (source.registry.value('sluice.admin.stream_events') ?? 0)).toBe(n);
    const second = Math.floor(performance.now() / 1000);
    await poll('the next second', () => Math.floor(performance.now() / 1000) > second);
    source.emit(event('AFTER'));
    const told = (await stream.until('AFTER')).match(/event: dropped\ndata: \{"dropped":(\d+)\}/);
    expect(Number(told?.[1])).toBeGreaterThan(0);
    stream.leave();
  });

  test('readers are limited', async () => {
    const streams = await Promise.all(Array.from({ length: MAX_READERS }, open));
    for (const stream of streams) await stream.until('as they end');
    expect((await ask(server, '/api/exchanges')).status).toBe(503);
    for (const stream of streams) stream.leave();
    await poll('nobody watches', () => source.watchers === 0);
  });

  test('closing the server ends the streams', async () => {
    const stream = await open();
    await stream.until('as they end');
    await server.close();
    expect(await stream.until('never')).toContain('<end>');
  });
});

describe('MetricsServer', () => {
  test('has /metrics and /ready, and nothing else, by any Host', async () => {
    const metrics = await new MetricsServer({ source, metrics: new MetricsPage(source) }).start(LOOPBACK);
    const headers = { Host: 'sluice.monitoring.svc:9902' };
    expect((await ask(metrics, '/metrics', { headers })).body).toContain('sluice_digest_calls_total');
    expect((await ask(metrics, '/ready', { headers })).body).toBe('LIVE\n');
    for (const path of [
      '/',
      '/stats',
      '/api/queries',
      '/config_dump',
      '/api/connections',
      '/help',
      '/stats/prometheus',
    ])
      expect((await ask(metrics, path)).status).toBe(404);
    for (const path of ['/quitquitquit', '/metrics']) {
      const { status } = await ask(metrics, path, { method: 'POST' });
      expect(status).toBe(path === '/metrics' ? 405 : 404);
    }
    expect(source.controls).toEqual([]);
    await metrics.close();
  });

  test('what the page for Prometheus holds is one choice of digests for both servers', async () => {
    const page = new MetricsPage(source);
    const metrics = await new MetricsServer({ source, metrics: page }).start(LOOPBACK);
    const both = await new AdminServer({ source, metrics: page }).start(LOOPBACK);
    const digests = (body: string) => body.match(/^sluice_digest_calls_total.*$/gm);
    expect(digests((await ask(metrics, '/metrics')).body)).toEqual(digests((await ask(both, '/metrics')).body));
    await metrics.close();
    await both.close();
  });
});
