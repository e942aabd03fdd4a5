import { defineConfig } from 'vitest/config'

/** The specs that depend most on the driver, with the lowest driver version that the package accepts. */
export default defineConfig({
  resolve: { alias: { 'cassandra-driver': 'cassandra-driver-lowest' } },
  test: {
    env: { DRIVER: 'lowest' },
    include: [
      'spec/driver.spec.ts',
      'spec/unit/cluster/**/*.spec.ts',
      'spec/unit/write/**/*.spec.ts',
      'spec/integration/{dispatcher,driverFaults,requests,sharedClients,write}.spec.ts',
    ],
    globalSetup: ['spec/integration/server.ts'],
    testTimeout: 240_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
})
