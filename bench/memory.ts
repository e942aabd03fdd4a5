// npm run bench:memory  how much memory does a load take when the server is slow? Default options, rows of 1 KiB,
// through a proxy that delays every answer by 200 ms.
import { parseArgs } from 'node:util'
import { CqlProxy } from '../spec/proxy/cqlProxy.ts'
import { loadInProcess } from './inProcess.ts'
import { lineChart } from './plot.ts'
import { saveResults } from './results.ts'
import { type DataName, dataSets } from './rows.ts'
import { BenchServer } from './server.ts'

const LATENCY_MS = 200
const SAMPLE_MS = 250
const LIMIT_MIB = 150

const { values: flags } = parseArgs({
  options: {
    /** Number of rows with 50 per partition. A tenth of this number is then written with one per partition, which takes as long. */
    rows: { type: 'string', default: '500000' },
    save: { type: 'string' },
  },
})
const rows = Number(flags.rows)

const server = await BenchServer.start(1)
const [host = '', port = '9042'] = server.access.contactPoints[0]?.split(':') ?? []
const proxy = await CqlProxy.start({ host, port: Number(port) })
proxy.latency_ms = LATENCY_MS
const access = { ...server.access, contactPoints: [`${proxy.host}:${proxy.port}`], port: proxy.port }
try {
  const sorted = await oneLoad('e', rows)
  const single = await oneLoad('d', Math.ceil(rows / 10))
  const highest = Math.max(sorted.above, single.above)
  console.log(
    `Highest ${highest.toFixed(0)} MiB above idle, limit ${LIMIT_MIB}: ${highest <= LIMIT_MIB ? '✓' : '✗'}`,
  )
  if (flags.save !== undefined) await saveResults(flags.save, [sorted, single], plotOf([sorted, single]))
} finally {
  await proxy.stop()
  await server[Symbol.asyncDispose]()
}

async function oneLoad(data: DataName, rows: number) {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  const method = { name: 'ours', options: {} } as const
  const measured = await loadInProcess({
    access,
    table,
    data,
    rows,
    method,
    parsed: false,
    sample_ms: SAMPLE_MS,
  })
  const stored = await server.count(table, rows)
  if (stored !== rows) throw new Error(`${stored} of ${rows} rows are in ${table}`)
  const { memory = [], peak_mib, before_mib, seconds, requests = Number.NaN } = measured
  const above = peak_mib - before_mib
  const half = (from: number, to: number) =>
    Math.max(
      ...memory.filter(at => at.seconds >= from * seconds && at.seconds <= to * seconds).map(at => at.mib),
    )
  console.log(
    `${dataSets[data].title}: ${rows} rows in ${seconds.toFixed(0)} s, ${Math.round(rows / seconds)} rows/s, ` +
      `${(rows / requests).toFixed(1)} rows a request; ` +
      `idle ${before_mib.toFixed(0)} MiB, peak ${above.toFixed(0)} MiB above it; ` +
      `highest in the first half ${half(0, 0.5).toFixed(0)} MiB, in the second ${half(0.5, 1).toFixed(0)} MiB`,
  )
  return { title: dataSets[data].title, rows, above, ...measured }
}

type Load = Awaited<ReturnType<typeof oneLoad>>

function plotOf(loads: readonly Load[]): string {
  const idle = Math.max(...loads.map(load => load.before_mib))
  return lineChart({
    title: 'Resident memory while a slow server is loaded (answers after 200 ms, 1 KiB a row)',
    xTitle: 'share of the load, %',
    yTitle: 'MiB',
    limit: { y: idle + LIMIT_MIB, label: `idle + ${LIMIT_MIB} MiB` },
    lines: loads.map(({ title, rows, seconds, memory = [] }) => ({
      label: `${rows.toLocaleString('en')} rows, ${title.split(',')[0]}`,
      points: thinned(memory).map(at => [(at.seconds / seconds) * 100, at.mib] as const),
    })),
  })
}

/** At most about 300 points: the highest of each stretch, so that no peak is lost. */
function thinned<Sample extends { readonly mib: number }>(samples: readonly Sample[]): Sample[] {
  const stretch = Math.ceil(samples.length / 300)
  const kept: Sample[] = []
  for (let i = 0; i < samples.length; i += stretch) {
    kept.push(samples.slice(i, i + stretch).reduce((a, b) => (b.mib > a.mib ? b : a)))
  }
  return kept
}
