// npm run test:crash -- --kills 1000 --seed 7
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { startCassandra } from '../../lib/testing/index.ts'
import { crash } from './campaign.ts'
import { Programs } from './program.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '1000' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? randomInt(2 ** 31))
const kills = Number(values.kills)
console.log(`${kills} kills, --seed ${seed}`)

await using cassandra = await startCassandra()
const [contactPoint = ''] = cassandra.contactPoints
const { localDataCenter } = cassandra
const client = new Client({
  contactPoints: [contactPoint],
  localDataCenter,
  socketOptions: { readTimeout: 60_000 },
})
const keyspace = `crash_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
using programs = new Programs()
const folder = await mkdtemp(join(tmpdir(), 'crash-'))
const checkpoint_location = join(folder, 'checkpoint')
const tell = (line: string) => console.log(line)
const { faults, ...outcome } = await crash({
  client,
  contactPoint,
  localDataCenter,
  keyspace,
  programs,
  checkpoint_location,
  seed,
  kills,
  tell,
})
console.log(outcome)
for (const fault of faults) console.log(`✗ ${fault}`)
console.log(faults.length === 0 ? '✓ the table is that of a clean run' : `${faults.length} faults`)
if (faults.length > 0 || outcome.sent > outcome.allowed) process.exitCode = 1
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()
await rm(folder, { recursive: true })
