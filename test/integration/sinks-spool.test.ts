import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/net/clock.ts';
import {
  balanceOf,
  batchOf,
  imbalance,
  QUICK,
  queueOptions,
  TestSink,
  testLog,
} from '../../src/sinks/queue/queue.fixture.ts';
import { SinkQueue } from '../../src/sinks/queue/sink-queue.ts';
import type { SinkTotals } from '../../src/sinks/queue/sink-totals.ts';
import { readHead } from '../../src/sinks/spool/record.ts';
import { scanSegment } from '../../src/sinks/spool/scan.ts';
import { Spool } from '../../src/sinks/spool/spool.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { poll } from '../support/poll.ts';

const root = mkdtempSync(join(memoryTmp(), 'sluice-sinks-spool-'));
const open: { close(limitMs: number): Promise<void> }[] = [];
const mounts: string[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close(200);
  for (const mount of mounts.splice(0)) spawnSync('umount', ['-l', mount]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(root, `${++folders}`);

/** A queue with its spool, as the hub makes them. */
function stage(folder: string, sink: TestSink, maxBytes = 2 ** 26) {
  const { lines, log } = testLog();
  const options = queueOptions({ log, limits: QUICK, queueBytes: 2 ** 20, timeoutMs: 2000 });
  const { totals } = options;
  const seen = { complete: false };
  const queue = new SinkQueue(options);
  const spool = new Spool({
    folder,
    sink: 'test',
    maxBytes,
    clock: systemClock,
    log,
    retryMs: 20,
    events: {
      found: (rows) => totals.found(rows),
      complete: () => {
        totals.missing();
        seen.complete = true;
      },
      lost: (rows, sessionEvents) => queue.lost(rows, sessionEvents),
      failed: () => totals.spoolFailures++,
      corrupt: () => totals.spoolCorrupt++,
      ready: () => queue.wake(),
    },
  });
  queue.attachSpool(spool);
  spool.open(Promise.resolve());
  queue.attach(sink);
  open.push(queue, spool);
  return { queue, spool, totals, lines, seen };
}

const LATER = () => ({ kind: 'later', why: 'down' }) as const;
const drained = (totals: SinkTotals) =>
  poll('all is delivered', () => {
    expect(imbalance(totals)).toBe(0);
    const { waiting, spooled } = balanceOf(totals);
    return waiting === 0 && spooled === 0;
  });

/** Whatever can be read in a folder, by a life that is none of those that wrote it. */
async function replay(folder: string): Promise<{ id: string; rows: number }[]> {
  const sink = new TestSink();
  const { totals, queue, spool, seen } = stage(folder, sink);
  await poll('the folder is read through', () => seen.complete);
  await drained(totals);
  await queue.close(1000);
  await spool.close(1000);
  expect(totals).toMatchObject({ spoolCorrupt: 0, spoolFailures: 0, dropped: 0 });
  for (const { times } of sink.taken.values()) expect(times).toBe(1);
  return [...sink.taken].map(([id, { rows }]) => ({ id, rows }));
}

describe('kill -9', () => {
  /** A few points here, for the sake of everybody's time; SLUICE_KILL_POINTS=200 for all that the threat catalogue asks. */
  const POINTS = Number(process.env['SLUICE_KILL_POINTS'] ?? 24);
  const SIDE_BY_SIDE = 4;
  const fixture = fileURLToPath(new URL('../../src/sinks/spool/spool-writer.fixture.ts', import.meta.url));

  /** What the process said until it was killed: some ms at most after it had said enough. */
  function killed(mode: 'spool' | 'queue', folder: string, isEnough: (lines: string[]) => boolean): Promise<string[]> {
    const child = spawn(process.execPath, [fixture, mode, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let isOver = false;
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (isOver || !isEnough(said.split('\n').slice(0, -1))) return;
      isOver = true;
      setTimeout(() => child.kill('SIGKILL'), Math.random() * 5);
    });
    return new Promise((resolve) => child.once('close', () => resolve(said.split('\n').slice(0, -1))));
  }

  test(`at ${POINTS} random points: what was said to be on disk is there, whole, once; what was done is not`, async () => {
    let spooled = 0;
    let duplicates = 0;
    let unsaid = 0;
    const point = async (): Promise<void> => {
      const folder = newFolder();
      const enough = 1 + Math.random() * 40;
      const lines = await killed('spool', folder, ({ length }) => length >= enough);
      const onDisk = new Map<string, number>();
      const done = new Set<string>();
      for (const line of lines) {
        const [sign, id, rows] = line.split(' ');
        if (sign === '+') onDisk.set(id!, Number(rows));
        else if (sign === '-') done.add(id!);
        else expect(line).toBe('');
      }
      const found = await replay(folder);
      const ids = new Map(found.map(({ id, rows }) => [id, rows]));
      for (const [id, rows] of onDisk) if (!done.has(id)) expect([id, ids.get(id)]).toEqual([id, rows]);
      spooled += onDisk.size - done.size;
      // Marked on disk after it was said to be done: the one window in which a parcel is sent twice.
      const again = found.filter(({ id }) => done.has(id)).length;
      expect(again).toBeLessThanOrEqual(1);
      duplicates += again;
      const more = found.filter(({ id }) => !onDisk.has(id)).length;
      expect(more).toBeLessThanOrEqual(1); // killed between the write and saying so
      unsaid += more;
      rmSync(folder, { recursive: true });
    };
    let left = POINTS;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await point();
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
    expect(spooled).toBeGreaterThan(POINTS);
    if ('SLUICE_KILL_POINTS' in process.env)
      console.info(
        `kill -9 at ${POINTS} points: ${spooled} parcels kept, ${duplicates} sent twice, ${unsaid} written but not said`,
      );
  });

  test('of a process whose sink is down: all but what waited in memory is delivered by the next one', async () => {
    const folder = newFolder();
    const numbersIn = (lines: string[]) => lines.at(-1)?.split(' ').map(Number) ?? [];
    // A sink that is down has its queue on disk: what is lost is what came in the last moments.
    const lines = await killed('queue', folder, (all) => {
      const [, produced, waiting] = numbersIn(all);
      return produced! > 20_000 && waiting! < produced! / 2;
    });
    const [, produced, , spooled] = numbersIn(lines);
    const found = (await replay(folder)).reduce((sum, { rows }) => sum + rows, 0);
    expect(found).toBeGreaterThanOrEqual(spooled!);
    expect(found).toBeLessThanOrEqual(produced!);
  });
});

test('a sink that is down for a while: all is on disk, and delivered when it is back, what was tried before anything else', async () => {
  const folder = newFolder();
  const sink = new TestSink(LATER);
  const { queue, totals } = stage(folder, sink);
  for (let i = 0; i < 20; i++) {
    queue.take(batchOf(10));
    await poll('it is on disk', () => queue.held().waiting === 0);
  }
  // Attempts with what lies on disk fail, too, and it stays there.
  const { failures } = totals;
  await poll('it is tried again', () => totals.failures > failures + 3);
  expect(balanceOf(totals)).toEqual({ produced: 200, waiting: 0, delivered: 0, spooled: 200, dropped: 0 });
  const tried = new Set(sink.attempts);
  sink.answer = () => ({ kind: 'delivered' });
  queue.take(batchOf(7));
  await drained(totals);
  expect([sink.rows, totals.retries]).toEqual([207, sink.attempts.length - sink.taken.size]);
  expect([...sink.taken.keys()].slice(0, tried.size)).toEqual(expect.arrayContaining([...tried]));
  for (const { times } of sink.taken.values()) expect(times).toBe(1);
});

test('a file cut at any point: whole records before it are there, nothing of the one it went through', async () => {
  const folder = newFolder();
  const sink = new TestSink(LATER);
  const { queue, spool, totals } = stage(folder, sink);
  for (let i = 0; i < 12; i++) {
    queue.take(batchOf(20 + i, { text: 'x'.repeat(i * 200) }));
    await poll('it is on disk', () => queue.held().waiting === 0);
  }
  expect(balanceOf(totals).spooled).toBe(12 * 20 + 66);
  await queue.close(100);
  await spool.close(1000);
  const [name] = readdirSync(folder).filter((file) => file.endsWith('.spool'));
  const bytes = readFileSync(join(folder, name!));
  const ends: { readonly end: number; readonly rows: number }[] = [{ end: 0, rows: 0 }];
  for (let at = 0, rows = 0; at < bytes.length; ) {
    const head = readHead(bytes, at)!;
    rows += head.rows;
    at += head.bytes;
    ends.push({ end: at, rows });
  }
  for (let i = 0; i < 100; i++) {
    const cut = Math.floor((bytes.length * i) / 100) + (i % 7);
    const copy = newFolder();
    spawnSync('mkdir', [copy]);
    writeFileSync(join(copy, name!), bytes.subarray(0, cut));
    const rows = (await replay(copy)).reduce((sum, found) => sum + found.rows, 0);
    expect([cut, rows]).toEqual([cut, ends.findLast(({ end }) => end <= cut)!.rows]);
  }
});

describe('a disk that', () => {
  /** A disk of its own; only root may mount one. */
  function disk(context: { skip(note?: string): never }): string {
    const folder = newFolder();
    spawnSync('mkdir', [folder]);
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder]);
    if (status !== 0) context.skip(`no disk can be mounted here: ${String(stderr).trim()}`);
    mounts.push(folder);
    return folder;
  }
  const fill = (path: string): void => {
    spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=64k']);
    expect(statSync(path).size).toBeGreaterThan(0);
  };

  test('is full: told once, dropped beyond memory and counted exactly, healthy by itself when there is room', async (context) => {
    const folder = disk(context);
    const sink = new TestSink(LATER);
    const { queue, spool, totals, lines } = stage(join(folder, 'spool'), sink);
    const takeUntil = async (what: string, done: () => boolean): Promise<void> => {
      for (let i = 0; !done(); i++) {
        if (i > 5000) throw new Error(`${what}: not after ${i} batches`);
        queue.take(batchOf(200));
        expect(imbalance(totals)).toBe(0);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await takeUntil('something is on disk', () => queue.held().spooled > 1000);
    fill(join(folder, 'ballast'));
    // Memory may be full before the disk has said that it is.
    await takeUntil('exchanges are dropped', () => totals.dropped > 1000 && totals.spoolFailures > 0);
    // No part of a record that did not fit is left, and none is counted; one that is being written right now is seen in parts.
    await poll('the files hold what is counted, whole', async () => {
      const files = readdirSync(join(folder, 'spool')).filter((file) => file.endsWith('.spool'));
      const seen = await Promise.all(files.map((file) => scanSegment(join(folder, 'spool', file))));
      expect(seen.map(({ fault }) => fault)).toEqual(files.map(() => null));
      expect(seen.reduce((sum, { rows }) => sum + rows, 0)).toBe(queue.held().spooled);
      return true;
    });
    rmSync(join(folder, 'ballast'));
    const { spooled } = queue.held();
    await poll('it is written to again', () => queue.held().spooled > spooled);
    await poll('what waited is on disk', () => queue.held().waiting === 0);
    const { dropped } = totals;
    await takeUntil('more is on disk', () => queue.held().spooled > spooled + 5000);
    expect(totals.dropped).toBe(dropped);
    sink.answer = () => ({ kind: 'delivered' });
    await drained(totals);
    expect(sink.rows).toBe(totals.produced - totals.dropped);
    expect(totals).toMatchObject({ delivered: sink.rows, spoolCorrupt: 0 });
    const told = lines.filter(({ message }) => message.startsWith('the spool'));
    expect(told.map(({ level, fields }) => [level, fields['why']])).toEqual([
      ['warning', expect.stringContaining('the disk is full')],
      ['info', undefined],
    ]);
    await poll('its files are gone', () => spool.bytes === 0);
    expect(readdirSync(join(folder, 'spool')).filter((file) => file.endsWith('.spool'))).toEqual([]);
  });

  test('is read-only: what lies there waits, traffic goes on, and all is delivered when it can be written to', async (context) => {
    const folder = disk(context);
    const spoolFolder = join(folder, 'spool');
    const first = stage(spoolFolder, new TestSink(LATER));
    first.queue.take(batchOf(100));
    await poll('it is on disk', () => first.queue.held().spooled === 100);
    await first.queue.close(100);
    await first.spool.close(1000);
    const remount = (how: string) => expect(spawnSync('mount', ['-o', `remount,${how}`, folder]).status).toBe(0);
    remount('ro');
    const sink = new TestSink();
    const { queue, totals, lines } = stage(spoolFolder, sink);
    queue.take(batchOf(7));
    await poll('what is fresh is delivered', () => sink.rows === 7);
    await poll('the disk was tried', () => totals.spoolFailures > 1);
    sink.answer = LATER;
    for (let i = 0; i < 200; i++) queue.take(batchOf(200));
    expect(totals.dropped).toBeGreaterThan(0);
    expect(imbalance(totals)).toBe(0);
    remount('rw');
    sink.answer = () => ({ kind: 'delivered' });
    await poll('what lay there is found', () => totals.recovered === 100);
    await drained(totals);
    expect(sink.rows).toBe(totals.produced - totals.dropped);
    const told = lines.filter(({ message }) => message.startsWith('the spool'));
    expect(told.map(({ level, fields }) => [level, fields['why']])).toEqual([
      ['warning', expect.stringContaining('read-only')],
      ['info', undefined],
    ]);
  });

  test('a file on it that goes bad: what it held is dropped and counted, everything else is delivered', async () => {
    const folder = newFolder();
    const sink = new TestSink(LATER);
    const { queue, totals, lines } = stage(folder, sink, 2 ** 21);
    const spoolFiles = () => readdirSync(folder).filter((file) => file.endsWith('.spool'));
    // Not until so many exchanges: how many find room there depends on how many share a parcel.
    await poll(
      'it is in four files',
      () => {
        queue.take(batchOf(100));
        return queue.held().spooled > 0 && spoolFiles().length > 3;
      },
      { withinMs: 60_000, everyMs: 1 },
    );
    const files = spoolFiles();
    truncateSync(join(folder, files[1]!), 1000);
    sink.answer = () => ({ kind: 'delivered' });
    await drained(totals);
    expect(totals.spoolCorrupt).toBe(1);
    expect(totals.dropped).toBeGreaterThan(0);
    expect(sink.rows).toBe(totals.produced - totals.dropped);
    expect(lines.filter(({ message }) => message.includes('corrupt')).length).toBe(1);
  });
});
