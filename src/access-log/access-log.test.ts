import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../events/columns.ts';
import { EventBatch } from '../events/event-batch.ts';
import { SessionEvent } from '../events/layout.ts';
import { Flag, OUTCOME_NAMES, Outcome } from '../exchange/exchange.ts';
import { systemClock } from '../net/clock.ts';
import { AccessLog } from './access-log.ts';
import { LogFile } from './log-file.ts';

const EPOCH = 1_700_000_000_000;
const PLACE = { worker: 2, incarnation: 1, origin: 9, sequence: 1, before: 0 };
function tempFile(): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  dirs.push(dir);
  return join(dir, 'access.log');
}
const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const batchOf = (fill: (encoder: BatchEncoder) => void): EventBatch => {
  const encoder = new BatchEncoder();
  fill(encoder);
  return EventBatch.from(encoder.finish(PLACE))!;
};
const to = (path: string, exchanges = true, connections = true) => ({ path, exchanges, connections, format: null });
const failed = { outcome: Outcome.error, code: '42P01', severity: 'ERROR', flags: 5 };

test('one line an exchange, one a connection', async () => {
  const path = tempFile();
  const log = new AccessLog({ clock: systemClock });
  log.apply([{ name: 'shop', accessLogs: [to(path)] }]);
  const session = sessionOf(7, { upstreamAddress: '10.0.0.9:5432', exchanges: 1, received: [100, 1000] });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  log.batch(
    batchOf((encoder) => {
      encoder.appendSession(session, SessionEvent.start, EPOCH, '');
      const attributes = '{"sluice.name":"a\\n\\u202eb","sluice.n":5}';
      const change = { ...failed, traceparent, replyLastByteAt: 2000.25, rowsMatched: 4, batchSize: 3, attributes };
      encoder.append(exchangeOf(session, digestOf(5), change), EPOCH);
      encoder.appendSession(session, SessionEvent.end, EPOCH + 3000, 'remote_close');
    }),
  );
  await log.close();
  const who = {
    worker: 2,
    session_id: 7,
    listener: 'shop',
    protocol: 'postgres',
    cluster: 'db',
    upstream: '10.0.0.9:5432',
    client: '10.0.0.1:5000',
    database: 'shop',
    user: 'ann',
    application: 'web',
    driver: '',
  };
  expect(linesOf(path).map((line) => JSON.parse(line))).toEqual([
    {
      event: 'exchange',
      ts: '2023-11-14T22:13:21.000000Z',
      ...who,
      turn: 1,
      seq: 1,
      index: 0,
      kind: 'query',
      operation: 'SELECT',
      digest: '0000000000000005',
      summary: 'SELECT t5',
      collection: 't5',
      text: 'select * from t5 where id = ?',
      facts: { targets: [['', 't5', ['select']]] },
      outcome: 'error',
      status: '42P01',
      severity: 'ERROR',
      policy: '',
      verdict: '',
      shadow_policy: '',
      shadow_verdict: '',
      policy_snapshot: '',
      duration_ns: 1_000_250_000,
      ttfb_ns: 125_000_000,
      proxy_ns: 0,
      request_offset: 0,
      request_bytes: 100,
      response_bytes: 1000,
      rows_sent: 10,
      rows_affected: 0,
      rows_matched: 4,
      batch_size: 3,
      transaction: 0,
      story: 0,
      flags: ['prepared', 'pipelined'],
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      attributes: { 'sluice.name': 'a\n\u202eb', 'sluice.n': 5 },
    },
    {
      event: 'connection',
      ts: '2023-11-14T22:13:23.000000Z',
      ...who,
      server_version: '',
      session_kind: '',
      tls: false,
      opaque: '',
      reason: 'remote_close',
      duration_ns: 3e9,
      received_bytes: 100,
      sent_bytes: 1000,
      exchanges: 1,
    },
  ]);
  expect(log.counts).toEqual({ written: 2, waiting: 0, dropped: 0, failures: 0 });
});

