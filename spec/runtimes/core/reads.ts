import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  countRows,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  createCassandraWritableStream,
} from 'cassandra-streams'
import { randomFrom } from '../../random.ts'
import { sampleRow, typesDefinition } from './rows.ts'
import { type Keyspace, type Suite, sameRows } from './suite.ts'
import { meaning } from './values.ts'

type Row = Record<string, unknown>

const ROWS = 2_000

/** Shows rows by their meaning, sorted by their key. */
function shown(rows: readonly Row[]): Row[] {
  return rows
    .toSorted((a, b) => Number(a['id']) - Number(b['id']))
    .map(row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, meaning(value)])))
}

/** A table with a value of every type in each row. */
async function filled(keyspace: Keyspace, definition: string): Promise<string> {
  const table = await keyspace.table(definition)
  const random = randomFrom(keyspace.surroundings.seed)
  const rows = Array.from({ length: ROWS }, (_, i) => sampleRow(random, i).given)
  await pipeline(Readable.from(rows), createCassandraWritable({ ...keyspace.target, table }))
  return table
}

/** A table of few large partitions. */
async function numbered(keyspace: Keyspace): Promise<string> {
  const table = await keyspace.table('p int, c int, v text, PRIMARY KEY (p, c)')
  const rows = Array.from({ length: ROWS }, (_, c) => ({ p: c % 7, c, v: `value ${c}` }))
  await pipeline(Readable.from(rows), createCassandraWritable({ ...keyspace.target, table }))
  return table
}

const numbers = (rows: readonly Row[]) => rows.map(({ c }) => Number(c))
const all = Array.from({ length: ROWS }, (_, c) => c)

export const reads: Suite = {
  async 'reads rows of every type, which a sink writes as the same rows'(keyspace) {
    const definition = await typesDefinition(keyspace)
    const table = await filled(keyspace, definition)
    const wanted = shown(await keyspace.all(table))
    equal(wanted.length, ROWS)
    const throughJson = async function* (rows: AsyncIterable<object>) {
      for await (const row of rows) yield JSON.parse(JSON.stringify(row)) as object
    }
    const asTheyAre = async function* (rows: AsyncIterable<object>) {
      yield* rows
    }
    for (const [form, between] of [
      [{}, asTheyAre],
      [{ json: true }, throughJson],
      [{ values: 'driver' }, asTheyAre],
    ] as const) {
      const copy = await keyspace.table(definition)
      await pipeline(
        createCassandraReadable({ ...keyspace.target, table, fetch_size: 300, ...form }),
        between,
        createCassandraWritable({ ...keyspace.target, table: copy }),
      )
      sameRows(shown(await keyspace.all(copy)), wanted)
    }
  },

  async 'reads each row once into a loop, and ends when the loop is left'(keyspace) {
    const table = await numbered(keyspace)
    const found: Row[] = []
    for await (const row of createCassandraReadable({ ...keyspace.target, table, fetch_size: 100 }))
      found.push(row)
    deepEqual(
      numbers(found).sort((a, b) => a - b),
      all,
    )
    const left = createCassandraReadable({ ...keyspace.target, table, fetch_size: 10 })
    let count = 0
    for await (const _ of left) if (++count === 5) break
    ok(left.destroyed)
    const { rows, partitions } = await countRows({ ...keyspace.target, table })
    deepEqual([rows, partitions], [ROWS, 7])
  },

  async 'reads through streams of the web into a sink, and can be cancelled'(keyspace) {
    const table = await numbered(keyspace)
    const copy = await keyspace.table('p int, c int, v text, PRIMARY KEY (p, c)')
    const louder = new TransformStream<Row, Row>({
      transform: (row, controller) => controller.enqueue({ ...row, v: `${row['v']}!` }),
    })
    await createCassandraReadableStream({ ...keyspace.target, table })
      .pipeThrough(louder)
      .pipeTo(createCassandraWritableStream({ ...keyspace.target, table: copy }))
    const found = await keyspace.all(copy)
    sameRows(
      found.toSorted((a, b) => Number(a['c']) - Number(b['c'])),
      all.map(c => ({ p: c % 7, c, v: `value ${c}!` })),
    )
    const reader = createCassandraReadableStream({ ...keyspace.target, table, fetch_size: 10 }).getReader()
    equal((await reader.read()).done, false)
    await reader.cancel()
    equal((await reader.read()).done, true)
  },

  async 'continues after a position, also after one in a checkpoint file'(keyspace) {
    const table = await numbered(keyspace)
    const options = { ...keyspace.target, table, fetch_size: 50 }
    const first = createCassandraReadable({ ...options, after: null })
    const found: Row[] = []
    for await (const row of first) if (found.push(row) === 777) break
    const after = JSON.parse(JSON.stringify(first.positionOf(found.at(-1) ?? {})))
    const rest = await createCassandraReadable({ ...options, after }).toArray()
    deepEqual(
      [...numbers(found), ...numbers(rest)].sort((a, b) => a - b),
      all,
    )
    const folder = await mkdtemp(join(tmpdir(), 'reads-'))
    try {
      const kept: Row[] = []
      for (let runs = 0; kept.length < ROWS && runs < 10; runs++) {
        const source = createCassandraReadable({ ...options, checkpoint_location: join(folder, 'position') })
        const begun = kept.length
        for await (const row of source) {
          if (kept.push(row) - begun < 555 && kept.length < ROWS) continue
          await source.acknowledge(source.positionOf(row))
          break
        }
      }
      deepEqual(numbers(kept), [...numbers(found), ...numbers(rest)])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}
