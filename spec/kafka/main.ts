// npm run test:kafka -- --rounds 100 --seed 7
import { randomBytes, randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { startCassandra, startKafka } from '../../lib/testing/index.ts'
import { Programs } from '../crash/program.ts'
import { consume, type Store } from './campaign.ts'
import type { ClientKind } from './child.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    messages: { type: 'string', default: '200000' },
    events: { type: 'string', default: '8' },
    /** Clients of the rounds in turns: classic, consumer, kafkajs. */
    clients: { type: 'string', default: 'classic,consumer,classic,consumer,kafkajs' },
    /** Stores of checkpoints in turns: folder, table. */
    stores: { type: 'string', default: 'folder,table' },
    /** In every so many-th round the broker is killed and started again. Has no factor in common with the number of clients or stores. */
    restarts: { type: 'string', default: '7' },
  },
})
const seed = Number(values.seed ?? randomInt(2 ** 31))
const rounds = Number(values.rounds)
const restarts = Number(values.restarts)
const kinds = values.clients.split(',') as ClientKind[]
const stores = values.stores.split(',') as Store[]
console.log(`${rounds} rounds, --seed ${seed}`)

await using cassandra = await startCassandra()
await using kafka = await startKafka()
const [contactPoint = ''] = cassandra.contactPoints
const { localDataCenter } = cassandra
const client = new Client({
  contactPoints: [contactPoint],
  localDataCenter,
  socketOptions: { readTimeout: 60_000 },
})
const keyspace = `kafka_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
using programs = new Programs('kafka')
const total = { kills: 0, pauses: 0, leaves: 0, restarts: 0, replays: 0, fenced: 0 }
let faulty = 0
for (let round = 0; round < rounds; round++) {
  const kind = kinds[round % kinds.length] ?? 'classic'
  const store = stores[round % stores.length] ?? 'folder'
  const isRestart = kafka.source === 'maven' && restarts > 0 && round % restarts === restarts - 1
  const outcome = await consume({
    client,
    contactPoint,
    localDataCenter,
    keyspace,
    brokers: kafka.brokers,
    kafka: isRestart ? kafka : undefined,
    command: task => programs.command(task),
    kind,
    store,
    seed: (seed + round) | 0,
    messages: Number(values.messages),
    partitions: 12,
    members: 3,
    events: Number(values.events),
    tell: line => console.log(line),
  })
  const { faults, ...counts } = outcome
  console.log(`round ${round + 1} (${kind}, ${store}, seed ${(seed + round) | 0}): ${JSON.stringify(counts)}`)
  for (const fault of faults) console.log(`✗ ${fault}`)
  if (faults.length > 0) faulty++
  for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name]
}
console.log(`${rounds - faulty} of ${rounds} rounds ended with the table of a clean run`, total)
const isTooKind = total.replays < rounds
if (isTooKind) console.log('✗ the events hit too few epochs')
if (faulty > 0 || isTooKind) process.exitCode = 1
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()