test('every outcome and every flag has its word', async () => {
  const path = tempFile();
  const log = new AccessLog({ clock: systemClock });
  log.apply([{ name: 'shop', accessLogs: [to(path)] }]);
  const bits = Object.values(Flag);
  log.batch(
    batchOf((encoder) => {
      for (const outcome of Object.values(Outcome))
        encoder.append(exchangeOf(sessionOf(7), digestOf(5), { outcome }), EPOCH);
      for (const flags of bits) encoder.append(exchangeOf(sessionOf(7), digestOf(5), { flags }), EPOCH);
      encoder.append(exchangeOf(sessionOf(7), digestOf(5), { flags: Flag.waits | Flag.miss }), EPOCH);
    }),
  );
  await log.close();
  const lines = linesOf(path).map((line) => JSON.parse(line));
  expect(lines.splice(0, OUTCOME_NAMES.length).map((line) => line.outcome)).toEqual([...OUTCOME_NAMES]);
  expect(lines.pop().flags).toEqual(['waits', 'miss']);
  for (const line of lines) expect(line.flags).toEqual([expect.stringMatching(/^[a-z_]+$/)]);
  expect(new Set(lines.map((line) => line.flags[0])).size).toBe(bits.length);
});

test('hostile names: as many lines as events, each parses, none can move a terminal or a reader', async () => {
  const path = tempFile();
  const log = new AccessLog({ clock: systemClock, maxBytes: 2 ** 26 });
  log.apply([{ name: 'shop', accessLogs: [to(path)] }]);
  const evil = '\u001b[2J\n\r\t\0"\\\u0085\u009b31m\u2028\u2029\u202e\u2066\u200f\ufeff\ud800 \udfff\u007f';
  const text = fc.oneof(
    fc.constant(evil),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString()),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const events = fc.sample(fc.tuple(text, text, text, text, text), { numRuns: 2000, seed: 21 });
  for (const [user, database, application, code, name] of events) {
    log.batch(
      batchOf((encoder) => {
        const session = sessionOf(1, { user, database, application, driver: name, cluster: name });
        const digest = digestOf(1, {
          summary: name,
          text: name,
          operation: code,
          targets: [{ schema: user, name, operations: [] }],
        });
        encoder.append(exchangeOf(session, digest, { code, policy: name, kind: name, severity: user }), EPOCH);
        encoder.appendSession(session, SessionEvent.end, EPOCH, name);
      }),
    );
  }
  await log.close(10_000);
  const raw = readFileSync(path);
  expect(Buffer.from(raw.toString()).equals(raw)).toBe(true); // valid UTF-8
  for (const char of new Set(raw.toString())) {
    const code = char.codePointAt(0)!;
    const harmful =
      (code < 0x20 && char !== '\n') ||
      (code >= 0x7f && code <= 0x9f) ||
      (code >= 0x200b && code <= 0x200f) ||
      (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2060 && code <= 0x206f) ||
      code === 0xfeff;
    expect(harmful, `U+${code.toString(16)}`).toBe(false);
  }
  const lines = linesOf(path);
  expect(lines.length).toBe(events.length * 2);
  for (const [i, [user, database]] of events.entries()) {
    const kept = (name: string) => Buffer.from(name).toString();
    expect(JSON.parse(lines[i * 2]!)).toMatchObject({ user: kept(user), database: kept(database) });
    JSON.parse(lines[i * 2 + 1]!);
  }
});

test('each listener has its own files, and what each wants in them', async () => {
  const [all, connections, crm] = [tempFile(), tempFile(), tempFile()];
  const log = new AccessLog({ clock: systemClock });
  const listeners = [
    { name: 'shop', accessLogs: [to(all), to(connections, false, true)] },
    { name: 'crm', accessLogs: [to(crm)] },
  ];
  log.apply(listeners);
  const batch = batchOf((encoder) => {
    encoder.append(exchangeOf(sessionOf(1), digestOf(1)), EPOCH);
    encoder.appendSession(sessionOf(1), SessionEvent.end, EPOCH, '');
  });
  log.batch(batch);
  log.apply([{ name: 'crm', accessLogs: [to(crm)] }]); // the files of shop are written out and closed
  log.batch(batch);
  log.apply(listeners);
  log.batch(batch);
  await log.close();
  expect([all, connections].map((path) => linesOf(path).length)).toEqual([4, 2]);
  expect(log.counts).toMatchObject({ waiting: 0, dropped: 0 });
});

