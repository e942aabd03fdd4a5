// One reader of bench/readMemory.ts in its own process: reads rows at a limited rate, samples its memory, prints JSON. It runs
// without the TypeScript loader, whose own memory would be part of the figure before the read.
import { setTimeout as delay } from 'node:timers/promises'
import { createCassandraReadable } from '../dist/index.js'

/** @import { SlowRead, SlowReading } from './readMemory.ts' */

/** Rows between two looks at the clock. */
const STEP = 50

/** @type {SlowReading} */
const { access, keyspace, table, rows_per_second, id, sample_ms } = JSON.parse(process.argv[2] ?? '')
const { contactPoints, port } = access
const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
const where = id === undefined ? {} : { where: 'id = ?', params: [id] }
globalThis.gc?.()
const before_mib = process.memoryUsage.rss() / 2 ** 20
const from = performance.now()
const cpuFrom = process.cpuUsage()
/** @type {SlowRead['memory'][number][]} */
const memory = []
const timer = setInterval(() => {
  memory.push({ seconds: (performance.now() - from) / 1000, mib: process.memoryUsage.rss() / 2 ** 20 })
}, sample_ms)
let [rows, last, in_order] = [0, -1, true]
for await (const row of createCassandraReadable({ host, port, keyspace, table, ...where })) {
  const { n } = /** @type {{ n: number }} */ (row)
  rows++
  in_order &&= n === last + 1
  last = n
  if (rows_per_second === undefined || rows % STEP > 0) continue
  const early_ms = (rows / rows_per_second) * 1000 - (performance.now() - from)
  if (early_ms > 0) await delay(early_ms)
}
clearInterval(timer)
const seconds = (performance.now() - from) / 1000
const { user, system } = process.cpuUsage(cpuFrom)
/** @type {SlowRead} */
const found = {
  rows,
  in_order,
  seconds,
  cpu_seconds: (user + system) / 1e6,
  before_mib,
  peak_mib: process.resourceUsage().maxRSS / 1024,
  memory,
}
process.stdout.write(`${JSON.stringify(found)}\n`)
