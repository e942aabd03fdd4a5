// npm run soak -- --minutes 60 --seed 1
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from 'cassandra-driver'
import { saveResults } from '../../bench/results.ts'
import { startCassandra } from '../../lib/testing/index.ts'
import { compare, DEFINITION } from '../faults/load.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { randomFrom } from '../random.ts'
import { Loader } from './loader.ts'
import { pictureOf } from './picture.ts'
import { Restarts } from './restarts.ts'
import { growthOf, growthPerCycle, judge, settledAfter } from './verdict.ts'
import { Weather } from './weather.ts'

/** Rows per second. Far below what two cores can do, because the subject is memory, not speed. */
const PACE = 300
const CYCLES = 200
const ROWS_PER_CYCLE = 5

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    /** Name for the figures and the picture in `bench/results`. */
    save: { type: 'string' },
    /** File for the counts of passed and failed checks. */
    report: { type: 'string' },
  },
})
const [minutes, seed] = [Number(flags.minutes), Number(flags.seed)]
console.log(`${minutes} minutes, --seed ${seed}`)

await using cassandra = await startCassandra({ durable: true })
const { contactPoints, localDataCenter } = cassandra
const [host = '', port = '9042'] = contactPoints[0]?.split(':') ?? []

/** Calls `work` with a new client, because an older one may still look for the killed node. */
async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ contactPoints, localDataCenter, socketOptions: { readTimeout: 60_000 } })
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.shutdown()
  }
}

/** Number of connections of the server, including those of this client. */
const connectionsOf = (client: Client) =>
  client
    .execute('SELECT count(*) AS open FROM system_views.clients')
    .then(({ rows }) => Number(rows[0]?.['open']))

await withClient(async client => {
  await client.execute(
    `CREATE KEYSPACE soak WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await client.execute(`CREATE TABLE soak.t (${DEFINITION})`)
  await client.execute('CREATE TABLE soak.cycles (id int PRIMARY KEY)')
})
const before = await withClient(connectionsOf)
const proxy = await CqlProxy.start({ host, port: Number(port) })
const weather = new Weather(randomFrom(seed))
proxy.decide = weather.decide

const loader = new Loader({
  options: {
    host: proxy.host,
    port: proxy.port,
    keyspace: 'soak',
    table: 't',
    // Fewer and larger requests leave more CPU to the node, which starts once per minute.
    flush_interval_ms: 50,
    request_timeout_ms: 2_000,
    // A pause of the node while a sink opens is no fault of the sink.
    wait_for_server_ms: 60_000,
    // Longer than a start of the node on a busy machine.
    retry_timeout_ms: 600_000,
  },
  pace: PACE,
  cycles: CYCLES,
  cycle_table: 'cycles',
  rows_per_cycle: ROWS_PER_CYCLE,
})
try {
  const loaded = loader.loaded()
  await loader.begun()
  const restarts = new Restarts(cassandra, minutes)
  for (let minute = 1; minute <= minutes; minute++) {
    await Promise.race([delay(60_000), loaded])
    const { rss = 0, heap = 0, written = 0 } = loader.samples.at(-1) ?? {}
    console.log(`minute ${minute}: ${written} rows, ${rss.toFixed(1)} MiB, heap ${heap.toFixed(1)} MiB`)
  }
  loader.stop()
  const cycled = loader.cycled()
  const load = await loaded
  await restarts.over
  console.log(`${load.given} rows in ${(load.took_ms / 1000).toFixed(0)} s`, load.stats, restarts.toString())
  const cycles = await cycled
  const exit = await loader.end()
  const comparison = await withClient(client =>
    compare(client, 'soak.t', { ...load, error: undefined }, load),
  )
  const stored = await withClient(async client =>
    Number((await client.execute('SELECT count(*) AS stored FROM soak.cycles')).rows[0]?.['stored']),
  )
  const soak = {
    minutes,
    samples: loader.samples,
    restarts: { at_s: restarts.at_s, back_s: restarts.back_s },
    weather: { delayed: weather.delayed, lost: weather.lost },
    load,
    comparison,
    cycles,
    cycle_rows: { given: CYCLES * ROWS_PER_CYCLE, stored },
    connections: { before, after: await withClient(connectionsOf), proxy: proxy.connections },
    exit,
  }
  const growth = (of: 'rss' | 'heap') => growthOf(loader.samples, minutes, of).toFixed(3)
  console.log(
    `from ${settledAfter(minutes)} s on: resident ${growth('rss')} MiB per minute, heap ${growth('heap')}; ` +
      `per sink opened and closed: resident ${(growthPerCycle(cycles, 'rss') * 1024).toFixed(2)} KiB, ` +
      `heap ${(growthPerCycle(cycles, 'heap') * 1024).toFixed(2)} KiB`,
  )
  const checks = judge(soak)
  for (const { title, holds } of checks) console.log(`${holds ? '✓' : '✗'} ${title}`)
  const failed = checks.filter(({ holds }) => !holds).length
  if (flags.save !== undefined) {
    await saveResults(flags.save, soak, pictureOf(loader.samples, restarts.at_s, minutes))
  }
  if (flags.report !== undefined) {
    writeFileSync(flags.report, JSON.stringify({ passed: checks.length - failed, failed }))
  }
  if (failed > 0) process.exitCode = 1
} finally {
  loader.kill()
  await proxy.stop()
}
