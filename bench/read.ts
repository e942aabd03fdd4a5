// npm run bench:read  how many rows per second does a whole process read, and at what cost, beside the others?
import { parseArgs } from 'node:util'
import { loadInProcess } from './inProcess.ts'
import { defaultReaders, type Read, type Reader, readersNamed } from './readers.ts'
import { readPlotOf, readTableOf } from './readReport.ts'
import type { Result } from './report.ts'
import { saveResults } from './results.ts'
import { type DataName, dataSets, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000,3000000' },
    /** `a` has small rows, `d` has rows of 1 KiB. */
    data: { type: 'string', default: 'a,d' },
    nodes: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: defaultReaders() },
    /** Rounds of ours and the driver that do not count, because a new server is slow. */
    'warm-up': { type: 'string', default: '2' },
    /** Name in bench/results for the figures and the plot. Without it they are only printed. */
    save: { type: 'string' },
  },
})
const rounds = Number(flags.rounds)
const readers = readersNamed(flags.peers)
const dataNames = flags.data.split(',').map(name => {
  if (!isDataName(name))
    throw new Error(`Expected --data to list some of ${Object.keys(dataSets)}, got ${name}`)
  return name
})

const nodes = Number(flags.nodes)
const server = await BenchServer.start(nodes)
try {
  const results: Result[] = []
  for (const rows of flags.rows.split(',').map(Number)) {
    for (const data of dataNames) {
      const found = await compare(data, rows)
      console.log(readTableOf(found, nodes))
      results.push(...found)
      if (flags.save !== undefined)
        await saveResults(flags.save, { nodes, results }, readPlotOf(results, nodes))
    }
  }
} finally {
  await server[Symbol.asyncDispose]()
}

/** All readers take turns on the same table, there and back, so that changes of the machine's speed affect all of them. */
async function compare(data: DataName, rows: number): Promise<Result[]> {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  // Readers ask one replica. Each must have all rows.
  const method = { name: 'ours', options: { consistency: 'ALL' } } as const
  await loadInProcess({ access: server.access, table, data, rows, method, parsed: false })
  await server.settle()
  for (let round = 0; round < Number(flags['warm-up']); round++) {
    for (const reader of readersNamed('stream,ours')) await oneRound(reader, data, rows, 'warm-up')
  }
  const entries = readers.map(reader => ({ reader, measured: [] as Read[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { reader, measured } of round % 2 === 1 ? entries : entries.toReversed()) {
      measured.push(await oneRound(reader, data, rows, `round ${round}`))
    }
  }
  return entries.map(({ reader, measured }) => ({ data, rows, contender: reader.name, rounds: measured }))
}

async function oneRound(reader: Reader, data: DataName, rows: number, title: string): Promise<Read> {
  const read = await reader.run(server.access, `rows_${data}`)
  if (read.rows !== rows) throw new Error(`${reader.name} read ${read.rows} of ${rows} rows of rows_${data}`)
  const rate = Math.round(rows / read.seconds)
  const cost = ((read.cpu_seconds / rows) * 1e6).toFixed(1)
  console.error(
    `${rows} of ${data} ${title}, ${reader.name}: ${rate} rows/s, ${cost} µs of CPU per row, ${Math.round(read.peak_mib)} MiB`,
  )
  return read
}
