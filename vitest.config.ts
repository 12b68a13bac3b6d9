import { defineConfig } from 'vitest/config';

// One project a kind of test. `npm test` runs them all; scripts/test.mjs prints the one closing line.
const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, environment: 'node' as const, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', [
        'src/**/*.test.ts',
        'protocol-filters/**/*.test.ts',
        'scripts/**/*.test.ts',
        'dashboards/**/*.test.ts',
        'test/bench/**/*.test.ts',
        'test/support/**/*.test.ts',
      ]),
      project('conformance', ['test/conformance/**/*.test.ts'], { testTimeout: 60_000 }),
      project('integration', ['test/integration/**/*.test.ts'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false }),
    ],
  },
});
