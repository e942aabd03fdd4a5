import { Client } from 'cassandra-driver'
import { afterAll, beforeAll } from 'vitest'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'

/** Longest time in milliseconds for starts and restarts on a busy machine. */
export const TIMEOUT_MS = 360_000

let starting: Promise<Cassandra> | undefined

/** Three running nodes and a client. All spec files share one cluster, which ends with the process. */
export function useThreeNodes(): { readonly cassandra: Cassandra; readonly client: Client } {
  const own: { cassandra?: Cassandra; client?: Client } = {}
  beforeAll(async () => {
    // A node that is killed must not lose what it acknowledged.
    starting ??= startCassandra({ nodes: 3, durable: true })
    const cassandra = await starting
    const { contactPoints, localDataCenter, port } = cassandra
    for (const [i] of contactPoints.entries()) {
      await cassandra.start(i + 1).catch((error: Error) => {
        if (!error.message.endsWith('is running')) throw error
      })
    }
    const protocolOptions = { port, maxSchemaAgreementWaitSeconds: 60 }
    own.cassandra = cassandra
    // Changes of the schema wait for one another.
    const socketOptions = { readTimeout: 120_000 }
    own.client = new Client({ contactPoints, localDataCenter, protocolOptions, socketOptions })
  }, TIMEOUT_MS)
  afterAll(() => own.client?.shutdown())
  return {
    get cassandra() {
      return own.cassandra as Cassandra
    },
    get client() {
      return own.client as Client
    },
  }
}