test('a second of 20,000 exchanges, told at once, stands in the file line by line', async () => {
  const path = tempFile();
  const log = new AccessLog({ clock: systemClock });
  log.apply([{ name: 'shop', accessLogs: [to(path)] }]);
  const batch = batchOf((encoder) => {
    for (let seq = 0; seq < 4000; seq++) encoder.append(exchangeOf(sessionOf(1), digestOf(1), { seq }), EPOCH);
  });
  for (let n = 0; n < 5; n++) log.batch(batch);
  await log.close(10_000);
  expect(log.counts).toMatchObject({ written: 20_000, dropped: 0 });
  expect(linesOf(path).length).toBe(20_000);
});

test('lines that come faster than a file takes them are dropped, and one line says so', async () => {
  const told: string[] = [];
  const file = new LogFile(tempFile(), {
    clock: systemClock,
    maxBytes: 1000,
    tell: (_, message) => told.push(message),
  });
  for (let i = 0; i < 50; i++) file.append('x'.repeat(99));
  await file.flush(5000);
  for (let i = 0; i < 50; i++) file.append('x'.repeat(99));
  await file.close(5000);
  expect(file).toMatchObject({ written: 20, dropped: 80 });
  expect(told).toEqual([expect.stringMatching(/not written as fast as lines come/)]);
});

test('rotation: after reopen() lines go to the new file, none is lost or cut', async () => {
  const path = tempFile();
  const log = new AccessLog({ clock: systemClock, maxBytes: 2 ** 26 });
  log.apply([{ name: 'shop', accessLogs: [to(path)] }]);
  const one = (seq: number) => batchOf((e) => e.append(exchangeOf(sessionOf(1), digestOf(1), { seq }), EPOCH));
  for (let i = 0; i < 5; i++) {
    for (let n = 0; n < 200; n++) log.batch(one(i * 200 + n));
    await log.flush();
    renameSync(path, `${path}.${i}`);
    log.reopen();
  }
  log.batch(one(1000));
  await log.close();
  const paths = [0, 1, 2, 3, 4].map((i) => `${path}.${i}`);
  const seqs = [...paths, path].flatMap(linesOf).map((line) => JSON.parse(line).seq);
  expect(seqs).toEqual(Array.from({ length: 1001 }, (_, i) => i));
});

describe('a file that takes nothing', () => {
  const cases: [name: string, path: string][] = [
    ['a full disk', '/dev/full'],
    ['a directory that is not there', join(tempFile(), 'no', 'access.log')],
  ];
  for (const [name, path] of cases) {
    test(`${name}: lines wait up to the bound, then are dropped and counted`, async () => {
      const file = new LogFile(path, { clock: systemClock, maxBytes: 1000 });
      for (let i = 0; i < 100; i++) file.append('x'.repeat(99));
      await file.flush(50);
      expect(file).toMatchObject({ written: 0, waiting: 10, dropped: 90 });
      expect(file.failures).toBeGreaterThan(0);
      await file.close(10);
      expect(file).toMatchObject({ written: 0, waiting: 0, dropped: 100 });
    });
  }

  test('it is tried again, and what waited is written', async () => {
    const path = tempFile();
    let broken = true;
    const file = new LogFile(path, {
      clock: { ...systemClock, after: (ms, call) => systemClock.after(ms / 100, call) },
      open: (_, done) => {
        const written: Buffer[] = [];
        if (broken) return done(Object.assign(new Error('no space'), { code: 'ENOSPC' }), null);
        return done(null, { write: (bytes, told) => told(null, written.push(bytes) && bytes.length), close() {} });
      },
    });
    file.append('one');
    await file.flush(5);
    expect(file.waiting).toBe(1);
    broken = false;
    await file.flush(5000);
    expect(file).toMatchObject({ written: 1, waiting: 0, dropped: 0 });
  });
});

