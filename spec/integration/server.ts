import type { TestProject } from 'vitest/node'
import { startCassandra } from '../../lib/testing/index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the node that all integration specs of a run share. */
    cassandra: { readonly host: string; readonly port: number; readonly localDataCenter: string }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cassandra = await startCassandra()
  const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
  project.provide('cassandra', { host, port: Number(port), localDataCenter: cassandra.localDataCenter })
  return () => cassandra.stop()
}
