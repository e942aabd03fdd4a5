import type { TestProject } from 'vitest/node'
import { startKafka } from '../../lib/testing/index.ts'
import startServer from '../integration/server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the broker that all specs of a run share. */
    brokers: string[]
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [stopCassandra, kafka] = await Promise.all([startServer(project), startKafka()])
  project.provide('brokers', kafka.brokers)
  return async () => {
    await Promise.all([stopCassandra(), kafka.stop()])
  }
}
