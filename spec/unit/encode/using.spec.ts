import { runInNewContext } from 'node:vm'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownTimestampOf, ttlOf } from '../../../lib/encode/using.ts'

describe('a time to live', () => {
  it('is every number of seconds that Cassandra takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 630_720_000 }), fc.boolean(), (seconds, asText) => {
        expect(ttlOf(asText ? String(seconds) : seconds, undefined, 'keep', 0)).toBe(seconds)
      }),
    )
  })

  it('is that of the options where the row has none, and none where they have none', () => {
    expect(ttlOf(null, 7, 'keep', 0)).toBe(7)
    expect(ttlOf(undefined, 7, 'keep', 0)).toBe(7)
    expect(ttlOf(0, 7, 'keep', 0)).toBe(0)
    expect(ttlOf(undefined, undefined, 'keep', 0)).toBeUndefined()
  })

  it.each([[-1], [630_720_001], [1.5], ['soon'], [true], [{}], [Number.NaN], [2n ** 40n]])(
    'is refused as %s with what would be accepted',
    value => {
      expect(() => ttlOf(value, undefined, 'keep', 3)).toThrow(
        expect.objectContaining({
          code: 'ERR_CASSANDRA_VALUE',
          row_index: 3,
          column: 'keep',
          expected: 'whole seconds from 0 to 630720000',
        }),
      )
    },
  )
})

describe("the caller's own write time", () => {
  it('is every microsecond that Cassandra takes, in each spelling', () => {
    const spellings = [
      (value: bigint) => value,
      (value: bigint) => String(value),
      (value: bigint) => types.Long.fromString(String(value)),
    ]
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 64n }),
        fc.constantFrom(...spellings),
        (timestamp, spell) => {
          expect(BigInt(ownTimestampOf(spell(timestamp), 'at', 0))).toBe(timestamp)
        },
      ),
    )
  })

  it('is that of a Date, to the ends of its reach and from any realm', () => {
    const date = fc.date({ noInvalidDate: true })
    fc.assert(
      fc.property(fc.oneof(date, fc.constantFrom(new Date(8.64e15), new Date(-8.64e15))), moment => {
        expect(BigInt(ownTimestampOf(moment, 'at', 0))).toBe(BigInt(moment.getTime()) * 1000n)
      }),
    )
    expect(ownTimestampOf(runInNewContext('new Date(5)'), 'at', 0)).toBe(5000n)
  })

  it.each([
    [null],
    [undefined],
    [2n ** 63n],
    [2n ** 63n - 63n],
    [-(2n ** 63n)],
    [1.5],
    [2 ** 53],
    ['now'],
    [new Date(Number.NaN)],
    [[new Date(0)]],
  ])('is refused as %s', value => {
    expect(() => ownTimestampOf(value, 'at', 4)).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_VALUE', row_index: 4, column: 'at' }),
    )
  })
})
