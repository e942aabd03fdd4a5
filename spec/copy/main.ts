// npm run test:copy -- --kills 50 --rows 20000 --seed 7
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { createCassandraWritable } from '../../lib/index.ts'
import { startCassandra } from '../../lib/testing/index.ts'
import { Programs } from '../crash/program.ts'
import { killCopies } from './campaign.ts'
import { createTables, rowsOf } from './tables.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    rows: { type: 'string', default: '20000' },
    seed: { type: 'string' },
  },
})
const seed = Number(values.seed ?? randomInt(2 ** 31))
const kills = Number(values.kills)
console.log(`${kills} kills of each kind, ${values.rows} rows, --seed ${seed}`)

await using cassandra = await startCassandra()
const [contactPoint = ''] = cassandra.contactPoints
const [host = '', port] = contactPoint.split(':')
const { localDataCenter } = cassandra
const client = new Client({
  contactPoints: [contactPoint],
  localDataCenter,
  socketOptions: { readTimeout: 60_000 },
})
const keyspace = `copy_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
await createTables(client, keyspace, ['source', 'by_sink', 'by_source'])
const target = { host, port: Number(port), keyspace }
await pipeline(
  Readable.from(rowsOf(Number(values.rows))),
  createCassandraWritable({ ...target, table: 'source' }),
)
using programs = new Programs('copy')
const folder = await mkdtemp(join(tmpdir(), 'copy-'))
for (const keeper of ['sink', 'source'] as const) {
  const outcome = await killCopies({
    ...target,
    client,
    programs,
    seed,
    kills,
    from: 'source',
    to: `by_${keeper}`,
    checkpoint_location: join(folder, keeper),
    keeper,
    tell: line => console.log(line),
  })
  console.log(keeper, { ...outcome, differences: outcome.differences.slice(0, 10) })
  if (outcome.differences.length > 0) process.exitCode = 1
}
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()
await rm(folder, { recursive: true })
