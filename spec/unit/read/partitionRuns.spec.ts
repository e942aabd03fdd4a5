import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PartitionRuns } from '../../../lib/read/partitionRuns.ts'
import { ReusedPage } from '../../../lib/read/rawPage.ts'
import { rawRowsOf } from '../../../lib/read/rawRows.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'

/** A page of keys: each value after its length. */
function pageOf(rows: readonly (readonly Buffer[])[]) {
  const values = rows.flat().flatMap(value => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(value.length)
    return [length, value]
  })
  return { bytes: Buffer.concat([Buffer.alloc(5), ...values]), start: 5, length: rows.length }
}

function count(pages: readonly (readonly (readonly Buffer[])[])[], columns: number) {
  const found: [string, number][] = []
  const runs = new PartitionRuns(columns, (key, rows) => found.push([key.toString('hex'), rows]))
  for (const rows of pages) {
    const page = pageOf(rows)
    const reused = new ReusedPage(
      { ...page, size: page.bytes.length },
      { giveBack: used => void used.fill(0xa5) },
    )
    runs.add(reused)
    const last = rows.at(-1)
    expect(reused.lastRow?.bytes).toEqual(last && pageOf([last]).bytes.subarray(5))
  }
  runs.end()
  return { found, rows: runs.rows, partitions: runs.partitions }
}

const value = fc.uint8Array({ maxLength: 3 }).map(bytes => Buffer.from(bytes))

describe('the rows of a page by their partitions', () => {
  it('have the same counts however they are cut into pages', () => {
    const partition = fc.record({ key: fc.tuple(value, value), rows: fc.integer({ min: 1, max: 8 }) })
    const partitions = fc.uniqueArray(partition, {
      selector: ({ key }) => pageOf([key]).bytes.toString('hex'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(partitions, fc.integer({ min: 1, max: 9 }), (partitions, rows_per_page) => {
        const rows = partitions.flatMap(({ key, rows }) => Array.from({ length: rows }, () => key))
        const pages = Array.from({ length: Math.ceil(rows.length / rows_per_page) }, (_, i) =>
          rows.slice(i * rows_per_page, (i + 1) * rows_per_page),
        )
        // A page may be empty if a filter matches no row.
        const { found, ...sums } = count([[], ...pages, []], 2)
        expect(found).toEqual(
          partitions.map(({ key, rows }) => [pageOf([key]).bytes.subarray(5).toString('hex'), rows]),
        )
        expect(sums).toEqual({ rows: rows.length, partitions: partitions.length })
      }),
    )
  })

  it('are distinguished if one key begins with the bytes of the previous one', () => {
    const [a, aa] = [Buffer.from('a'), Buffer.from('aa')]
    expect(
      count(
        [
          [[a], [aa]],
          [[aa], [a]],
        ],
        1,
      ),
    ).toMatchObject({ rows: 4, partitions: 3 })
  })

  it('may have keys of the largest size', () => {
    const long = Buffer.alloc(65_535, 1)
    const [short, longer] = [Buffer.from('x'), Buffer.alloc(65_535, 2)]
    expect(
      count(
        [
          [[long], [long], [short]],
          [[longer], [short]],
        ],
        1,
      ),
    ).toMatchObject({ rows: 5, partitions: 4 })
  })

  it('are refused if the page ends too early', () => {
    const { bytes, start } = pageOf([[Buffer.from('key')]])
    const runs = new PartitionRuns(1, () => {})
    expect(() => runs.add({ bytes: bytes.subarray(0, -1), start, length: 1 })).toThrow(RangeError)
    expect(() => runs.add({ bytes, start, length: 2 })).toThrow(RangeError)
  })
})

describe('rows that the driver has decoded', () => {
  it('have the bytes that the server sent', () => {
    const columns = [
      ['id', 'int'],
      ['name', 'text'],
      ['odd', "'org.apache.cassandra.db.marshal.LexicalUUIDType'"],
    ].map(([name = '', cql = '']) => ({
      name,
      cql,
      kind: 'partition_key' as const,
      type: parseCqlType(cql, () => undefined),
    }))
    const row = new (types as unknown as { Row: new (columns: unknown) => types.Row }).Row(columns)
    const values = { id: 7, name: 'ab', odd: Buffer.from('ffee', 'hex') }
    Object.assign(row, values)
    const page = rawRowsOf([row, row], columns)
    const once = '00000004' + '00000007' + '00000002' + '6162' + '00000002' + 'ffee'
    expect({ ...page, bytes: page.bytes.toString('hex') }).toEqual({
      bytes: once + once,
      start: 0,
      length: 2,
    })
  })
})
