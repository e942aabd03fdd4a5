import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CassandraReadable,
  type CassandraReadableOptions,
  createCassandraReadable,
  createCassandraWritable,
} from '../../lib/index.ts'
import { type CqlType, cqlTypeName, parseCqlType, scalarNames } from '../../lib/table/cqlType.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { identityText } from '../values/meaning.ts'
import { holdsVector, keyType } from '../values/randomTypes.ts'
import { distantSamples, samplesOf } from '../values/samples.ts'
import { useKeyspace } from './keyspace.ts'
import { hasVectors } from './series.ts'
import { createTypes, seed, timeout } from './valueTable.ts'

const ks = useKeyspace('read_resume_spec')

/** Rows of each of the partitions, if the type has as many values. */
const PARTITION_ROWS = 40

/** Rows after which a reader stops and the next one continues. */
const STOPS = 5

const place = {
  fields: [
    { name: 'street', type: 'text' },
    { name: '__proto__', type: 'int' },
    { name: 'at', type: 'frozen<set<timestamp>>' },
  ],
}
const withParts = [
  'frozen<list<inet>>',
  'frozen<list<frozen<tuple<int, varint>>>>',
  'frozen<set<varint>>',
  'frozen<set<timeuuid>>',
  'frozen<map<uuid, decimal>>',
  'frozen<map<text, frozen<list<double>>>>',
  'frozen<tuple<timeuuid, float>>',
  'frozen<tuple<boolean, decimal, frozen<set<date>>>>',
  'frozen<place>',
  'vector<float, 2>',
  'vector<text, 2>',
].map(text => parseCqlType(text, () => place.fields))
// A duration has no order.
const scalars = scalarNames
  .filter(name => name !== 'duration')
  .map((name): CqlType => ({ kind: 'scalar', name }))
const random = fc.sample(
  keyType.filter(({ kind }) => kind !== 'scalar'),
  { seed, numRuns: 5 },
)
const known = [...scalars, ...withParts, ...random].filter(type => hasVectors || !holdsVector(type))
const cases = known.flatMap((type, i) =>
  (['ASC', 'DESC'] as const).map(order => ({ type, order, i, name: cqlTypeName(type).slice(0, 80) })),
)

type Row = Record<string, unknown>

const numbersOf = (rows: readonly Row[]) => rows.map(({ n }) => n)

describe(`a reader that stops within a partition is continued after any row (seed ${seed})`, () => {
  it.for(cases)('in the order of $name $order ($i)', { timeout }, async ({ type, order, i }) => {
    const numbers = randomFrom(seed + i)
    const made = await createTypes(ks, type)
    const table = await ks.table(
      `p int, c ${cqlTypeName(made)}, n int, PRIMARY KEY (p, c)`,
      `CLUSTERING ORDER BY (c ${order})`,
    )
    const [samples = []] = fc.sample(
      fc.uniqueArray(samplesOf(made, distantSamples), {
        minLength: 2,
        maxLength: PARTITION_ROWS,
        size: 'max',
        selector: ({ meaning }) => identityText(made, meaning),
      }),
      { seed: seed + i, numRuns: 1 },
    )
    const rows = samples.flatMap(({ given: c }, n) => [
      { p: 1, c, n },
      { p: 2, c, n: 1_000 + n },
    ])
    await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))

    const open = (after: CassandraReadableOptions['after'], more = {}): CassandraReadable =>
      createCassandraReadable({ client: ks.client, keyspace: ks.name, table, after, ...more })
    const stored = async () => numbersOf(await ks.select(`SELECT n FROM ${ks.name}.${table}`))
    const wanted = await stored()
    expect(wanted.length).toBe(rows.length)

    // One run after the other, each of which stops somewhere.
    const found: unknown[] = []
    for (let after: CassandraReadableOptions['after'] = null; found.length < rows.length; ) {
      const most = 1 + integerBelow(Math.ceil(rows.length / 5), numbers)
      const source = open(after, { fetch_size: 1 + integerBelow(9, numbers), splits: 3 })
      let count = 0
      for await (const row of source) {
        found.push(row['n'])
        after = source.positionOf(row)
        if (++count === most) break
      }
      if (count === 0) break
    }
    expect(found).toEqual(wanted)

    // Also if the row of the position, or its neighbours, are gone.
    const source = open(null)
    const before = await source.toArray()
    const gone = before.filter((_, at) => at % 3 === 1).map(({ p, c }) => ({ p, c, gone: 'yes' }))
    const flag = { delete_flag_column: 'gone', delete_flag_value: 'yes' }
    await pipeline(Readable.from(gone), createCassandraWritable({ ...ks.target, ...flag, table }))
    const left = new Set(await stored())
    expect(left.size).toBe(before.length - gone.length)
    for (let stop = 0; stop < STOPS; stop++) {
      const at = integerBelow(before.length, numbers)
      const last = before[at] as Row
      const rest = wanted.slice(at + 1).filter(n => left.has(n))
      const after = source.positionOf(last)
      expect(numbersOf(await open(after).toArray()), `after row ${at}`).toEqual(rest)
      const { p } = last
      const ofPartition = before.filter(row => row['p'] === p).map(({ n }) => n)
      const named = open(after, { where: 'p = ?', params: [p] })
      expect(numbersOf(await named.toArray()), `after row ${at} of partition ${p}`).toEqual(
        rest.filter(n => ofPartition.includes(n)),
      )
    }
  })
})
