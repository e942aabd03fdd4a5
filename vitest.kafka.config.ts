import { defineConfig } from 'vitest/config'

/** What needs a broker: apart, since it starts one, and a short campaign of kills takes both cores. */
export default defineConfig({
  test: {
    include: ['spec/kafka/**/*.spec.ts'],
    globalSetup: ['spec/kafka/servers.ts'],
    // Ends a hang.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // They mostly wait: for time limits, and for groups that change hands. Each has its own topics, groups and keyspace.
    maxWorkers: 2,
  },
})
