import { defineConfig } from 'vitest/config'
import { quickStart } from './spec/quickStart.ts'

export default defineConfig({
  test: {
    // In a terminal, watch mode would leave a compiler running. Projects get this only by `extends`.
    watch: false,
    projects: [
      {
        test: {
          name: 'unit',
          // Ends a hang. Property tests take long on a busy machine.
          testTimeout: 30_000,
          maxWorkers: 2,
          isolate: false,
          include: ['spec/*.spec.ts', 'spec/unit/**/*.spec.ts', 'spec/stream/**/*.spec.ts'],
          exclude: ['spec/pagesExamples.spec.ts', 'spec/examples.spec.ts'],
        },
      },
      {
        test: {
          // In a process with frozen prototypes.
          name: 'frozen',
          maxWorkers: 2,
          setupFiles: ['spec/frozen/prototypes.ts'],
          testTimeout: 30_000,
          include: ['spec/stream/**/*.spec.ts', 'spec/unit/**/*.spec.ts'],
          // The code that it tests runs in processes of its own.
          exclude: ['spec/unit/checkpoint/processes.spec.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: ['spec/types/**/*.spec.ts'],
          typecheck: { enabled: true, include: ['spec/types/**/*.test-d.ts'] },
          // Ends a hang. Each compiles a program, which takes long on a busy machine.
          testTimeout: 60_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['spec/integration/**/*.spec.ts', 'spec/pagesExamples.spec.ts', 'spec/examples.spec.ts'],
          globalSetup: ['spec/integration/server.ts'],
          env: quickStart,
          // Ends a hang. 100,000 rows may share two cores with several servers.
          testTimeout: 240_000,
          hookTimeout: 180_000,
          // One more than cores: every seventh second is a wait for a server, a restart or a clock.
          maxWorkers: 3,
          // Many at once, because a load that waits for a fault to pass needs no CPU.
          maxConcurrency: 8,
          // After the unit specs, so that those finish in seconds.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
