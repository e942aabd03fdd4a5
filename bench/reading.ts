// One reader in a process of its own: connects, reads all rows of a table, counts them, prints JSON.
import type { Readable } from 'node:stream'
import { machineSeconds } from './machine.ts'
import type { Reading } from './readers.ts'
import { KEYSPACE } from './server.ts'

// What is needed to run TypeScript in place is loaded already; the driver and the package are not.
const from = performance.now()
const cpuFrom = process.cpuUsage()
const machineFrom = machineSeconds()
const mib = (bytes: number) => bytes / 2 ** 20
const before_mib = mib(process.memoryUsage.rss())

const { access, table, method } = JSON.parse(process.argv[2] ?? '') as Reading
const rows = await (method === 'ours' ? ours() : driverStream())
const { user, system } = process.cpuUsage(cpuFrom)
const cpu_seconds = (user + system) / 1e6
const found = {
  rows,
  seconds: (performance.now() - from) / 1000,
  cpu_seconds,
  other_cpu_seconds: machineSeconds() - machineFrom - cpu_seconds,
  peak_mib: mib(process.resourceUsage().maxRSS * 1024),
  before_mib,
}
process.stdout.write(`${JSON.stringify(found)}\n`)

async function ours(): Promise<number> {
  /** The package as it is published. */
  const { createCassandraReadable } = (await import(
    new URL('../dist/index.js', import.meta.url).href
  )) as typeof import('../lib/index.ts')
  const { contactPoints, port } = access
  const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
  return await countOf(createCassandraReadable({ host, port, keyspace: KEYSPACE, table }))
}

async function driverStream(): Promise<number> {
  const { Client } = await import('cassandra-driver')
  const { contactPoints, localDataCenter, port } = access
  const client = new Client({ contactPoints: [...contactPoints], localDataCenter, protocolOptions: { port } })
  await client.connect()
  const options = { prepare: true, autoPage: true, fetchSize: 5000, readTimeout: 60_000 }
  const rows = await countOf(client.stream(`SELECT * FROM ${KEYSPACE}.${table}`, [], options) as Readable)
  await client.shutdown()
  return rows
}

async function countOf(source: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of source) count++
  return count
}
