import path from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * Node keeps there what it compiled. Tests start many a Sluice, each of some processes, and types taken out and code
 * compiled once is three quarters of what a start costs. Checked by content: what changed is compiled anew.
 */
const env = { NODE_COMPILE_CACHE: path.join(import.meta.dirname, 'node_modules/.cache/node-compile') };

/** Of `expect.poll`; vitest's own second is too little where the machine does much else. */
const PATIENCE = { poll: { timeout: 30_000, interval: 20 } };

// One project a kind of test. `npm test` runs them all; scripts/test.mjs prints the one closing line.
const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, environment: 'node' as const, env, expect: PATIENCE, ...extra },
});

const UNIT = [
  'src/**/*.test.ts',
  'protocol-filters/**/*.test.ts',
  'scripts/**/*.test.ts',
  'dashboards/**/*.test.ts',
  'test/bench/**/*.test.ts',
  'test/support/**/*.test.ts',
];
/** What measures the memory or the speed of its process, or spoils it for others. */
const ALONE = [
  'src/digest/cache-mysql.test.ts',
  'src/digest/{rows/rows,keys/heavy-keys}.test.ts',
  'src/events/{recorder,frame-reader,link}.test.ts',
  'protocol-filters/redis/{digests,hostile}.test.ts',
  'protocol-filters/mysql/compression.test.ts',
  'protocol-filters/postgres/framing.test.ts',
  'protocol-filters/zookeeper/hostile.test.ts',
  'protocol-filters/mongodb/hostile.test.ts',
  'protocol-filters/mongodb/wire/{keep,compressed}.test.ts',
  'protocol-filters/kafka/{strange,hostile,wire/hostile,rewrite/hostile}.test.ts',
];

const DATABASES = [
  ...['mysql', 'redis', 'mongodb', 'zookeeper', 'kafka', 'policy', 'rbac', 'filters'].map(
    (name) => `test/integration/${name}-*.test.ts`,
  ),
  ...['exact-counts', 'gate-catalogue', 'postgres-gate', 'real-postgres'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
];

const SINKS = ['test/integration/sinks-*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      // One file after the other in the same process: to load the same modules for each of 300 took a third of the time.
      project('unit', UNIT, { exclude: ALONE, isolate: false, testTimeout: 60_000, hookTimeout: 60_000 }),
      // `--project 'unit*'` runs both.
      project('unit-alone', ALONE, { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('conformance', ['test/conformance/**/*.test.ts'], { testTimeout: 120_000 }),
      // They measure memory, times and what is left behind: of processes of their own, and beside what this machine can do just now.
      project('integration', ['test/integration/**/*.test.ts'], {
        exclude: [...DATABASES, ...SINKS],
        testTimeout: 180_000,
        hookTimeout: 180_000,
      }),
      // Each with servers of its own, and most of their time is waiting: side by side.
      project('databases', DATABASES, { testTimeout: 120_000, hookTimeout: 120_000 }),
      // Ways around the gate, one file a row of the threats: each before the engine alone and before a real server.
      project('bypass', ['test/bypass/**/*.test.ts'], { testTimeout: 120_000, hookTimeout: 120_000 }),
      // Each with receivers and folders of its own.
      project('sinks', SINKS, { testTimeout: 180_000, hookTimeout: 180_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], { testTimeout: 240_000, hookTimeout: 240_000 }),
    ],
  },
});
