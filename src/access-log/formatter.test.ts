import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogFormat } from '../config/access-log-config.ts';
import { SLUICE_FIELDS } from '../config/format-operators.ts';
import { parseFormat, parseJsonFormat } from '../config/format-string.ts';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../events/columns.ts';
import { EventBatch } from '../events/event-batch.ts';
import { SessionEvent } from '../events/layout.ts';
import { VerdictCode } from '../exchange/exchange.ts';
import { formatter } from './formatter.ts';
import { LogRecord } from './log-record.ts';
import { recordOf, SOME_FACTS } from './records.fixture.ts';

const env = { hostname: 'gate-1', environment: { ZONE: 'eu-1', BAD: 'a\nb' } };

function text(format: string, omitEmpty = false): LogFormat {
  const parsed = parseFormat(format);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return { kind: 'text', parts: parsed.parts, omitEmpty };
}
function json(value: Parameters<typeof parseJsonFormat>[0], omitEmpty = false): LogFormat {
  const node = parseJsonFormat(value, (_path, fault) => {
    throw new Error(fault);
  });
  return { kind: 'json', fields: 'map' in node ? node.map : [], omitEmpty };
}
const write = (format: string, record = recordOf(SOME_FACTS)): string => formatter(text(format), env)(record);

describe('operators of a connection', () => {
  const cases: Record<
    string,
    [format: string, want: string, facts?: Partial<typeof SOME_FACTS> & Record<string, unknown>]
  > = {
    'times have what a batch carries: microseconds': [
      '%START_TIME(%s.%6f)% %EMIT_TIME(%6f)%',
      '1700000000.123456 173956',
    ],
    'whole milliseconds, rounded down': ['%DURATION%', '50'],
    'IPv6 addresses lose their brackets with their port': [
      '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%',
      '[2001:db8::1]:5000 2001:db8::1 5000',
      { client: '[2001:db8::1]:5000' },
    ],
    'networks of both families': [
      '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(9)%',
      '2001:db8:8000::/33 10.0.0.0/9',
      { client: '[2001:db8:ffff::1]:5000' },
    ],
    'unix sockets have no port': [
      '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)% %DOWNSTREAM_LOCAL_PORT%',
      '/run/a:1b.sock /run/a:1b.sock -',
      { local: '/run/a:1b.sock' },
    ],
    'flags, short and long': [
      '%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%',
      'UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded',
      { flags: 'UF,URX' },
    ],
    'termination details': [
      '%CONNECTION_TERMINATION_DETAILS%',
      'rbac_access_denied_matched_policy[none]',
      { details: 'rbac_access_denied_matched_policy[none]' },
    ],
    'why a server could not be reached': [
      '%UPSTREAM_TRANSPORT_FAILURE_REASON% %DOWNSTREAM_LOCAL_CLOSE_REASON%',
      'delayed_connect_error:_Connection_refused upstream_connect_failure:ECONNREFUSED',
      { reason: 'upstream_connect_failure:ECONNREFUSED' },
    ],
    'who closed': [
      '%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%',
      'RemoteReset -',
      { reason: 'remote_reset' },
    ],
    environment: ['%ENVIRONMENT(ZONE)% %ENVIRONMENT(ZONE):2% %ENVIRONMENT(NONE)% %HOSTNAME%', 'eu-1 eu - gate-1'],
    'several hosts tried: which is not known': [
      '%UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_HOST%',
      '- 10.0.0.9:5432',
      { attempts: 2 },
    ],
    'fields of ours': [
      '%SLUICE(user)% %SLUICE(database):2% %SLUICE(reason)% %SLUICE(digest)%',
      'ann sh remote_close -',
    ],
  };
  for (const [name, [format, want, facts]] of Object.entries(cases))
    test(name, () => {
      expect(write(format, recordOf({ ...SOME_FACTS, ...facts }, { user: 'ann', database: 'shop' }))).toBe(want);
    });

  test('STREAM_ID is one a connection, UNIQUE_ID one a line; both are UUIDs', () => {
    const one = (id: number) =>
      write('%STREAM_ID% %UNIQUE_ID%', recordOf({ ...SOME_FACTS, connectionId: id })).split(' ');
    const [first, again, other] = [one(1), one(1), one(2)];
    expect(first![0]).toBe(again![0]);
    expect(new Set([first![0], other![0], first![1], again![1], other![1]]).size).toBe(5);
    for (const id of [...first!, ...other!])
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('dynamic metadata', () => {
  const metadata = JSON.stringify({
    ns: { s: 'héllo', n: 12345, b: true, list: ['select', 'insert'], map: { 'a.b': { c: 'x' } }, nothing: null },
    __proto__: {},
  });
  const record = recordOf({ ...SOME_FACTS, metadata });
  const cases: [operator: string, text: string, typed: unknown][] = [
    ['DYNAMIC_METADATA(ns:s)', 'héllo', 'héllo'],
    ['DYNAMIC_METADATA(ns:s):2', 'hé', 'hé'],
    ['DYNAMIC_METADATA(ns:n)', '12345', 12345],
    ['DYNAMIC_METADATA(ns:n):3', '123', '123'],
    ['DYNAMIC_METADATA(ns:b)', 'true', true],
    ['DYNAMIC_METADATA(ns:list):3', '["select","insert"]', ['select', 'insert']],
    ['DYNAMIC_METADATA(ns:map)', '{"a.b":{"c":"x"}}', { 'a.b': { c: 'x' } }],
    ['DYNAMIC_METADATA(ns:map:a.b:c)', 'x', 'x'],
    ['METADATA(DYNAMIC:ns:map:a.b:c)', 'x', 'x'],
    ['DYNAMIC_METADATA(ns:nothing)', '-', null],
    ['DYNAMIC_METADATA(ns:s:deeper)', '-', null],
    ['DYNAMIC_METADATA(ns:constructor)', '-', null],
    ['DYNAMIC_METADATA(toString)', '-', null],
    ['DYNAMIC_METADATA(other)', '-', null],
    ['METADATA(CLUSTER:ns:s)', '-', null],
    ['FILTER_STATE(ns)', '-', null],
  ];
  for (const [operator, want, typed] of cases)
    test(operator, () => {
      expect(write(`%${operator}%`, record)).toBe(want);
      expect(JSON.parse(formatter(json({ v: `%${operator}%` }), env)(record))).toEqual({ v: typed });
    });

  test('metadata that was cut off is none', () => {
    const cut = recordOf({ ...SOME_FACTS, metadata: metadata.slice(0, -5) });
    expect(write('%DYNAMIC_METADATA(ns:s)%', cut)).toBe('-');
  });
});

test('what is missing: a dash, nothing, null, or no key at all', () => {
  const shape = {
    a: '%ROUTE_NAME%',
    b: 'x%ROUTE_NAME%',
    c: { d: '%ROUTE_NAME%' },
    e: ['%ROUTE_NAME%', '%BYTES_SENT%'],
  };
  const record = recordOf(SOME_FACTS);
  expect(formatter(text('[%ROUTE_NAME%]'), env)(record)).toBe('[-]');
  expect(formatter(text('[%ROUTE_NAME%]', true), env)(record)).toBe('[]');
  expect(formatter(json(shape), env)(record)).toBe('{"a":null,"b":"x-","c":{"d":null},"e":[null,6]}\n');
  expect(formatter(json(shape, true), env)(record)).toBe('{"b":"x","e":[6]}\n');
  expect(formatter(json({ a: '%ROUTE_NAME%' }, true), env)(record)).toBe('{}\n');
});

test('every field of ours is there for an exchange or a connection, as in the JSON lines', () => {
  const encoder = new BatchEncoder();
  const session = sessionOf(7, {
    upstreamAddress: '10.0.0.9:5432',
    driver: 'libpq',
    serverVersion: '17',
    kind: 'replication',
    opaque: 'tls',
  });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  encoder.append(
    exchangeOf(session, digestOf(5), {
      traceparent,
      flags: 5,
      code: '42P01',
      policy: 'p',
      verdict: VerdictCode.allowed,
      shadowPolicy: 'q',
      shadowVerdict: VerdictCode.denied,
      policySnapshot: '0123456789ab',
      requestOffset: 1000,
      severity: 'ERROR',
      attributes: '{"sluice.n":5,"sluice.name":"a"}',
    }),
    0,
    4,
  );
  encoder.appendSession(session, SessionEvent.end, 1_700_000_001_000, 'remote_close');
  const batch = EventBatch.from(encoder.finish({ worker: 2, incarnation: 1, origin: 9, sequence: 1, before: 0 }))!;
  const records = [new LogRecord(batch, 'exchange', 0), new LogRecord(batch, 'connection', 0)];
  const fields = [...SLUICE_FIELDS];
  const shape = json(Object.fromEntries(fields.map((field) => [field, `%SLUICE(${field})%`])));
  const [exchange, connection] = records.map(
    (record) => JSON.parse(formatter(shape, env)(record)) as Record<string, unknown>,
  );
  for (const field of fields) expect([exchange![field], connection![field]], field).not.toEqual([null, null]);
  expect(exchange).toMatchObject({
    event: 'exchange',
    digest: '0000000000000005',
    flags: ['prepared', 'pipelined', 'sampled'],
    weight: 4,
    attributes: { 'sluice.n': 5, 'sluice.name': 'a' },
  });
  expect(exchange).toMatchObject({
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    rows_sent: 10,
    request_bytes: 100,
    policy: 'p',
    verdict: 'allowed',
    shadow_policy: 'q',
    shadow_verdict: 'denied',
    policy_snapshot: '0123456789ab',
    request_offset: 1000,
  });
  expect(connection).toMatchObject({
    event: 'connection',
    reason: 'remote_close',
    opaque: 'tls',
    tls: false,
    driver: 'libpq',
  });
  expect(
    formatter(
      text('%ACCESS_LOG_TYPE% %DURATION% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_REMOTE_PORT%'),
      env,
    )(records[0]!),
  ).toBe('SluiceExchange 1000 100 1000 5432');
});

test('attributes are JSON in text, and missing where there are none', () => {
  const encoder = new BatchEncoder();
  for (const attributes of ['{"sluice.name":"a\\nb"}', '', 'no JSON'])
    encoder.append(exchangeOf(sessionOf(7), digestOf(5), { attributes }), 0);
  const batch = EventBatch.from(encoder.finish({ worker: 2, incarnation: 1, origin: 9, sequence: 1, before: 0 }))!;
  const written = formatter(text('%SLUICE(attributes)%;'), env);
  const lines = [0, 1, 2].map((row) => written(new LogRecord(batch, 'exchange', row)));
  expect(lines).toEqual(['{"sluice.name":"a\\nb"};', '-;', '-;']);
});

test('hostile names cannot end a line, move a terminal or leave their field of JSON', () => {
  const evil = '\u001b[2J\n\r\t\0"\\\u0085\u009b31m\u2028\u2029\u202e\u2066\u200f\ufeff\ud800 \udfff\u007f';
  const operators = [
    '%SLUICE(user)%',
    '%DYNAMIC_METADATA(ns:k)%',
    '%DYNAMIC_METADATA(ns)%',
    '%ENVIRONMENT(BAD)%',
    '%UPSTREAM_CLUSTER%',
  ];
  const names = fc.oneof(fc.constant(evil), fc.string({ unit: 'binary', maxLength: 40 }));
  fc.assert(
    fc.property(names, names, (user, value) => {
      const metadata = JSON.stringify({ ns: { k: value, [value]: user } });
      const record = recordOf({ ...SOME_FACTS, cluster: value, metadata }, { user });
      const line = formatter(text(operators.join(' | ')), env)(record);
      expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/u);
      expect(line).not.toMatch(/[\ud800-\udfff]/u);
      const typed = formatter(json(Object.fromEntries(operators.map((one) => [one, one]))), env)(record);
      expect(typed.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/u);
      const told = JSON.parse(typed) as Record<string, unknown>;
      if (user !== '') expect(told['%SLUICE(user)%']).toBe(Buffer.from(user).toString());
    }),
    { numRuns: 500, seed: 8 },
  );
});
