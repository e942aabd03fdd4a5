import { randomBytes, randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { randomFrom } from '../random.ts'
import { errorCodeFaults, rareErrorFaults } from './errorCodes.ts'
import { type Fault, type Run, resultOf, type Stage } from './fault.ts'
import { type GuardedNode, startGuardedNode } from './guardedNode.ts'
import { guardrailFaults } from './guardrails.ts'
import { kills, oneNodeFaults, revokedRole } from './oneNode.ts'
import { overloadFaults } from './overload.ts'
import { proxiedFaults } from './proxied.ts'
import { HEADER, toRow } from './result.ts'

/** `npm run test:faults -- --kills 20 --runs 1 --seed 1` injects each fault during a load, on real nodes. */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', default: '' },
  },
})
const [times, runs, seed] = [Number(values.kills), Number(values.runs), Number(values.seed)]
const random = randomFrom(seed)
type Node = Cassandra & Partial<GuardedNode>
let failed = 0
console.log(`--seed ${seed}\n\n${HEADER}`)

await onNode(() => startCassandra({ durable: true }), [kills(times)], 1)
// The last one leaves the role without its permission.
await onNode(startGuardedNode, [...guardrailFaults, revokedRole])
await onNode(startCassandra, [
  ...oneNodeFaults,
  ...proxiedFaults,
  ...overloadFaults,
  ...errorCodeFaults,
  ...rareErrorFaults,
])
process.exitCode = failed === 0 ? 0 : 1

/** Runs the faults one after the other on a node of their own. */
async function onNode(start: () => Promise<Node>, faults: readonly Fault[], most = runs): Promise<void> {
  const wanted = faults.filter(({ name }) => name.includes(values.only))
  if (wanted.length === 0) return
  await using node = await start()
  const stage = await stageOn(node)
  for (const fault of wanted) {
    const done: Run[] = []
    while (done.length < most) done.push(await fault.run(stage))
    console.log(toRow(resultOf(fault, done)))
    const problems = done.flatMap(({ problems }) => problems)
    for (const problem of problems) console.error(`✗ ${fault.name}: ${problem}`)
    failed += problems.length
  }
  await stage.client.shutdown()
}

async function stageOn(node: Node): Promise<Stage> {
  const { contactPoints, localDataCenter, username = '', password = '' } = node
  const [host = '', port = '9042'] = contactPoints[0]?.split(':') ?? []
  const connect = () =>
    new Client({
      contactPoints,
      localDataCenter,
      credentials: { username, password },
      socketOptions: { readTimeout: 120_000 },
    })
  const client = connect()
  const keyspace = `faults_${randomBytes(4).toString('hex')}`
  await client.execute(
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  if (username !== '') await client.execute("CREATE ROLE loader WITH PASSWORD = 'loader' AND LOGIN = true")
  return {
    client,
    target: { host, port: Number(port), keyspace },
    localDataCenter,
    cassandra: node,
    connect,
    ...(node.setGuardrail !== undefined && { setGuardrail: node.setGuardrail }),
    random,
  }
}
