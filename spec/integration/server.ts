import type { TestProject } from 'vitest/node'
import { startCassandra } from '../../lib/testing/index.ts'
import { JAVA_OPTIONS, neverRestarted } from '../quickStart.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the node that all integration specs of a run share. */
    cassandra: { readonly host: string; readonly port: number; readonly localDataCenter: string }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const options = process.env[JAVA_OPTIONS] ?? ''
  process.env[JAVA_OPTIONS] = `${options} ${neverRestarted[JAVA_OPTIONS]}`
  const cassandra = await startCassandra().finally(() => {
    process.env[JAVA_OPTIONS] = options
  })
  const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
  project.provide('cassandra', { host, port: Number(port), localDataCenter: cassandra.localDataCenter })
  return () => cassandra.stop()
}
