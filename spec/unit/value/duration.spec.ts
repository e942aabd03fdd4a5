import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

const malformed = 'is not a duration such as 1y2mo3d4h5m6s or P1Y2M3DT4H5M6S'

/** Months, days and nanoseconds, as the driver reads them back. */
function parts(value: unknown): [months: number, days: number, nanoseconds: bigint] {
  const read = types.Duration.fromBuffer(Buffer.from(hex('duration', value), 'hex')) as unknown as {
    months: number
    days: number
    nanoseconds: types.Long
  }
  return [read.months, read.days, BigInt(String(read.nanoseconds))]
}

function temporal(fields: object): object {
  const units = [
    'years',
    'months',
    'weeks',
    'days',
    'hours',
    'minutes',
    'seconds',
    'milliseconds',
    'microseconds',
    'nanoseconds',
  ]
  const zeros = Object.fromEntries(units.map(unit => [unit, 0]))
  return Object.assign(Object.create({ [Symbol.toStringTag]: 'Temporal.Duration' }), zeros, fields)
}

describe('duration', () => {
  it('stores the same bytes as the driver’s Duration', () => {
    const count = fc.nat({ max: 2 ** 31 - 1 })
    const nanos = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(count, count, nanos, fc.boolean(), (months, days, nanoseconds, negative) => {
        const sign = negative ? -1 : 1
        const long = types.Long.fromString(String(BigInt(sign) * nanoseconds))
        const duration = new types.Duration(sign * months, sign * days, long)
        const bytes = duration.toBuffer().toString('hex')
        expect(hex('duration', duration)).toBe(bytes)
        expect(hex('duration', `${negative ? '-' : ''}${months}mo${days}d${nanoseconds}ns`)).toBe(bytes)
      }),
    )
  })

  it.each([
    ['1y2mo3w4d5h6m7s8ms9us10ns', 14, 25, 18_367_008_009_010n],
    ['1Y2MO3W4D5H6M7S8MS9US10NS', 14, 25, 18_367_008_009_010n],
    ['-1y1d1ns', -12, -1, -1n],
    ['5µs', 0, 0, 5000n],
    ['5μs', 0, 0, 5000n],
    ['0s', 0, 0, 0n],
    ['-0s', 0, 0, 0n],
    ['90m', 0, 0, 5_400_000_000_000n],
    ['P1Y2M3DT4H5M6S', 14, 3, 14_706_000_000_000n],
    ['P2W', 0, 14, 0n],
    ['P1M2W3D', 1, 17, 0n],
    ['-P1D', 0, -1, 0n],
    ['PT0.5S', 0, 0, 500_000_000n],
    ['PT0.000000001S', 0, 0, 1n],
    ['-PT1.5S', 0, 0, -1_500_000_000n],
    ['P0001-02-03T04:05:06', 14, 3, 14_706_000_000_000n],
    ['2147483647mo2147483647d9223372036854775807ns', 2147483647, 2147483647, 9223372036854775807n],
    ['-2147483648mo2147483648d9223372036854775808ns', -2147483648, -2147483648, -9223372036854775808n],
  ])('stores %s', (text, months, days, nanoseconds) => {
    expect(parts(text)).toEqual([months, days, nanoseconds])
  })

  it.each([
    '',
    '-',
    'garbage',
    '1',
    '1.5h',
    '1h 5m',
    ' 1h',
    '1h ',
    '1h\n',
    '5m1h',
    '1h1h',
    '1x',
    'h',
    '-1h-5m',
    '+1h',
    '--1h',
    '1mon',
    'P',
    'PT',
    'P1',
    'P1YT',
    'PT5',
    'P1.5D',
    'PT1.S',
    'PT.5S',
    'PT0.0000000001S',
    'P1D1Y',
    'P-1D',
    'p1d',
    'P1H',
    'PT1D',
    'P0001-02-03',
    'P1-02-03T04:05:06',
    'P0001-02-03T04:05:06Z',
    '1y P1D',
    '5Μs',
    '１h',
    `${'1'.repeat(400)}h`,
  ])('refuses %j', text => {
    expect(reason('duration', text)).toBe(malformed)
  })

  it('refuses values just beyond each limit, on both sides', () => {
    expect(reason('duration', '2147483648mo')).toBe('has more than 2147483647 months')
    expect(reason('duration', '-2147483649mo')).toBe('has more than 2147483647 months')
    expect(reason('duration', '178956971y')).toBe('has more than 2147483647 months')
    expect(reason('duration', '2147483648d')).toBe('has more than 2147483647 days')
    expect(reason('duration', '306783379w')).toBe('has more than 2147483647 days')
    expect(reason('duration', '9223372036854775808ns')).toBe('has more than 9223372036854775807 nanoseconds')
    expect(reason('duration', '-9223372036854775809ns')).toBe('has more than 9223372036854775807 nanoseconds')
    expect(reason('duration', '2562048h')).toBe('has more than 9223372036854775807 nanoseconds')
  })

  it('refuses mixed signs, as Cassandra does', () => {
    expect(reason('duration', new types.Duration(1, -1, 0))).toContain('mixes signs')
    expect(reason('duration', new types.Duration(0, 1, -1))).toContain('mixes signs')
    expect(parts(new types.Duration(0, -1, -1))).toEqual([0, -1, -1n])
  })

  it('refuses a Duration with fractional parts', () => {
    expect(reason('duration', new types.Duration(1.5, 0, 0))).toBe('has no whole number of months')
    expect(reason('duration', new types.Duration(0, Number.NaN, 0))).toBe('has no whole number of days')
    expect(reason('duration', 5)).toBe('is a number')
    expect(reason('duration', { months: 1, days: 1, nanoseconds: 1 })).toBe('is an object')
  })

  it('accepts Temporal.Duration of every unit', () => {
    const value = temporal({
      years: 1,
      months: 2,
      weeks: 3,
      days: 4,
      hours: 5,
      minutes: 6,
      seconds: 7,
      milliseconds: 8,
      microseconds: 9,
      nanoseconds: 10,
    })
    expect(hex('duration', value)).toBe(hex('duration', '1y2mo3w4d5h6m7s8ms9us10ns'))
    expect(hex('duration', temporal({ days: -1 }))).toBe(hex('duration', '-1d'))
    expect(hex('duration', temporal({ nanoseconds: 2 ** 60 }))).toBe(hex('duration', `${2n ** 60n}ns`))
  })
})
