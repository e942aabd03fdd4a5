// npm run test:faults -- --nodes 3
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { HEADER, toRow } from './result.ts'
import { ringChanges } from './ringChanges.ts'
import { startRingCluster } from './ringCluster.ts'
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
      console.log(`✗ ${fault.fault}:`, error)
      broken++
    }
  }
  return broken
}

/** A client of a cluster, for as long as something runs. */
async function withClient<T>(
  { contactPoints, localDataCenter, port }: Address,
  run: (client: Client) => Promise<T>,
): Promise<T> {
  const protocolOptions = { port, maxSchemaAgreementWaitSeconds: 60 }
  const client = new Client({ contactPoints: [...contactPoints], localDataCenter, protocolOptions })
  try {
    return await run(client)
  } finally {
    await client.shutdown()
  }
}

type Address = Target['cassandra'] & { readonly localDataCenter: string }

/** Runs each fault of three nodes once. Resolves to the number of promises that were broken. */
export async function runThreeNodes(only = ''): Promise<number> {
  console.log(HEADER)
  return (await strikeNodes(only)) + (await changeRing(only))
}

async function strikeNodes(only: string): Promise<number> {
  // A node that is killed must not lose what it acknowledged.
  await using cassandra = await startCassandra({ nodes: 3, durable: true })
  return await withClient(cassandra, client => runAll({ cassandra, client }, faults, only))
}

async function changeRing(only: string): Promise<number> {
  await using cassandra = await startRingCluster()
  return await withClient(cassandra, client => runAll({ cassandra, client }, ringChanges, only))
}

if (import.meta.filename === process.argv[1])
  process.exitCode = Math.min(1, await runThreeNodes(process.argv[2]))