test('writes that come short, fail and are rotated away never leave a piece of a line', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('write' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('fail' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen' as const), share: fc.constant(0) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(60), async (steps, count) => {
      const files: string[] = [];
      const plan = [...steps];
      const file = new LogFile('somewhere', {
        // No wait before the next try.
        clock: { ...systemClock, after: (ms, call) => systemClock.after(ms === 1000 ? 0 : ms, call) },
        open: (_, done) => {
          const at = files.push('') - 1;
          const write = (bytes: Buffer, told: (error: Error | null, n: number) => void): void => {
            let next = plan.shift();
            for (; next?.kind === 'reopen'; next = plan.shift()) file.reopen();
            const n = next === undefined ? bytes.length : Math.floor(bytes.length * next.share);
            files[at] += bytes.toString('latin1', 0, n);
            setImmediate(() => told(next?.kind === 'fail' ? new Error('full') : null, n));
          };
          done(null, { write, close() {} });
        },
      });
      for (let i = 0; i < count; i++) file.append(`<${i}>`);
      await file.flush(5000);
      expect(file.waiting).toBe(0);
      expect(file.written + file.dropped).toBe(count);
      // A file that was rotated away in the middle of a line ends there; all others, and all beginnings, are whole.
      const whole = files.flatMap((text) => text.split('\n').slice(0, -1));
      for (const line of whole) expect(line).toMatch(/^<\d+>$/);
      expect(whole.length).toBe(file.written);
      const pieces = files.filter((text) => !text.endsWith('\n') && text !== '');
      expect(pieces.length).toBe(file.dropped);
      const numbers = whole.map((line) => Number(line.slice(1, -1)));
      expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y));
    }),
    { numRuns: 100, seed: 17 },
  );
});

describe('stdout', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  /** Starts a logging process; reports() gives what it says of itself, one by one. */
  function run(batches: number, stdout: 'pipe' | number, ...more: string[]) {
    const fixture = fileURLToPath(new URL('access-log.fixture.ts', import.meta.url));
    const child = spawn(process.execPath, [fixture, String(batches), ...more], { stdio: ['pipe', stdout, 'pipe'] });
    children.push(child);
    const lines = createInterface({ input: child.stderr! })[Symbol.asyncIterator]();
    return { child, report: async () => JSON.parse((await lines.next()).value as string) };
  }

  test('a pipe that is read gets every line', async () => {
    const { child, report } = run(2, 'pipe');
    let seen = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      seen += chunk;
    });
    expect(await report()).toMatchObject({ at: 'half', written: 1000, dropped: 0 });
    child.stdin!.write('go\n');
    expect(await report()).toMatchObject({ at: 'end', written: 2000, dropped: 0 });
    await new Promise((resolve) => child.once('close', resolve));
    expect(
      seen
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).seq),
    ).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });

  test('a pipe that nobody reads, and that another process left blocking, does not hold the process', async () => {
    const { report } = run(10, 'pipe', 'sibling');
    const half = await report();
    expect(half.written + half.waiting + half.dropped).toBe(5000);
    expect(half.dropped).toBeGreaterThan(0);
  });

  test('a pipe that nobody reads costs lines, not the process', async () => {
    const { child, report } = run(10, 'pipe');
    const half = await report();
    expect(half.written + half.waiting + half.dropped).toBe(5000);
    expect(half.dropped).toBeGreaterThan(0);
    child.stdin!.write('go\n');
    const end = await report();
    expect(end).toMatchObject({ at: 'end', waiting: 0 });
    expect(end.written + end.dropped).toBe(10_000);
  });

  test('a closed pipe costs lines, not the process', async () => {
    const { child, report } = run(4, 'pipe');
    child.stdout!.destroy();
    await report();
    child.stdin!.write('go\n');
    const end = await report();
    expect(end.failures).toBeGreaterThan(0);
    expect(end.written + end.dropped).toBe(4000);
    expect(end.dropped).toBeGreaterThan(2000);
  });

  test('a file', async () => {
    const path = tempFile();
    const { child, report } = run(2, openSync(path, 'a'));
    await report();
    child.stdin!.write('go\n');
    expect(await report()).toMatchObject({ at: 'end', written: 2000, dropped: 0 });
    expect(linesOf(path).length).toBe(2000);
  });
});
