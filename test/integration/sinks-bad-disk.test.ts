import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FaultStage } from '../support/fault-stage.ts';
import { needs } from '../support/needs.ts';
import { type OtlpFar, otlpFars } from '../support/otlp-far.ts';

// A whole Sluice with real traffic and a disk that is full, cannot be written to, or gives back something else.

const MIB = 2 ** 20;
const OPTIONS = { spool_bytes: 64 * MIB, timeout: '60s' };

// Side by side: most of their time is waiting, each with everything of its own.
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function begin(spool?: string, queue = 16 * MIB) {
  const fars: OtlpFar[] = await otlpFars({ ...OPTIONS, queue_bytes: queue });
  closers.push(...fars.map((far) => () => far.close()));
  const stage = new FaultStage(spool);
  closers.push(() => stage.close());
  await stage.start(fars.map(({ config }) => config));
  return {
    stage,
    fars,
    everyRelay: (fault: 'down' | null) =>
      Promise.all(fars.map(({ relay }) => relay.fault(fault === null ? null : { kind: fault }))),
    different: () => Promise.all(fars.map(async ({ counter }) => (await counter.counts()).different)),
  };
}

/** A disk of its own; only root may mount one. */
function disk(context: { skip(note?: string): never }, size: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-faults-disk-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  if (status !== 0) context.skip(`no disk can be mounted here: ${String(stderr).trim()}`);
  closers.push(() => spawnSync('umount', ['-l', folder]));
  return folder;
}

test.concurrent('a full disk: one line, traffic untouched, an exact count of what was dropped, and well again when there is room', async (context) => {
  needs(context, 'redis');
  const folder = disk(context, '1m');
  const { stage, fars, everyRelay, different } = await begin(path.join(folder, 'spool'), MIB);
  await everyRelay('down');
  const load = await stage.load(5000);
  await stage.until('the disk is full and exchanges are dropped', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['dropped']! > 1000),
  );
  expect(spawnSync('mount', ['-o', 'remount,size=64m', folder]).status).toBe(0);
  const room = await stage.until('it is written to again', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['waiting'] === 0),
  );
  await stage.until('more is on disk', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['spooled']! > room.sinks[sink]!['spooled']! + 1000),
  );
  await everyRelay(null);
  const { sent, answered, errors } = await load.end();
  expect({ answered, errors }).toEqual({ answered: sent, errors: 0 });
  const { sinks } = await stage.drained(sent);
  for (const [i, { sink }] of fars.entries()) {
    const { delivered, dropped } = sinks[sink]!;
    expect(delivered).toBe(sent - dropped!);
    expect((await different())[i]).toBe(delivered);
    const told = stage.lines(`the spool of sink ${sink} fails`);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('the disk is full');
    expect(stage.lines(`the spool of sink ${sink} works again`)).toHaveLength(1);
  }
  expect(stage.faults).toEqual([]);
});

test.concurrent('a disk that can only be read: what lies there waits, what is new is delivered, and all is when it can be written to', async (context) => {
  needs(context, 'redis');
  const folder = disk(context, '64m');
  const { stage, fars, everyRelay, different } = await begin(path.join(folder, 'spool'));
  await everyRelay('down');
  let load = await stage.load(2000);
  await stage.until('something is on disk', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['spooled']! > 0));
  const first = await load.end();
  await stage.until(
    'all is',
    ({ events, sinks }) =>
      events['produced'] === first.sent && fars.every(({ sink }) => sinks[sink]!['spooled'] === first.sent),
  );
  await stage.stop();
  expect(spawnSync('mount', ['-o', 'remount,ro', folder]).status).toBe(0);
  await everyRelay(null);
  await stage.restart();
  load = await stage.load(2000);
  await stage.until('what is new is delivered', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['delivered']! > 0),
  );
  for (const { sink } of fars) expect(stage.lines(`the spool of sink ${sink} fails`, 'read-only')).toHaveLength(1);
  const second = await load.end();
  expect(second).toMatchObject({ answered: second.sent, errors: 0 });
  expect(spawnSync('mount', ['-o', 'remount,rw', folder]).status).toBe(0);
  await stage.until('what lay there is found', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['recovered'] === first.sent),
  );
  const { sinks } = await stage.drained(second.sent);
  for (const [i, { sink }] of fars.entries()) {
    expect(sinks[sink]).toMatchObject({ delivered: first.sent + second.sent, dropped: 0 });
    expect((await different())[i]).toBe(first.sent + second.sent);
    expect(stage.lines(`the spool of sink ${sink} fails`)).toHaveLength(1);
    expect(stage.lines(`the spool of sink ${sink} works again`)).toHaveLength(1);
  }
  expect(stage.faults).toEqual([]);
});

test.concurrent('a spool file that is corrupt: one line, and everything before and in other files is delivered', async (context) => {
  needs(context, 'redis');
  const { stage, fars, everyRelay, different } = await begin();
  await everyRelay('down');
  const load = await stage.load(4000);
  await stage.until('much is on disk', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['spooled']! > 8000));
  const { sent } = await load.end();
  await stage.stop();
  for (const { sink } of fars) {
    const folder = path.join(stage.spool, sink);
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.spool'));
    const whole = path.join(folder, file!);
    const fd = openSync(whole, 'r+');
    writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, Math.floor(statSync(whole).size / 2));
    closeSync(fd);
  }
  await stage.restart();
  await everyRelay(null);
  const again = await stage.load(1000);
  await stage.until('new exchanges are delivered', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['delivered']! > 100),
  );
  const more = await again.end();
  expect(more).toMatchObject({ answered: more.sent, errors: 0 });
  const { sinks } = await stage.drained(more.sent);
  for (const [i, { sink }] of fars.entries()) {
    const { recovered, delivered, dropped, spool_corrupt: corrupt } = sinks[sink]!;
    expect(delivered! + dropped!).toBe(recovered! + more.sent);
    expect(delivered).toBeGreaterThan(more.sent);
    expect(delivered).toBeLessThan(sent + more.sent);
    expect((await different())[i]).toBe(delivered);
    expect(corrupt).toBe(1);
    expect(stage.lines(`the spool of sink ${sink} is corrupt`)).toHaveLength(1);
  }
  expect(stage.faults).toEqual([]);
});
