// npm run test:faults:three-nodes           all faults
// npm run test:faults:three-nodes -- pause  only faults whose name contains `pause`
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { HEADER, toRow } from './result.ts'
import { type Ring, ringChanges } from './ringChanges.ts'
import { startRingCluster } from './ringCluster.ts'
import { type Fault, resultOf, type Target } from './strike.ts'
import { faults, type ThreeNodes } from './threeNodes.ts'

/** Runs the faults. Prints one row of a Markdown table per fault. */
async function runAll<Cluster extends Target>(
  target: Cluster,
  faults: readonly Fault<Cluster>[],
): Promise<number> {
  let broken = 0
  for (const fault of faults) {
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

/** Calls a function with a client of the cluster, and closes the client afterwards. */
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

/**
 * Runs each fault of three nodes once, or those whose name contains `only`. Resolves to the number of broken promises.
 */
export async function runThreeNodes(only = ''): Promise<number> {
  const isMeant = ({ fault }: { readonly fault: string }) => fault.includes(only)
  console.log(HEADER)
  return (await strikeNodes(faults.filter(isMeant))) + (await changeRing(ringChanges.filter(isMeant)))
}

async function strikeNodes(faults: readonly Fault<ThreeNodes>[]): Promise<number> {
  if (faults.length === 0) return 0
  // A node that is killed must not lose what it acknowledged.
  await using cassandra = await startCassandra({ nodes: 3, durable: true })
  return await withClient(cassandra, client => runAll({ cassandra, client }, faults))
}

async function changeRing(faults: readonly Fault<Ring>[]): Promise<number> {
  if (faults.length === 0) return 0
  await using cassandra = await startRingCluster()
  return await withClient(cassandra, client => runAll({ cassandra, client }, faults))
}

if (import.meta.filename === process.argv[1])
  process.exitCode = Math.min(1, await runThreeNodes(process.argv[2]))
