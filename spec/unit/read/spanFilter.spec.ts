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

/** Write times as an answer has them; null for a column without a value. */
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

  it('asks for the newest time of each column that is written', () => {
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
  ])('gives a row written at %s, above 10 and up to 20: %s', (times, isGiven) => {
    expect(holds(timesOf(...times), 0, { from: 10n, to: 20n })).toBe(isGiven)
  })

  it('gives all that is older at first', () => {
    expect(holds(timesOf(-5n, null), 0, { from: undefined, to: 20n })).toBe(true)
  })

  it('needs no newest one of a column that is one value, and refuses one of several on old servers', () => {
    expect(scanOf(columns.slice(0, 3), false).selectors).toEqual(['WRITETIME("a")'])
    expect(() => scanOf(columns, false)).toThrow(/needs Cassandra 5.0 for `b`/)
  })
})

describe('a tail', () => {
  it('is asked for by times above the start, up to the end', () => {
    const { cql, bounds } = tailOf({ id: '', keyspace: '', name: '', columns }).conditions({
      from: 7000n,
      to: 9999n,
    })
    expect(cql).toEqual(['"at" > ?', '"at" <= ?'])
    expect(bounds.map(bytes => bytes.readBigInt64BE())).toEqual([7n, 9n])
  })
})
