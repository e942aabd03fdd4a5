import { describe, expect, it } from 'vitest'
import { ReadError } from '../../../lib/index.ts'
import type { PlainRow } from '../../../lib/read/rowPlan.ts'
import { TimedPlan } from '../../../lib/read/timedPlan.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { Column, ColumnKind } from '../../../lib/table/schema.ts'
import { BytesDiffer } from '../../../lib/value/decoder.ts'

const pair = [
  { name: 'a', type: 'int' },
  { name: 'b', type: 'int' },
]

function column(name: string, cql: string, kind: ColumnKind = 'regular'): Column {
  return { name, cql, kind, type: parseCqlType(cql, type => (type === 'pair' ? pair : undefined)) }
}

const names = { timestamp_column: 'at', ttl_column: 'keep', operation_column: 'op' } as const

type Value = Buffer | null

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const time = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

const sized = (value: Value): Buffer => (value === null ? int(-1) : Buffer.concat([int(value.length), value]))
const list = (...items: Value[]): Buffer => Buffer.concat([int(items.length), ...items.map(sized)])
const fields = (...items: Value[]): Buffer => Buffer.concat(items.map(sized))

/** The parts of rows with these values, which include key and times. */
function partsOf(columns: readonly Column[], ...rows: readonly Value[][]): PlainRow[] {
  const cells = columns.filter(({ kind }) => kind === 'static' || kind === 'regular').length
  const plan = new TimedPlan('ks.t', columns, { names, extras: 2 * cells, places: 0 })
  const bytes = Buffer.concat([Buffer.alloc(3), ...rows.flat().map(sized)])
  const found: PlainRow[] = []
  // A page is read some rows at a time.
  let at = 3
  for (const _ of rows) at = plan.decode(bytes, at, 1, found)
  expect(at).toBe(bytes.length)
  // The memory of a page is used again.
  bytes.fill(0xa5)
  return found
}

const p = column('p', 'int', 'partition_key')
const c = column('c', 'int', 'clustering')
const st = column('st', 'int', 'static')
const v = column('v', 'int')
const w = column('w', 'int')

