// One round of one contender in its own process: makes the rows, starts the clock, loads the rows, prints JSON.
import { randomUUID } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client, concurrent, types } from 'cassandra-driver'
import type { Job, Measured } from './job.ts'
import { machineSeconds } from './machine.ts'
import { MemorySampler } from './memorySampler.ts'
import { dataSets, generate } from './rows.ts'
import { KEYSPACE } from './server.ts'

/** The package as it is published. A loader of TypeScript sources would add calls to every closure. */
const { createCassandraWritable, createMicroBatchSink } = (await import(
  new URL('../dist/index.js', import.meta.url).href
)) as typeof import('../lib/index.ts')

const job = JSON.parse(process.argv[2] ?? '') as Job
const data = dataSets[job.data]
const load = prepared(job)
let messages = 0
if (job.observed) subscribeToAll()
globalThis.gc?.()
const found = await (job.profile === undefined ? measured(load) : profiled(job.profile, () => measured(load)))
process.stdout.write(`${JSON.stringify(found)}\n`)

/** Returns a function that loads the rows. Makes the rows now if `parsed` is set, otherwise during the load. */
function prepared({ method, parsed }: Job): () => Promise<object> {
  const source =
    method.name === 'ours' && method.bad !== undefined ? withBadRows(method.bad) : generate(data, job.rows)
  const rows = parsed ? [...source] : source
  switch (method.name) {
    case 'ours':
      return () => ours(rows, method.handler ? { ...method.options, on_bad_row: () => {} } : method.options)
    case 'epochs':
      return () => epochs(rows, method.rows_per_epoch, method.keeper)
    case 'executeConcurrent': {
      const parameters = Array.from(rows, row => Object.keys(data.columns).map(name => row[name]))
      return () => executeConcurrent(parameters, method.concurrencyLevel)
    }
    case 'nothing':
      return () =>
        pipeline(Readable.from(rows), async source => {
          for await (const _ of source);
        }).then(() => ({}))
  }
}

function target() {
  const { contactPoints, port } = job.access
  const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
  return { host, port, keyspace: KEYSPACE, table: job.table }
}

async function ours(rows: Iterable<object>, options: object): Promise<object> {
  const sink = createCassandraWritable({ ...target(), ...options })
  await pipeline(Readable.from(rows), sink)
  const { requests, retries, rows_set_aside: set_aside } = sink.stats
  return { requests, retries, set_aside }
}

/** Every n-th row has text in its int column. */
function* withBadRows(share: number): Generator<Readonly<Record<string, unknown>>> {
  let i = 0
  for (const row of generate(data, job.rows))
    yield ++i % Math.round(1 / share) === 0 ? { ...row, m: 'none' } : row
}

async function epochs(
  rows: Iterable<object>,
  rows_per_epoch: number,
  keeper: 'file' | 'table' = 'file',
): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-epochs-'))
  // The first round creates the table of the checkpoint, like the first run of a program.
  const checkpoint_location =
    keeper === 'file' ? join(folder, 'checkpoint') : { keyspace: KEYSPACE, name: randomUUID() }
  const sink = createMicroBatchSink({ ...target(), checkpoint_location, rows_per_epoch })
  await pipeline(Readable.from(rows), sink)
  await rm(folder, { recursive: true })
  const { requests, retries } = sink.stats
  return { requests, retries }
}

async function executeConcurrent(parameters: unknown[][], concurrencyLevel: number): Promise<object> {
  const names = Object.keys(data.columns)
  const cql = `INSERT INTO ${KEYSPACE}.${job.table} (${names}) VALUES (${names.map(() => '?')})`
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

/** Subscribers that do almost nothing, so that the cost of the channels is measured. */
function subscribeToAll(): void {
  const listener = () => {
    messages++
  }
  for (const name of ['retry', 'bad-row', 'window', 'acknowledged'])
    subscribe(`cassandra-streams:${name}`, listener)
  for (const name of ['open', 'request', 'epoch'])
    for (const event of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'])
      subscribe(`tracing:cassandra-streams:${name}:${event}`, listener)
}

async function measured(act: () => Promise<object>): Promise<Measured> {
  const mib = (bytes: number) => bytes / 2 ** 20
  const before_mib = mib(process.memoryUsage.rss())
  const sampler = job.sample_ms === undefined ? undefined : new MemorySampler(job.sample_ms)
  const machineFrom = machineSeconds()
  const cpuFrom = process.cpuUsage()
  const from = performance.now()
  const more = await act()
  const seconds = (performance.now() - from) / 1000
  const { user, system } = process.cpuUsage(cpuFrom)
  const cpu_seconds = (user + system) / 1e6
  const other_cpu_seconds = machineSeconds() - machineFrom - cpu_seconds
  const peak_mib = mib(process.resourceUsage().maxRSS * 1024)
  const found = { seconds, cpu_seconds, other_cpu_seconds, peak_mib, before_mib, messages, ...more }
  return sampler === undefined ? found : { ...found, memory: sampler.stop() }
}

async function profiled<T>(file: string, act: () => Promise<T>): Promise<T> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const found = await act()
  const { profile } = await session.post('Profiler.stop')
  await writeFile(file, JSON.stringify(profile))
  session.disconnect()
  return found
}
