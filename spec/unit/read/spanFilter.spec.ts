import { describe, expect, it } from 'vitest'
import { scanOf, tailOf } from '../../../lib/read/spanFilter.ts'
import { parseCqlType } from '../../../lib/table/cqlType.ts'
import type { Column } from '../../../lib/table/schema.ts'

const column = (name: string, kind: Column['kind'], cql: string): Column => ({
  name,
  kind,
  cql,
  type: parseCqlType(cql, () => undefined),
})

const columns = [
  column('id', 'partition_key', 'int'),
  column('at', 'clustering', 'timestamp'),
  column('a', 'regular', 'int'),
  column('b', 'regular', 'set<int>'),
]

/** Write times in the form of an answer. Null for a column without a value. */
function timesOf(...times: (bigint | null)[]): Buffer {
  return Buffer.concat(
    times.map(time => {
      const bytes = Buffer.alloc(time === null ? 4 : 12)
      bytes.writeInt32BE(time === null ? -1 : 8)
      if (time !== null) bytes.writeBigInt64BE(time, 4)
      return bytes
    }),
  )
}

describe('a scan', () => {
  const { selectors, holds } = scanOf(columns, true)

  it('selects the newest write time of each regular column', () => {
    expect(selectors).toEqual(['MAXWRITETIME("a")', 'MAXWRITETIME("b")'])
  })

  it.each([
    [[10n, 5n], false],
    [[11n, null], true],
    [[null, 11n], true],
    [[1n, 20n], true],
    [[20n, 21n], false],
    [[-5n, null], false],
    [[null, null], false],
  ])('emits a row written at %s for the span above 10 and up to 20: %s', (times, isGiven) => {
    expect(holds(timesOf(...times), 0, { from: 10n, to: 20n })).toBe(isGiven)
  })

  it('emits all older rows in the first walk', () => {
    expect(holds(timesOf(-5n, null), 0, { from: undefined, to: 20n })).toBe(true)
  })

  it('selects a single time for a column with one cell, and refuses columns with several cells on old servers', () => {
    expect(scanOf(columns.slice(0, 3), false).selectors).toEqual(['WRITETIME("a")'])
    expect(() => scanOf(columns, false)).toThrow(/needs Cassandra 5.0 for `b`/)
  })
})

describe('a tail', () => {
  it('selects times above the start and up to the end', () => {
    const { cql, bounds } = tailOf({ id: '', keyspace: '', name: '', columns }).conditions({
      from: 7000n,
      to: 9999n,
    })
    expect(cql).toEqual(['"at" > ?', '"at" <= ?'])
    expect(bounds.map(bytes => bytes.readBigInt64BE())).toEqual([7n, 9n])
  })
})
