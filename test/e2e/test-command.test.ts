import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
let project: string;

/** A project with our test command and other tests. */
beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'sluice-test-command-'));
  const filter = (file: string) => !file.endsWith('.ts') || file.endsWith('vitest.config.ts'); // not our own tests
  for (const name of ['scripts', 'package.json', 'package-lock.json', 'vitest.config.ts']) {
    cpSync(path.join(ROOT, name), path.join(project, name), { recursive: true, filter });
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(project, 'node_modules'));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(tests: Record<string, string>, ...steps: string[]) {
  rmSync(path.join(project, 'src'), { recursive: true, force: true });
  rmSync(path.join(project, 'test'), { recursive: true, force: true });
  for (const [name, code] of Object.entries({ 'src/cli/main.ts': '', ...tests })) {
    mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    writeFileSync(path.join(project, name), code && `import { test, expect } from 'vitest';\n${code}`);
  }
  const ran = spawnSync(process.execPath, ['scripts/test.mjs', ...steps], { cwd: project, encoding: 'utf8' });
  return { ...ran, last: ran.stdout.trimEnd().split('\n').at(-1) };
}

test('passed, failed and skipped tests are counted, with reasons, and the exit code follows', () => {
  const { status, stdout, last } = run(
    {
      'src/a.test.ts': `test('good', () => {}); test('bad', () => expect('this').toBe('that'));
        test('cannot', (ctx) => ctx.skip('no such thing here'));`,
    },
    'unit',
  );
  expect(last).toBe('1 passed, 1 failed, 1 skipped');
  expect(status).toBe(1);
  expect(stdout).toContain("expected 'this' to be 'that'");
  expect(stdout).toContain('src/a.test.ts > cannot: no such thing here');
});

test.each([
  ['a file that does not load', { 'src/a.test.ts': `import './nothing.ts';` }, '0 passed, 1 failed, 0 skipped'],
  [
    'a throw that no test catches',
    {
      'src/a.test.ts': `test('t', async () => {
    setTimeout(() => { throw new Error('late'); }, 1); await new Promise((done) => setTimeout(done, 50)); });`,
    },
    '1 passed, 1 failed, 0 skipped',
  ],
  ['no test at all', {}, '0 passed, 1 failed, 0 skipped'],
  [
    'a test process that dies',
    { 'src/a.test.ts': `test('t', () => { process.kill(process.ppid, 'SIGKILL'); });` },
    '0 passed, 1 failed, 0 skipped',
  ],
] as const)('%s is a failure', (_, tests, want) => {
  const { status, last } = run(tests as Record<string, string>, 'unit');
  expect([last, status]).toEqual([want, 1]);
});

test('all good is exit code 0', () => {
  const { status, last } = run({ 'src/a.test.ts': `test('good', () => {});` }, 'unit');
  expect([last, status]).toEqual(['1 passed, 0 failed, 0 skipped', 0]);
});
