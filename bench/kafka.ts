// npm run bench:kafka -- --messages=400000  loads messages of 200 bytes from a topic of 12 partitions into a table, with 1, 2 and 3
// processes of one group. The clock runs from the first written row to the last one.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startKafka } from '../lib/testing/index.ts'
import { Topics } from '../spec/kafka/topics.ts'
import { geometric } from './geometric.ts'
import type { KafkaJob } from './kafkaMember.ts'
import { median } from './median.ts'
import { MemberProcess } from './memberProcess.ts'
import { BenchServer, KEYSPACE } from './server.ts'

const PARTITIONS = 12
const SENT_AT_ONCE = 2_000

const TABLE = {
  columns: { id: 'int', sensor: 'text', value: 'double', note: 'text' },
  primaryKey: 'id',
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '400000' },
    rounds: { type: 'string', default: '3' },
    processes: { type: 'string', default: '1,2,3' },
    protocol: { type: 'string', default: 'classic' },
    /** Where checkpoints are: `file`, `table`, or both, which then take turns. */
    checkpoint: { type: 'string', default: 'file' },
  },
})
const messages = Number(values.messages)
await using server = await BenchServer.start(1)
await using kafka = await startKafka()
const topics = new Topics(kafka.brokers)
await topics.open()
const topic = await topics.make('bench', PARTITIONS)
for (let from = 0; from < messages; from += SENT_AT_ONCE) {
  const batch = Array.from({ length: Math.min(SENT_AT_ONCE, messages - from) }, (_, i) => ({
    key: String(from + i),
    partition: (from + i) % PARTITIONS,
    value: JSON.stringify({
      sensor: `sensor ${(from + i) % 5000}`,
      value: (from + i) / 7,
      note: 'x'.repeat(120),
    }),
  }))
  await topics.send(topic, batch)
}
console.log(`${messages} messages in ${PARTITIONS} partitions`)

const keepers = values.checkpoint
  .split(',')
  .map(name => ({ name, rates: [] as number[], cpu: [] as number[] }))
for (const processes of values.processes.split(',').map(Number)) {
  for (const { rates, cpu } of keepers) rates.length = cpu.length = 0
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, rates, cpu } of round % 2 === 0 ? keepers : keepers.toReversed()) {
      const table = `${name}_${processes}_${round}`
      await server.createTable(table, TABLE)
      const { seconds, cpu_seconds } = await consume(processes, table, name)
      rates.push(messages / seconds)
      cpu.push((cpu_seconds / messages) * 1e6)
    }
  }
  for (const { name, rates, cpu } of keepers) {
    const line = `${processes} processes, checkpoint in a ${name}: ${Math.round(median(rates))} messages/s, ${median(cpu).toFixed(1)} µs of client CPU each`
    console.log(`${line} (${rates.map(Math.round).join(', ')})`)
  }
  const [file, table] = keepers
  if (file === undefined || table === undefined) continue
  const { mean, error } = geometric(table.rates.map((rate, i) => rate / (file.rates[i] ?? rate)))
  console.log(
    `${processes} processes, ${table.name} : ${file.name} by pairs ${mean.toFixed(3)} ± ${error.toFixed(3)}`,
  )
}
await topics.close()

async function consume(processes: number, table: string, keeper: string) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-kafka-'))
  const { contactPoints, localDataCenter } = server.access
  const job: KafkaJob = {
    brokers: kafka.brokers,
    protocol: values.protocol === 'consumer' ? 'consumer' : 'classic',
    group_id: `bench-${randomBytes(4).toString('hex')}`,
    topic,
    checkpoint: keeper === 'table' ? { keyspace: KEYSPACE } : folder,
    contactPoint: contactPoints[0] ?? '',
    localDataCenter,
    keyspace: KEYSPACE,
    table,
  }
  const members = Array.from({ length: processes }, () => new MemberProcess(job))
  try {
    for (;;) {
      const reports = await Promise.all(members.map(member => member.next()))
      const rows = reports.reduce((sum, { rows }) => sum + rows, 0)
      if (rows < messages) continue
      const from = Math.min(...reports.map(({ first_ms }) => first_ms))
      const to = Math.max(...reports.map(({ last_ms }) => last_ms))
      const cpu_seconds = reports.reduce((sum, { cpu_seconds }) => sum + cpu_seconds, 0)
      return { seconds: (to - from) / 1000, cpu_seconds }
    }
  } finally {
    await Promise.all(members.map(member => member.end()))
    await rm(folder, { recursive: true, force: true })
  }
}
