import { defineConfig } from 'vitest/config'
import { quickStart } from './spec/quickStart.ts'

/** Apart from the other specs, which leave three nodes on two cores too little to be told from dead ones. */
export default defineConfig({
  test: {
    include: ['spec/three-nodes/**/*.spec.ts'],
    fileParallelism: false,
    isolate: false,
    hookTimeout: 360_000,
    env: quickStart,
  },
})
