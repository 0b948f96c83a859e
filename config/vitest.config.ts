import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: '.',
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/workers/**', 'tests/bench/**', 'node_modules/**'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Tests wait a lot: a third worker fills the time of two cores, which the default would leave to one.
    maxWorkers: 3,
  },
});
