// npm run bench:throughput  how many rows per second, and at what cost, beside the others, on one node?
// npm run bench:nodes       the same on three nodes that all hold every row
// npm run bench:grouping    ours with each `batch_by`
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { EOL, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { contendersNamed, defaultContenders } from './contenders.ts'
import type { Measured } from './job.ts'
import { plotOf, type Result, tableOf } from './report.ts'
import { saveResults } from './results.ts'
import type { Contender } from './round.ts'
import { type DataName, dataSets, generate, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    data: { type: 'string', default: 'a,b,c,d' },
    only: { type: 'string', default: defaultContenders() },
    nodes: { type: 'string', default: '1' },
    /** Rounds that do not count, because a new server is slow. One more precedes each further data set. */
    'warm-up': { type: 'string', default: '8' },
    /** Name in bench/results for the figures and the plot. Without it they are only printed. */
    save: { type: 'string' },
  },
})
const rows = Number(flags.rows)
const rounds = Number(flags.rounds)
const nodes = Number(flags.nodes)
const contenders = contendersNamed(flags.only)
const dataNames = flags.data.split(',').map(name => {
  if (!isDataName(name))
    throw new Error(`Expected --data to list some of ${Object.keys(dataSets)}, got ${name}`)
  return name
})

const folder = await mkdtemp(join(tmpdir(), 'bench-'))
const server = await BenchServer.start(nodes)
try {
  const results: Result[] = []
  for (const data of dataNames) {
    const found = await compare(data)
    console.log(tableOf(data, found, nodes))
    results.push(...found)
    if (flags.save !== undefined) await saveResults(flags.save, { nodes, results }, plotOf(results, nodes))
  }
} finally {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}

/**
 * All contenders take turns in each round, so that changes of the machine's speed affect all of them. Every second round has
 * the opposite order, because a contender finds the server in the state in which the previous one left it.
 */
async function compare(data: DataName): Promise<Result[]> {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  const file = join(folder, `${data}.ndjson`)
  if (contenders.some(({ readsFile }) => readsFile)) {
    const lines = Readable.from(generate(dataSets[data], rows)).map(row => JSON.stringify(row) + EOL)
    await pipeline(lines, createWriteStream(file))
  }
  const warmUps = data === dataNames[0] ? Number(flags['warm-up']) : 1
  for (let round = 0; round < warmUps; round++) {
    for (const contender of contendersNamed('ec100,ours')) await oneRound(contender, data, file, 'warm-up')
  }
  const entries = contenders.map(contender => ({ contender, measured: [] as Measured[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { contender, measured } of round % 2 === 1 ? entries : entries.toReversed()) {
      measured.push(await oneRound(contender, data, file, `round ${round}`))
    }
  }
  await rm(file, { force: true })
  return entries.map(({ contender, measured }) => ({
    data,
    rows,
    contender: contender.name,
    rounds: measured,
  }))
}

async function oneRound(
  contender: Contender,
  data: DataName,
  file: string,
  title: string,
): Promise<Measured> {
  const table = `rows_${data}`
  await server.truncate(table)
  const before = await server.batchWarnings()
  const measured = await contender.run({ server, table, data, rows, file })
  const stored = await server.count(table, rows)
  if (stored !== rows) throw new Error(`${contender.name} left ${stored} of ${rows} rows in ${table}`)
  const after = await server.batchWarnings()
  const warnings = after?.slice(before?.length)
  const rate = Math.round(rows / measured.seconds)
  const cost = ((measured.cpu_seconds / rows) * 1e6).toFixed(1)
  const complaint = warnings === undefined ? '' : `, ${warnings.length} batch warnings`
  console.error(`${data} ${title}, ${contender.name}: ${rate} rows/s, ${cost} µs of CPU per row${complaint}`)
  for (const warning of new Set(warnings)) console.error(`  ${warning.slice(0, 200)}`)
  return { ...measured, ...(warnings !== undefined && { warnings: warnings.length }) }
}
