// npm run test:outages -- --patterns 300 --seed 1
import { randomBytes, randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { goThroughOutages } from './campaign.ts'

const { values } = parseArgs({
  options: {
    patterns: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(randomInt(2 ** 31 - 10_000)) },
    lanes: { type: 'string', default: '6' },
  },
})
const [patterns, seed, lanes] = [Number(values.patterns), Number(values.seed), Number(values.lanes)]
console.log(`${patterns} patterns, --seed ${seed}`)

await using cassandra = await startCassandra()
const [contactPoint = ''] = cassandra.contactPoints
const [host = '', port = '9042'] = contactPoint.split(':')
const { localDataCenter } = cassandra
const client = new Client({
  contactPoints: [contactPoint],
  localDataCenter,
  socketOptions: { readTimeout: 60_000 },
})
const keyspace = `outages_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
await client.execute(`CREATE TABLE ${keyspace}.t (pattern int, id int, PRIMARY KEY (pattern, id))`)
const { faults, ...outcome } = await goThroughOutages({
  client,
  target: { host, port: Number(port), keyspace },
  table: 't',
  patterns,
  seed,
  lanes,
  tell: line => console.log(line),
})
console.log(outcome)
for (const fault of faults) console.log(`✗ ${fault}`)
console.log(faults.length === 0 ? '✓ every load ended in time and left nothing' : `${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()
