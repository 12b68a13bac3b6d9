import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Rule } from './row.ts';

/** A build of Sluice in which one thing is broken, and the rows of the corpus that must notice. */
export interface BrokenBuild {
  readonly name: string;
  /** The rule of threats.md §1 that it breaks. */
  readonly rule: Rule;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Files of this folder, and a pattern of test names. */
  readonly caughtBy: { readonly files: readonly string[]; readonly tests: string };
}

const ROOT = path.join(import.meta.dirname, '../../..');
const FOLDERS = ['src', 'protocol-filters', 'test/bypass', 'test/support', 'test/fuzz', 'scripts', 'bin'];
const FILES = ['package.json', 'tsconfig.json', 'vitest.config.ts'];
const RUN_LIMIT_MS = 240_000;

export interface Outcome {
  readonly failed: readonly string[];
  readonly passed: number;
  /** What vitest said where it ran no test. */
  readonly said: string;
}

/** A copy of the sources in which one build after the other is broken. */
export class BrokenBuilds {
  readonly #home = mkdtempSync(path.join(tmpdir(), 'sluice-broken-'));

  constructor() {
    for (const name of [...FOLDERS, ...FILES])
      cpSync(path.join(ROOT, name), path.join(this.#home, name), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(this.#home, 'node_modules'));
  }

  /** Breaks it, runs the tests that must notice, and mends it again. Throws where the text to break is not there once. */
  async run({ file, find, replace, caughtBy }: BrokenBuild): Promise<Outcome> {
    const at = path.join(this.#home, file);
    const whole = readFileSync(at, 'utf8');
    if (whole.split(find).length !== 2) throw new Error(`${file} does not hold once: ${find}`);
    writeFileSync(
      at,
      whole.replace(find, () => replace),
    );
    try {
      return await this.#test(caughtBy.files, caughtBy.tests, ['--bail=1']);
    } finally {
      writeFileSync(at, whole);
    }
  }

  /** What must notice these builds, with nothing broken: whatever fails here would notice anything. */
  async control(builds: readonly BrokenBuild[]): Promise<Outcome> {
    const files = new Set(builds.flatMap(({ caughtBy }) => caughtBy.files));
    const tests = new Set(builds.map(({ caughtBy }) => caughtBy.tests));
    return this.#test([...files], [...tests].join('|'), []);
  }

  stop(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #test(files: readonly string[], tests: string, more: readonly string[]): Promise<Outcome> {
    const report = path.join(this.#home, 'report.json');
    rmSync(report, { force: true });
    const args = [
      ...['node_modules/vitest/vitest.mjs', 'run', '--project', 'bypass', '--root', this.#home],
      ...['-t', tests, '--reporter=json', `--outputFile=${report}`, '--testTimeout=8000', ...more],
      ...files.map((name) => `test/bypass/${name}`),
    ];
    const said = await new Promise<string>((resolve) => {
      const options = { cwd: this.#home, timeout: RUN_LIMIT_MS, env: { ...process.env, NO_COLOR: '1' } };
      execFile(process.execPath, args, options, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
    });
    let results: Report;
    try {
      results = JSON.parse(readFileSync(report, 'utf8')) as Report;
    } catch {
      return { failed: [], passed: 0, said };
    }
    const all = results.testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      failed: all.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      passed: all.filter(({ status }) => status === 'passed').length,
      said,
    };
  }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}
