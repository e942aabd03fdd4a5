import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  createCassandraReadable,
  createCassandraWritable,
  createMicroBatchSink,
  type MicroBatchSinkOptions,
} from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'
import { TableCheckpoints } from './tableCheckpoints.ts'

const ks = useKeyspace('micro_batch_table_spec')
const checkpoints = new TableCheckpoints(ks)
const fenced = { code: 'ERR_CASSANDRA_FENCED' }

interface Item {
  readonly id: number
  readonly v: string
}

const items = (from: number, to: number, v = 'v'): Item[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `${v}${from + i}` }))

async function optionsFor(more: Omit<Partial<MicroBatchSinkOptions<Item>>, 'checkpoint_location'> = {}) {
  const table = await ks.table('id int PRIMARY KEY, v text')
  const place = checkpoints.place()
  return { ...ks.target, table, checkpoint_location: place, position: ({ id }: Item) => id, ...more }
}

const count = async (table: string) => (await ks.select(`SELECT id FROM ${ks.name}.${table}`)).length

describe('a micro-batch sink with its checkpoint in a table', () => {
  it('continues after the last commit, and needs only a keyspace and a name', async () => {
    const options = await optionsFor({ rows_per_epoch: 100 })
    const { table: _, ...checkpoint_location } = options.checkpoint_location
    const given = { ...options, checkpoint_location }
    await pipeline(Readable.from(items(0, 250)), createMicroBatchSink<Item>(given))
    const sink = createMicroBatchSink<Item>(given)
    expect(await sink.open()).toEqual({ epoch_id: 2, position: 249, rows_total: 250 })
    await pipeline(Readable.from(items(250, 300)), sink)
    expect(sink.ended).toBe('committed')
    expect(await count(options.table)).toBe(300)
    const found = await checkpoints.row({
      ...options.checkpoint_location,
      table: 'cassandra_streams_checkpoints',
    })
    expect(found).toMatchObject({ term: 2, version: 1, sealed: null, next: null })
    expect(JSON.parse(String(found?.['committed']))).toMatchObject({ epoch_id: 3, position: 299 })
  })

  it('is fenced by the next sink that opens the checkpoint, before it can begin another epoch', async () => {
    const options = await optionsFor()
    const first = createMicroBatchSink<Item>(options)
    await first.writeEpoch(0, items(0, 10))
    const second = createMicroBatchSink<Item>(options)
    expect(await second.open()).toMatchObject({ epoch_id: 0 })
    await expect(first.writeEpoch(1, items(10, 20, 'late'))).rejects.toMatchObject({
      ...fenced,
      counts: { rows_accepted: 20, rows_written: 10, rows_failed: 10 },
    })
    expect(first.errored).toMatchObject(fenced)
    expect(await count(options.table)).toBe(10)
    await second.writeEpoch(1, items(10, 20))
    second.end()
    await vi.waitFor(() => expect(second.writableFinished).toBe(true), { timeout: 20_000 })
    expect(await ks.select(`SELECT v FROM ${ks.name}.${options.table} WHERE id = 10`)).toEqual([{ v: 'v10' }])
  })

  it('replays what the previous sink had sealed, although rows of that sink arrive late', {
    timeout: 60_000,
  }, async () => {
    const options = await optionsFor({ rows_per_epoch: 10, batch_by: 'none', concurrency: 5 })
    let [held, isHeld]: [(() => void)[], boolean] = [[], true]
    const execute = async (cql: string, ...rest: unknown[]) => {
      const send = () => Reflect.apply(ks.client.execute, ks.client, [cql, ...rest])
      if (isHeld && cql.includes(`"${options.table}"`) && cql.startsWith('INSERT'))
        return new Promise((resolve, reject) => held.push(() => send().then(resolve, reject)))
      return send()
    }
    const client = Object.create(ks.client, { execute: { value: execute } }) as typeof ks.client
    const { host: _host, port: _port, username: _name, password: _password, ...rest } = options
    const first = createMicroBatchSink<Item>({ ...rest, client })
    const failed = expect(pipeline(Readable.from(items(0, 30, 'same')), first)).rejects.toMatchObject(fenced)
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0), { timeout: 20_000 })
    const second = createMicroBatchSink<Item>(options)
    expect(await second.open()).toBeNull()
    // Later epochs write the same keys.
    await pipeline(Readable.from([...items(0, 30, 'same'), ...items(0, 20, 'newer')]), second)
    isHeld = false
    for (const send of held) send()
    held = []
    await failed
    const found = await ks.select(`SELECT id, v FROM ${ks.name}.${options.table}`)
    const wanted = [...items(0, 20, 'newer'), ...items(20, 30, 'same')]
    expect(found.sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual(wanted)
  })

  it('ends at once while it opens the checkpoint', async () => {
    const options = await optionsFor()
    const sink = createMicroBatchSink<Item>(options)
    const opened = sink.open().catch(error => error)
    sink.destroy()
    expect(await opened).toMatchObject({ code: 'ERR_CASSANDRA_WRITE' })
    await pipeline(Readable.from(items(0, 5)), createMicroBatchSink<Item>(options))
    expect(await count(options.table)).toBe(5)
  })
})

describe('a reader with its checkpoint in a table', () => {
  const ROWS = 200
  let table: string
  beforeAll(async () => {
    table = await ks.table('id int PRIMARY KEY, v text')
    await pipeline(Readable.from(items(0, ROWS)), createCassandraWritable({ ...ks.target, table }))
  })

  const sourceAt = (checkpoint_location: object) =>
    createCassandraReadable<Item & Record<string, unknown>>({
      ...ks.target,
      table,
      fetch_size: 10,
      checkpoint_location: checkpoint_location as ReturnType<TableCheckpoints['place']>,
    })

  async function read(place: object, rows: number, acknowledged: number): Promise<number[]> {
    const source = sourceAt(place)
    const found: number[] = []
    for await (const row of source) {
      found.push(row.id)
      if (found.length === acknowledged) await source.acknowledge(source.positionOf(row))
      if (found.length === rows) break
    }
    return found
  }

  it('continues in the next run after the acknowledged position', async () => {
    const place = checkpoints.place()
    const all = await read(place, ROWS, 0)
    expect((await read(place, 50, 40)).length).toBe(50)
    expect(await read(place, 30, 10)).toEqual(all.slice(40, 70))
    expect(await read(place, ROWS, 0)).toEqual(all.slice(50))
  })

  it('keeps a position that is acknowledged after its end, unless another reader has opened it in between', async () => {
    const place = checkpoints.place()
    const source = sourceAt(place)
    const rows = await source.toArray()
    await source.acknowledge(source.positionOf(rows[20] as object))
    expect(await read(place, 1, 0)).toEqual([rows[21]?.['id']])
    source.on('error', () => {})
    await expect(source.acknowledge(source.positionOf(rows[40] as object))).rejects.toMatchObject(fenced)
    expect(await read(place, 1, 0)).toEqual([rows[21]?.['id']])
  })

  it('ends with an error when another reader takes the checkpoint over', async () => {
    const place = checkpoints.place()
    const source = sourceAt(place)
    const reading = (async () => {
      for await (const row of source) {
        void source.acknowledge(source.positionOf(row))
        // Long enough that most rows are still to come when the other reader opens.
        await delay(100)
      }
    })()
    const failed = expect(reading).rejects.toMatchObject(fenced)
    await new Promise(resolve => source.once('readable', resolve))
    await read(place, 1, 0)
    await failed
  })
})
