// npm run bench:read-memory  how much memory does a read take behind a slow consumer, and in one partition of a million rows?
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadInProcess } from './inProcess.ts'
import type { MemorySample } from './job.ts'
import { lineChart } from './plot.ts'
import { saveResults } from './results.ts'
import { type DataName, dataSets } from './rows.ts'
import { type Access, BenchServer, KEYSPACE } from './server.ts'
import { wholeProcess } from './wholeProcess.ts'

/** The input of the process of one read. */
export interface SlowReading {
  readonly access: Access
  readonly keyspace: string
  readonly table: string
  /** Rows per second that the consumer takes. Without it, it takes all that come. */
  readonly rows_per_second?: number
  /** Reads the partition with this `id` only. */
  readonly id?: string
  /** Milliseconds between two samples of the memory. */
  readonly sample_ms: number
}

/** The output of the process of one read. */
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

const SAMPLE_MS = 100

const { values: flags } = parseArgs({
  options: {
    /** Rows of the table that the slow consumer reads. */
    rows: { type: 'string', default: '200000' },
    /** Rows per second that it takes. */
    rate: { type: 'string', default: '4000' },
    /** Rows of the partition. */
    partition: { type: 'string', default: '1000000' },
    save: { type: 'string' },
  },
})

await using server = await BenchServer.start(1)
const rows = Number(flags.rows)
const rows_per_second = Number(flags.rate)
await load('d', rows)
const slow = await read('slow consumer, 1 KiB per row', 'd', rows, { rows_per_second })
const fast = await read('fast consumer, 1 KiB per row', 'd', rows, {})
const partition = Number(flags.partition)
await load('f', partition)
const { id } = dataSets.f.row(0)
const one = await read('one partition, by its key', 'f', partition, { id: String(id) })
const whole = await read('the same, as a whole table', 'f', partition, {})
for (const { title, in_order } of [one, whole])
  if (!in_order) throw new Error(`${title}: rows are not in order`)
if (flags.save !== undefined) await saveResults(flags.save, [slow, fast, one, whole], plot())

async function load(data: DataName, rows: number): Promise<void> {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  const method = { name: 'ours', options: {} } as const
  await loadInProcess({ access: server.access, table, data, rows, method, parsed: false })
  await server.settle()
}

async function read(title: string, data: DataName, rows: number, more: Partial<SlowReading>) {
  const reading: SlowReading = {
    access: server.access,
    keyspace: KEYSPACE,
    table: `rows_${data}`,
    sample_ms: SAMPLE_MS,
    ...more,
  }
  const script = fileURLToPath(new URL('slowReading.mjs', import.meta.url))
  const args = ['--expose-gc', script, JSON.stringify(reading)]
  const { output } = await wholeProcess(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const found = JSON.parse(output) as SlowRead
  if (found.rows !== rows) throw new Error(`${title}: ${found.rows} of ${rows} rows came`)
  const { seconds, cpu_seconds, before_mib, peak_mib, memory } = found
  const highest = (from: number, to: number) =>
    Math.max(
      ...memory
        .filter(at => at.seconds >= from * seconds && at.seconds <= to * seconds)
        .map(({ mib }) => mib),
    )
  console.log(
    `${title}: ${rows} rows in ${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} rows/s, ` +
      `${((cpu_seconds / rows) * 1e6).toFixed(1)} µs of CPU per row; ` +
      `idle ${before_mib.toFixed(0)} MiB, peak ${(peak_mib - before_mib).toFixed(0)} MiB above it; ` +
      `highest in the first half ${highest(0, 0.5).toFixed(0)} MiB, in the second ${highest(0.5, 1).toFixed(0)} MiB`,
  )
  return { title, ...found }
}

function plot(): string {
  return lineChart({
    title: 'Resident memory of a reader',
    xTitle: 'share of the read, %',
    yTitle: 'MiB',
    lines: [slow, fast, one].map(({ title, seconds, memory }) => ({
      label: title,
      points: memory.map(at => [(at.seconds / seconds) * 100, at.mib] as const),
    })),
  })
}
