import { defineConfig } from 'vitest/config';

// One project a kind of test. `npm test` runs them all; scripts/test.mjs prints the one closing line.
const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, environment: 'node' as const, ...extra },
});

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
      project(
        'unit',
        [
          'src/**/*.test.ts',
          'protocol-filters/**/*.test.ts',
          'scripts/**/*.test.ts',
          'dashboards/**/*.test.ts',
          'test/bench/**/*.test.ts',
          'test/support/**/*.test.ts',
        ],
        { testTimeout: 20_000 },
      ), // the machine may be busy with others' work
      project('conformance', ['test/conformance/**/*.test.ts'], { testTimeout: 60_000 }),
      // One after the other: they measure memory, times and what is left behind.
      project('integration', ['test/integration/**/*.test.ts'], {
        exclude: [...DATABASES, ...SINKS],
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
      // Each with servers of its own, and most of their time is waiting: side by side.
      project('databases', DATABASES, { testTimeout: 120_000, hookTimeout: 120_000 }),
      // Ways around the gate, one file a row of the threats: each before the engine alone and before a real server.
      project('bypass', ['test/bypass/**/*.test.ts'], { testTimeout: 120_000, hookTimeout: 120_000 }),
      // Each with receivers and folders of its own.
      project('sinks', SINKS, { testTimeout: 120_000, hookTimeout: 120_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false }),
    ],
  },
});
