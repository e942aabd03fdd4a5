import { defineConfig } from 'vitest/config'
import { quickStart } from './spec/quickStart.ts'

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
          exclude: ['spec/pagesExamples.spec.ts', 'spec/examples.spec.ts'],
        },
      },
      {
        test: {
          // The specs through which rows and options pass, in a process that has hardened its prototypes.
          name: 'frozen',
          setupFiles: ['spec/frozen/prototypes.ts'],
          testTimeout: 30_000,
          include: [
            'spec/stream/**/*.spec.ts',
            'spec/unit/{batch,epoch,options,row,table,value}/**/*.spec.ts',
            'spec/unit/pollution.spec.ts',
          ],
          // fast-check and the driver's decoder assign to inherited names there.
          exclude: ['spec/unit/row/snapshot.spec.ts', 'spec/unit/value/{refusal,roundTrip}.spec.ts'],
          isolate: false,
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
          include: ['spec/integration/**/*.spec.ts', 'spec/pagesExamples.spec.ts', 'spec/examples.spec.ts'],
          globalSetup: ['spec/integration/server.ts'],
          env: quickStart,
          // Bounds a hang, also where 100,000 rows share two cores with several servers.
          testTimeout: 240_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          // Loads that wait for a fault to pass leave the machine to others.
          maxConcurrency: 8,
          // After the unit specs, so that those answer in seconds.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
