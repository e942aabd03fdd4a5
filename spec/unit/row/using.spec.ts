import { runInNewContext } from 'node:vm'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownTimestampOf, ttlOf, type UsingRules } from '../../../lib/row/using.ts'

const none: UsingRules = { ttl: undefined, ttl_column: 'keep', timestamp_column: 'at' }
const any = { ...none, allow_any_timestamp: true }

describe('a time to live', () => {
  it('may be every number of seconds that Cassandra accepts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 630_720_000 }), fc.boolean(), (seconds, asText) => {
        expect(ttlOf(asText ? String(seconds) : seconds, none, 0)).toBe(seconds)
      }),
    )
  })

  it('comes from the options if the row has none, and is undefined if they have none', () => {
    expect(ttlOf(null, { ...none, ttl: 7 }, 0)).toBe(7)
    expect(ttlOf(undefined, { ...none, ttl: 7 }, 0)).toBe(7)
    expect(ttlOf(0, { ...none, ttl: 7 }, 0)).toBe(0)
    expect(ttlOf(undefined, none, 0)).toBeUndefined()
  })

  it.each([[-1], [630_720_001], [1.5], ['soon'], [true], [{}], [Number.NaN], [2n ** 40n]])(
    'is refused as %s, and the error says what is accepted',
    value => {
      expect(() => ttlOf(value, none, 3)).toThrow(
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

describe('a time to live on a server that keeps moments in 31 bits', () => {
  const latest_expiry_s = 2 ** 31 - 2
  const left = () => latest_expiry_s - Math.floor(Date.now() / 1000)

  it('is refused when it ends later, before any request is sent', () => {
    expect(ttlOf(left() - 5, { ...none, latest_expiry_s }, 0)).toBeGreaterThan(0)
    expect(ttlOf(0, { ...none, latest_expiry_s }, 0)).toBe(0)
    expect(() => ttlOf(left() + 5, { ...none, latest_expiry_s }, 3)).toThrow(
      expect.objectContaining({
        code: 'ERR_CASSANDRA_VALUE',
        row_index: 3,
        column: 'keep',
        expected: expect.stringContaining('2038-01-19T03:14:06.000Z'),
      }),
    )
  })
})

describe("the caller's own write time", () => {
  it('may be every microsecond that Cassandra accepts, in each spelling', () => {
    const spellings = [
      (value: bigint) => value,
      (value: bigint) => String(value),
      (value: bigint) => types.Long.fromString(String(value)),
    ]
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 8n }),
        fc.constantFrom(...spellings),
        (timestamp, spell) => {
          expect(BigInt(ownTimestampOf(spell(timestamp), any, 0))).toBe(timestamp)
        },
      ),
    )
  })

  it('may be a Date, over its whole range and from any realm', () => {
    const date = fc.date({ noInvalidDate: true })
    fc.assert(
      fc.property(fc.oneof(date, fc.constantFrom(new Date(8.64e15), new Date(-8.64e15))), moment => {
        expect(BigInt(ownTimestampOf(moment, none, 0))).toBe(BigInt(moment.getTime()) * 1000n)
      }),
    )
    expect(ownTimestampOf(runInNewContext('new Date(5)'), none, 0)).toBe(5000n)
  })

  it.each([
    ['seconds', 1_700_000_000, 'multiply them by 1,000,000'],
    ['milliseconds', Date.UTC(2026, 1), 'multiply them by 1,000'],
    ['milliseconds', String(Date.UTC(2001)), 'multiply them by 1,000'],
    ['nanoseconds', BigInt(Date.UTC(2026, 1)) * 1_000_000n, 'divide them by 1,000'],
  ])('in %s is refused, and the error has the factor, unless any time is allowed', (unit, value, remedy) => {
    expect(() => ownTimestampOf(value, none, 0)).toThrow(`look like ${unit}: ${remedy}, or set \`allow_any`)
    expect(ownTimestampOf(value, any, 0)).toBeDefined()
  })

  it('is accepted from 2001 to 2100', () => {
    for (const [year, micros] of [
      [2001, 0n],
      [2101, -1n],
    ] as const) {
      const time = BigInt(Date.UTC(year)) * 1000n + micros
      expect(ownTimestampOf(time, none, 0)).toBe(time)
      const beyond = time + (micros === 0n ? -1n : 1n)
      expect(() => ownTimestampOf(beyond, none, 0)).toThrow('from 2001 to 2100')
    }
    expect(() => ownTimestampOf(7, none, 0)).toThrow('from 2001 to 2100')
  })

  it.each([
    [null],
    [undefined],
    [2n ** 63n],
    [2n ** 63n - 7n],
    [-(2n ** 63n)],
    [1.5],
    [2 ** 53],
    ['now'],
    [new Date(Number.NaN)],
    [[new Date(0)]],
  ])('is refused as %s', value => {
    expect(() => ownTimestampOf(value, any, 4)).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_VALUE', row_index: 4, column: 'at' }),
    )
  })
})
