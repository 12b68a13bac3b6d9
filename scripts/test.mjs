// `npm test`: everything that CI runs. Installs what is missing, then runs the steps below one after the other; each
// prints its name, time and result, and the failing part when it failed. The last line is `N passed, N failed, N skipped`.
//   node scripts/test.mjs [STEP…]     only these steps
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bootstrap, orExplain, ROOT } from './bootstrap.mjs';
import { installPackages } from './debian-packages.mjs';
import { toolEnv } from './run.mjs';

/** `workers`: test files at a time. Vitest alone would take one less than there are cores. */
const vitest = (project, workers = 1) => [
  'vitest',
  'run',
  '--project',
  project,
  `--maxWorkers=${workers}`,
  '--reporter=default',
  '--reporter=./scripts/vitest-ledger.mjs',
];

/** `limitS`: seconds after which a step is killed and has failed. A step without a ledger counts as one test. */
const STEPS = [
  { name: 'format and lint', only: 'lint', run: ['biome', 'ci', '--colors=off'], limitS: 60 },
  { name: 'import arrows', only: 'arrows', run: ['node', 'scripts/check-arrows.ts'], limitS: 30 },
  { name: 'types', only: 'types', run: ['tsc', '-p', '.'], limitS: 120 },
  { name: 'generated files', only: 'generated', run: ['node', 'scripts/docs-metrics.ts', '--check'], limitS: 60 },
  { name: 'dashboards', only: 'dashboards', run: ['node', 'scripts/generate-dashboards.ts', '--check'], limitS: 30 },
  { name: 'unit', only: 'unit', run: vitest('unit*', 2), limitS: 500, ledger: true },
  { name: 'conformance', only: 'conformance', run: vitest('conformance', 2), limitS: 400, ledger: true },
  {
    name: 'integration',
    only: 'integration',
    run: vitest('integration', 2),
    limitS: 500,
    ledger: true,
    postgres: true,
  },
  {
    name: 'databases',
    only: 'databases',
    run: vitest('databases', 2),
    limitS: 700,
    ledger: true,
    servers: true,
    postgres: true,
  },
  {
    name: 'bypass',
    only: 'bypass',
    run: vitest('bypass', 2),
    limitS: 400,
    ledger: true,
    servers: true,
    postgres: true,
  },
  { name: 'sinks', only: 'sinks', run: vitest('sinks', 2), limitS: 500, ledger: true, servers: true },
  { name: 'e2e', only: 'e2e', run: vitest('e2e', 2), limitS: 300, ledger: true, postgres: true },
];
/** What the steps with servers need. Postgres may not be missing; tests that lack another are skipped, with the reason. */
const PACKAGES = [
  'postgresql',
  'mariadb-server',
  'redis-server',
  'sysbench',
  'prometheus',
  'gcc',
  'libc6-dev',
  'librdkafka-dev',
  'kcat',
  'default-jre-headless',
  'libzookeeper-java',
  'python3-kazoo',
  'python3-pymongo',
];
/** Vitest's own code, too, is compiled once and not once a file (vitest.config.ts says it of what tests start). */
const NODE_COMPILE_CACHE = path.join(ROOT, 'node_modules/.cache/node-compile');
/** For all steps together. */
const TOTAL_S = 2400;
/** Lines of a failed step's output that are shown at most. */
const SHOWN_LINES = 150;

const say = (text) => process.stdout.write(`${text}\n`);
const total = { passed: 0, failed: 0, skipped: 0 };
const skips = [];
let running = null;

const node = await orExplain(() => bootstrap());
const steps = chosen(process.argv.slice(2));
const postgresMissing = steps.some((step) => step.servers || step.postgres) ? preparePackages() : '';
const endsAt = Date.now() + TOTAL_S * 1000;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    killGroup(running);
    process.exit(1);
  });
}

for (const step of steps) {
  process.stdout.write(`${step.name.padEnd(16)} `);
  if (step.postgres && postgresMissing) {
    total.failed++;
    say(`FAILED  Postgres is needed and may not be skipped: ${postgresMissing}`);
    continue;
  }
  const result = await runStep(step);
  for (const key of Object.keys(total)) total[key] += result.counts[key];
  skips.push(...result.skips);
  say(`${result.ok ? 'ok' : 'FAILED'}  ${result.seconds.toFixed(1)} s  ${result.note}`);
  if (!result.ok) say(indent(result.shown));
}

if (skips.length > 0) {
  say('\nSkipped, and why:');
  for (const skip of skips) say(`  ${skip.name}: ${skip.note || 'no reason given'}`);
}
say('');
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;

