// One round of one contender in a process of its own: makes the rows, starts the clock, loads them, prints JSON.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client, concurrent, types } from 'cassandra-driver'
import type { CassandraWritableOptions } from '../lib/index.ts'
import { machineSeconds } from './machine.ts'
import { columnNames, type DataName, dataSets, generate, type Row } from './rows.ts'
import { type Access, KEYSPACE } from './server.ts'

/** What a child is told. */
export interface Job {
  readonly access: Access
  readonly table: string
  readonly data: DataName
  readonly rows: number
  readonly method: Method
}

export type Method =
  | { readonly name: 'executeConcurrent'; readonly concurrencyLevel: number }
  | { readonly name: 'ours'; readonly options: Partial<CassandraWritableOptions> }

/** What it found. */
export interface Measured {
  /** From before connecting until the last row is acknowledged. */
  readonly seconds: number
  readonly cpu_seconds: number
  /** From the start of the process to its end, where that is more. */
  readonly wall_seconds?: number
  /** What all other processes used meanwhile: the server, if the machine is quiet. */
  readonly other_cpu_seconds: number
  readonly peak_mib: number
  /** Resident before the clock: the process with all rows. */
  readonly before_mib: number
  readonly requests?: number
  readonly retries?: number
  /** Complaints about batches in the log of the server. */
  readonly warnings?: number
}

/** The package as it is published: what runs TypeScript sources in place adds calls to every closure. */
const { createCassandraWritable } = (await import(
  new URL('../dist/index.js', import.meta.url).href
)) as typeof import('../lib/index.ts')

const job = JSON.parse(process.argv[2] ?? '') as Job
const rows = [...generate(dataSets[job.data], job.rows)]
const load =
  job.method.name === 'ours' ? ours(job.method.options) : executeConcurrent(job.method.concurrencyLevel)
globalThis.gc?.()
process.stdout.write(`${JSON.stringify(await measured(load))}\n`)

function ours(options: Partial<CassandraWritableOptions>) {
  return async () => {
    const { contactPoints, port } = job.access
    const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
    const sink = createCassandraWritable({ host, port, keyspace: KEYSPACE, table: job.table, ...options })
    await pipeline(Readable.from(rows), sink)
    const { requests, retries } = sink.stats
    return { requests, retries }
  }
}

function executeConcurrent(concurrencyLevel: number) {
  const parameters = rows.map(row => columnNames.map(name => row[name as keyof Row]))
  const marks = columnNames.map(() => '?').join()
  const cql = `INSERT INTO ${KEYSPACE}.${job.table} (${columnNames.join()}) VALUES (${marks})`
  return async () => {
    const { contactPoints, localDataCenter, port } = job.access
    const client = new Client({
      contactPoints: [...contactPoints],
      localDataCenter,
      protocolOptions: { port },
      queryOptions: { consistency: types.consistencies.localQuorum },
    })
    await concurrent.executeConcurrent(client, cql, parameters, { concurrencyLevel })
    await client.shutdown()
    return {}
  }
}

async function measured(act: () => Promise<object>): Promise<Measured> {
  const mib = (bytes: number) => bytes / 2 ** 20
  const before_mib = mib(process.memoryUsage.rss())
  const machineFrom = machineSeconds()
  const cpuFrom = process.cpuUsage()
  const from = performance.now()
  const more = await act()
  const seconds = (performance.now() - from) / 1000
  const { user, system } = process.cpuUsage(cpuFrom)
  const cpu_seconds = (user + system) / 1e6
  const other_cpu_seconds = machineSeconds() - machineFrom - cpu_seconds
  const peak_mib = mib(process.resourceUsage().maxRSS * 1024)
  return { seconds, cpu_seconds, other_cpu_seconds, peak_mib, before_mib, ...more }
}
