/** `npm run test:faults`: every write, every length, more processes. Minutes, not seconds. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/rig/build-once.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    env: { PIPE_FAULTS: 'all' },
  },
});
