import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigWatch } from './config-watch.ts';

let folder = '';
let watch: ConfigWatch | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'));
});
afterEach(() => {
  watch?.close();
  rmSync(folder, { recursive: true });
});

async function watching(file: string): Promise<() => number> {
  let changes = 0;
  // The interval is out of reach: events alone must do.
  watch = new ConfigWatch(file, () => changes++, { settleMs: 10, pollMs: 60_000 });
  await watch.start();
  return () => changes;
}

const seen = (count: () => number, want: number) => vi.waitFor(() => expect(count()).toBe(want), { timeout: 30_000 });

test('a file written in place', async () => {
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'a');
  const changes = await watching(file);
  writeFileSync(file, 'ab');
  await seen(changes, 1);
});

test('a file replaced by a rename, twice', async () => {
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'a');
  const changes = await watching(file);
  for (const n of [1, 2]) {
    writeFileSync(join(folder, 'new'), 'b');
    renameSync(join(folder, 'new'), file);
    await seen(changes, n);
  }
});

test('a ConfigMap: the folder behind the link is swapped', async () => {
  for (const version of ['..1', '..2']) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'sluice.yaml'), version);
  }
  symlinkSync('..1', join(folder, '..data'));
  symlinkSync('..data/sluice.yaml', join(folder, 'sluice.yaml'));
  const changes = await watching(join(folder, 'sluice.yaml'));
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await seen(changes, 1);
});

test('a link to a file elsewhere that is written in place', async () => {
  mkdirSync(join(folder, 'real'));
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'real', 'f'), 'a');
  symlinkSync(join(folder, 'real', 'f'), join(folder, 'etc', 'sluice.yaml'));
  const changes = await watching(join(folder, 'etc', 'sluice.yaml'));
  writeFileSync(join(folder, 'real', 'f'), 'ab');
  await seen(changes, 1);
});

test('a neighbour that changes, and a file that is gone for a moment, are no change', async () => {
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'a');
  const changes = await watching(file);
  writeFileSync(join(folder, 'other'), 'x');
  renameSync(file, join(folder, 'away'));
  renameSync(join(folder, 'away'), file);
  writeFileSync(file, 'now it changes');
  await seen(changes, 1);
});

test('where no events come, the interval finds the change', async () => {
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'a');
  let changes = 0;
  watch = new ConfigWatch(file, () => changes++, { settleMs: 60_000, pollMs: 20 });
  await watch.start();
  writeFileSync(file, 'ab');
  await seen(() => changes, 1);
});
