import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Told to a project only by `extends`: in a terminal it would leave a compiler behind that watches.
    watch: false,
    projects: [
      {
        test: {
          name: 'unit',
          // Bounds a hang. On a machine that is busy a property takes its time.
          testTimeout: 30_000,
          include: ['spec/*.spec.ts', 'spec/unit/**/*.spec.ts', 'spec/stream/**/*.spec.ts'],
          exclude: ['spec/readme.spec.ts', 'spec/examples.spec.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: ['spec/types/**/*.spec.ts'],
          typecheck: { enabled: true, include: ['spec/types/**/*.test-d.ts'] },
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['spec/integration/**/*.spec.ts', 'spec/readme.spec.ts', 'spec/examples.spec.ts'],
          globalSetup: ['spec/integration/server.ts'],
          // Bounds a hang, also where 100,000 rows share two cores with several servers.
          testTimeout: 240_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          // After the unit specs, so that those answer in seconds.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