function chosen(names) {
  const unknown = names.filter((name) => !STEPS.some((step) => step.only === name));
  if (unknown.length > 0) {
    say(`unknown step ${unknown.join(', ')}; there are: ${STEPS.map((step) => step.only).join(', ')}`);
    process.exit(2);
  }
  return names.length === 0 ? STEPS : STEPS.filter((step) => names.includes(step.only));
}

/** Installs servers and tools. Returns why there is no Postgres, or ''. Others' absence shows as skipped tests. */
function preparePackages() {
  const missing = installPackages(PACKAGES, say);
  return missing.postgresql ? `${missing.postgresql}. Install it (Debian: apt-get install postgresql)` : '';
}

/** Runs one step to its end or its limit. Never rejects. */
async function runStep(step) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-test-'));
  const ledger = path.join(folder, 'ledger');
  const startedAt = Date.now();
  const { output, failure, wasKilled } = await run(
    step,
    ledger,
    Math.min(step.limitS * 1000, Math.max(1000, endsAt - startedAt)),
  );
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const entries = step.ledger ? readLedger(ledger) : [];
  for (const { state } of entries) if (state in counts) counts[state]++;
  const skipped = entries.filter(({ state }) => state === 'skipped');
  rmSync(folder, { recursive: true, force: true });
  let note = failure;
  if (!step.ledger) counts[failure ? 'failed' : 'passed']++;
  else if (!failure && counts.passed + counts.failed === 0) note = 'no test ran';
  // A failure that no test stands for (killed, no test at all, vitest itself broke) still has to count.
  if (note && counts.failed === 0) counts.failed++;
  const tally = step.ledger ? `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped` : '';
  return {
    ok: counts.failed === 0,
    counts,
    skips: skipped,
    shown: wasKilled ? unfinished(entries) : failingPart(output),
    seconds: (Date.now() - startedAt) / 1000,
    note: [tally, note].filter(Boolean).join('; '),
  };
}

function run(step, ledger, limitMs) {
  return new Promise((resolve) => {
    const chunks = [];
    const [tool, ...args] = step.run;
    const child = spawn(tool === 'node' ? node : tool, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...toolEnv(node), NODE_COMPILE_CACHE, SLUICE_LEDGER: ledger, NO_COLOR: '1', FORCE_COLOR: undefined },
      detached: true, // a group of its own, so that everything it started can be killed with it
    });
    running = child;
    let failure = '';
    let wasKilled = false;
    const timer = setTimeout(() => {
      wasKilled = true;
      failure = `killed at its limit of ${Math.round(limitMs / 1000)} s`;
      killGroup(child);
    }, limitMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
    const finish = () => resolve({ output: Buffer.concat(chunks).toString(), failure, wasKilled });
    child.once('error', (error) => {
      clearTimeout(timer);
      failure = error.message;
      finish();
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      running = null;
      if (!failure && code !== 0) failure = signal ? `ended by ${signal}` : `exit ${code}`;
      killGroup(child); // whatever it left behind in its group
      setTimeout(finish, 1000).unref(); // should something outside the group hold the pipes open
    });
    child.once('close', finish);
  });
}

function killGroup(child) {
  if (!child?.pid) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function readLedger(file) {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch {
    return []; // it never came to the first test
  }
}

/** What a killed step had failed, and what it was doing. */
function unfinished(entries) {
  const failed = entries.filter(({ state }) => state === 'failed').map(({ name }) => `failed: ${name}`);
  const done = new Set(entries.filter(({ state }) => state !== 'started').map(({ name }) => name));
  const open = entries.filter(({ state, name }) => state === 'started' && !done.has(name));
  return [...failed, ...open.map(({ name }) => `had not ended: ${name}`)].slice(-SHOWN_LINES).join('\n');
}

/** From vitest's first failure on where there is one; at most SHOWN_LINES, from the end where the reason usually stands. */
function failingPart(output) {
  const lines = output.trimEnd().split('\n');
  const from = lines.findIndex((line) => /Failed (Tests|Suites)|Unhandled Error|No test files found/.test(line));
  if (from < 0) return lines.slice(-SHOWN_LINES).join('\n');
  const part = lines.slice(from);
  return part.length <= SHOWN_LINES ? part.join('\n') : [...part.slice(0, SHOWN_LINES), '…'].join('\n');
}

function indent(text) {
  return text.replaceAll(/^/gm, '    ');
}
