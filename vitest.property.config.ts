/** `npm run test:property`: thousands of random graphs, edits and faults. Minutes, not seconds. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/property/**/*.test.ts'],
    globalSetup: ['test/rig/build-once.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    env: { PIPE_PROPERTY: 'all' },
  },
});
