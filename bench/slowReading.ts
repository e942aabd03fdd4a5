// One reader of bench/readMemory.ts in its own process: reads rows at a limited rate, samples its memory, prints JSON.
import { setTimeout as delay } from 'node:timers/promises'
import type { MemorySample } from './job.ts'
import { MemorySampler } from './memorySampler.ts'
import { type Access, KEYSPACE } from './server.ts'

/** The input of the process. */
export interface SlowReading {
  readonly access: Access
  readonly table: string
  /** Rows per second that the consumer takes. Without it, it takes all that come. */
  readonly rows_per_second?: number
  /** Reads the partition with this `id` only. */
  readonly id?: string
  /** Milliseconds between two samples of the memory. */
  readonly sample_ms: number
}

/** The output of the process. */
export interface SlowRead {
  readonly rows: number
  /** Whether each row had the clustering key after that of the row before. Only one partition has an order. */
  readonly in_order: boolean
  readonly seconds: number
  readonly cpu_seconds: number
  /** Resident memory before the reader is made. */
  readonly before_mib: number
  readonly peak_mib: number
  readonly memory: readonly MemorySample[]
}

/** Rows between two looks at the clock. */
const STEP = 50

/** The built package, because users run that. */
const { createCassandraReadable } = (await import(
  new URL('../dist/index.js', import.meta.url).href
)) as typeof import('../lib/index.ts')

const { access, table, rows_per_second, id, sample_ms } = JSON.parse(process.argv[2] ?? '') as SlowReading
const { contactPoints, port } = access
const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
const where = id === undefined ? {} : { where: 'id = ?', params: [id] }
globalThis.gc?.()
const before_mib = process.memoryUsage.rss() / 2 ** 20
const sampler = new MemorySampler(sample_ms)
const from = performance.now()
const cpuFrom = process.cpuUsage()
let [rows, last, in_order] = [0, -1, true]
for await (const row of createCassandraReadable<{ n: number }>({
  host,
  port,
  keyspace: KEYSPACE,
  table,
  ...where,
})) {
  rows++
  in_order &&= row.n === last + 1
  last = row.n
  if (rows_per_second === undefined || rows % STEP > 0) continue
  const early_ms = (rows / rows_per_second) * 1000 - (performance.now() - from)
  if (early_ms > 0) await delay(early_ms)
}
const seconds = (performance.now() - from) / 1000
const { user, system } = process.cpuUsage(cpuFrom)
const found: SlowRead = {
  rows,
  in_order,
  seconds,
  cpu_seconds: (user + system) / 1e6,
  before_mib,
  peak_mib: process.resourceUsage().maxRSS / 1024,
  memory: sampler.stop(),
}
process.stdout.write(`${JSON.stringify(found)}\n`)