describe('the parts of a row', () => {
  it('are one per write time and time to live, and the longest-living part of the oldest is inserted', () => {
    const x = column('x', 'int')
    const row = [int(1), int(7), int(8), int(9), time(5), int(60), time(5), null, time(4), int(3)]
    expect(partsOf([p, v, w, x], row)).toEqual([
      { p: 1, x: 9, at: 4n, keep: 3, op: 'insert' },
      { p: 1, w: 8, at: 5n, keep: 0, op: 'update' },
      { p: 1, v: 7, at: 5n, keep: 60, op: 'update' },
    ])
    expect(partsOf([p, v, w], [int(1), int(7), int(8), time(5), int(60), time(5), int(50)])).toEqual([
      { p: 1, v: 7, at: 5n, keep: 60, op: 'insert' },
      { p: 1, w: 8, at: 5n, keep: 50, op: 'update' },
    ])
  })

  it('never have a time to live of 0 for cells that expire within this second, because 0 means forever', () => {
    expect(partsOf([p, v], [int(1), int(7), time(5), int(0)])).toEqual([
      { p: 1, v: 7, at: 5n, keep: 1, op: 'insert' },
    ])
  })

  it('have static columns only with the first row of a partition, and with a row that has nothing else', () => {
    const row = (partition: number, clustering: number | null) => [
      int(partition),
      clustering === null ? null : int(clustering),
      int(2),
      clustering === null ? null : int(3),
      time(5),
      null,
      clustering === null ? null : time(6),
      null,
    ]
    const parts = partsOf([p, c, st, v], row(1, 1), row(1, 2), row(2, null), row(3, 1))
    const statics = (partition: number) => ({ p: partition, st: 2, at: 5n, keep: 0, op: 'update' })
    const regular = (partition: number, clustering: number) => ({
      p: partition,
      c: clustering,
      v: 3,
      at: 6n,
      keep: 0,
      op: 'insert',
    })
    expect(parts).toEqual([statics(1), regular(1, 1), regular(1, 2), statics(2), statics(3), regular(3, 1)])
  })

  it('have the elements with their time, also the entries of a map', () => {
    const m = column('m', 'map<int, int>')
    const map = Buffer.concat([int(3), ...[1, 10, 2, 20, 3, 30].map(n => sized(int(n)))])
    const row = [int(1), map, list(time(5), time(6), time(5)), list(null, int(9), null)]
    const found = partsOf([p, m], row)
    expect(found).toEqual([
      { p: 1, m: expect.any(Map), at: 5n, keep: 0, op: 'insert' },
      { p: 1, m: expect.any(Map), at: 6n, keep: 9, op: 'append' },
    ])
    expect(found.map(part => [...(part['m'] as Map<number, number>)])).toEqual([
      [
        [1, 10],
        [3, 30],
      ],
      [[2, 20]],
    ])
  })

  it('have the fields with their time, also of a value that was written when its type had fewer fields', () => {
    const u = column('u', 'pair')
    const both = [int(1), fields(int(1), int(2)), list(time(6), time(5)), list(null, null)]
    expect(partsOf([p, u], both)).toEqual([
      { p: 1, u: { b: 2 }, at: 5n, keep: 0, op: 'insert' },
      { p: 1, u: { a: 1 }, at: 6n, keep: 0, op: 'append' },
    ])
    const short = [int(1), fields(int(1)), list(time(6)), list(null)]
    const empty = [int(2), fields(null, int(2)), list(null, time(6)), list(null, null)]
    expect(partsOf([p, u], short, empty)).toEqual([
      { p: 1, u: { a: 1 }, at: 6n, keep: 0, op: 'insert' },
      { p: 2, u: { b: 2 }, at: 6n, keep: 0, op: 'insert' },
    ])
  })

  it('have a list with the time of its newest and the time to live of its longest-living element', () => {
    const l = column('l', 'list<int>')
    const row = (...ttls: Value[]) => [int(1), list(int(1), int(2)), list(time(6), time(5)), list(...ttls)]
    const [marker, whole] = partsOf([p, l], row(int(5), int(9)))
    expect(marker).toEqual({ p: 1, at: 6n, keep: 9, op: 'insert' })
    expect(whole).toEqual({ p: 1, l: [1, 2], at: 6n, keep: 9, op: 'update' })
    expect(partsOf([p, l], row(int(5), null))[1]).toMatchObject({ keep: 0 })
  })

  it('share no objects', () => {
    const key = column('p', 'blob', 'partition_key')
    const [one, other] = partsOf(
      [key, v, w],
      [Buffer.from('k'), int(7), int(8), time(5), null, time(6), null],
    )
    expect(one?.['p']).toEqual(other?.['p'])
    expect(one?.['p']).not.toBe(other?.['p'])
  })
})

describe('unexpected bytes', () => {
  const s = column('s', 'set<int>')
  const value = list(int(1), int(2))

  it.each<[string, Value[]]>([
    ['a list of times for a value of one cell', [int(1), int(7), list(time(5)), null]],
    ['no time for a value', [int(1), int(7), null, null]],
  ])('such as %s are refused', (_, row) => {
    expect(() => partsOf([p, v], row)).toThrow(BytesDiffer)
  })

  it.each<[string, Value[]]>([
    ['one time for a set', [int(1), value, time(5), null]],
    ['fewer times than elements', [int(1), value, list(time(5)), list(null)]],
    ['fewer times to live than write times', [int(1), value, list(time(5), time(5)), list(null)]],
    ['an element without a time', [int(1), value, list(time(5), null), list(null, null)]],
    [
      'bytes after the times',
      [int(1), value, Buffer.concat([list(time(5), time(5)), int(0)]), list(null, null)],
    ],
    ['a truncated list of times', [int(1), value, list(time(5), time(5)).subarray(0, 16), list(null, null)]],
  ])('such as %s are also refused', (_, row) => {
    expect(() => partsOf([p, s], row)).toThrow(BytesDiffer)
  })

  it('such as a page that ends before its last row are a RangeError', () => {
    const plan = new TimedPlan('ks.t', [p, v], { names, extras: 2, places: 0 })
    const bytes = Buffer.concat([int(1), int(7), time(5), null].map(sized))
    const cut = Buffer.concat([bytes.subarray(0, -4), int(8)])
    expect(() => plan.decode(cut, 0, 1, [])).toThrow(RangeError)
  })

  it('such as rows that the driver has decoded are refused, and the error says what to do', () => {
    const plan = new TimedPlan('ks.t', [p, v], { names, extras: 2, places: 0 })
    expect(() => plan.plain()).toThrow(ReadError)
    expect(() => plan.plain()).toThrow(
      /ks\.t cannot be read with `with_times`, because this copy of cassandra-driver/,
    )
  })
})
