import { defineConfig } from 'vitest/config'
import { servers } from './spec/servers/servers.ts'

const series = process.env['CASSANDRA_SERIES'] ?? '5.0'
const specs = servers.find(({ name }) => name === series)?.specs ?? []

/** The core of the integration specs, on the server that CASSANDRA_CONTACT_POINTS names; `npm run test:servers` starts it. */
export default defineConfig({
  test: {
    include: [...specs.map(name => `spec/integration/${name}.spec.ts`), 'spec/servers/*.spec.ts'],
    globalSetup: ['spec/integration/server.ts'],
    // Ends a hang, and is long enough for a version that is much slower.
    testTimeout: 600_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
})
