// npm run test:takeover -- --runs 1000 --seed 7
import { randomBytes, randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { Programs } from '../crash/program.ts'
import { takeOver } from './campaign.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? randomInt(2 ** 31))
const runs = Number(values.runs)
console.log(`${runs} runs, --seed ${seed}`)

await using cassandra = await startCassandra()
const [contactPoint = ''] = cassandra.contactPoints
const [host = '', port] = contactPoint.split(':')
const client = new Client({
  contactPoints: [contactPoint],
  localDataCenter: cassandra.localDataCenter,
  socketOptions: { readTimeout: 60_000 },
})
const keyspace = `takeover_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
using programs = new Programs('takeover')
const from = performance.now()
const { faults, ...outcome } = await takeOver({
  client,
  target: { host, port: Number(port) },
  keyspace,
  programs,
  seed,
  runs,
  tell: line => console.log(line),
})
console.log(outcome, `${Math.round((performance.now() - from) / 1000)} s`)
for (const fault of faults) console.log(`✗ ${fault}`)
console.log(faults.length === 0 ? '✓ the table is that of a clean run' : `${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()
