// npm run test:faults -- --nodes 3
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { HEADER, toRow } from './result.ts'
import { type Fault, resultOf, type Target } from './strike.ts'
import { faults } from './threeNodes.ts'

/** Runs the faults whose names hold this text; each prints one row of a Markdown table. */
async function runAll<Cluster extends Target>(
  target: Cluster,
  all: readonly Fault<Cluster>[],
  only: string,
): Promise<number> {
  let broken = 0
  for (const fault of all.filter(({ fault }) => fault.includes(only))) {
    try {
      const result = resultOf(fault, await fault.run(target))
      console.log(toRow(result))
      if (result.lost + result.wrong > 0) broken++
    } catch (error) {
      console.log(`✗ ${fault.fault}: ${error}`)
      broken++
    }
  }
  return broken
}

/** Runs each fault of three nodes once. Resolves to the number of promises that were broken. */
export async function runThreeNodes(only = ''): Promise<number> {
  console.log(HEADER)
  // A node that is killed must not lose what it acknowledged.
  await using cassandra = await startCassandra({ nodes: 3, durable: true })
  const { contactPoints, localDataCenter, port } = cassandra
  const protocolOptions = { port, maxSchemaAgreementWaitSeconds: 60 }
  const client = new Client({ contactPoints, localDataCenter, protocolOptions })
  try {
    return await runAll({ cassandra, client }, faults, only)
  } finally {
    await client.shutdown()
  }
}

if (import.meta.filename === process.argv[1])
  process.exitCode = Math.min(1, await runThreeNodes(process.argv[2]))
