import { defineConfig } from 'vitest/config'

/** Three nodes with few and with many tokens each: apart, since each ring is a cluster that starts for it. */
export default defineConfig({
  test: { include: ['spec/rings/**/*.spec.ts'], fileParallelism: false, isolate: false },
})
