import { runInNewContext } from 'node:vm'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

const malformed =
  'is not a moment of the calendar written as YYYY-MM-DDTHH:MM:SS.mmm and an offset such as Z or +01:00'
const finer = 'has parts of a millisecond, and Cassandra stores milliseconds'
const zoneless =
  'has no offset from UTC such as Z or +01:00, without which it is another moment on another machine'

function milliseconds(value: unknown): bigint {
  return BigInt.asIntN(64, BigInt(`0x${hex('timestamp', value)}`))
}

function temporal(tag: string, fields: object): object {
  return Object.assign(Object.create({ [Symbol.toStringTag]: `Temporal.${tag}` }), fields)
}

describe('timestamp', () => {
  it('stores every Date, and its ISO text, as its milliseconds', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), date => {
        expect(milliseconds(date)).toBe(BigInt(date.getTime()))
        expect(milliseconds(date.toISOString())).toBe(BigInt(date.getTime()))
        expect(milliseconds(date.toISOString().replace('T', ' ').replace('Z', '+0000'))).toBe(
          BigInt(date.getTime()),
        )
      }),
    )
  })

  it('stores text with any offset as the moment that JavaScript parses', () => {
    const offset = fc.tuple(fc.constantFrom('+', '-'), fc.nat({ max: 23 }), fc.nat({ max: 59 }))
    const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
    fc.assert(
      fc.property(date, offset, (moment, [sign, hours, minutes]) => {
        const zone = `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
        const text = moment.toISOString().replace('Z', zone)
        expect(milliseconds(text)).toBe(BigInt(Date.parse(text)))
        expect(milliseconds(text.slice(0, -3) + text.slice(-2))).toBe(BigInt(Date.parse(text)))
      }),
    )
  })

  it.each([
    ['2020-02-29T12:34Z', Date.UTC(2020, 1, 29, 12, 34)],
    ['2020-02-29t12:34:56z', Date.UTC(2020, 1, 29, 12, 34, 56)],
    ['2020-02-29 12:34:56.7+02', Date.UTC(2020, 1, 29, 10, 34, 56, 700)],
    ['2020-02-29 12:34:56.78Z', Date.UTC(2020, 1, 29, 12, 34, 56, 780)],
    ['2020-02-29 12:34:56.789000000+0000', Date.UTC(2020, 1, 29, 12, 34, 56, 789)],
    ['2020-02-29T00:30:00+01:00', Date.UTC(2020, 1, 28, 23, 30)],
    ['2020-02-29 12:34:56 +1000', Date.UTC(2020, 1, 29, 2, 34, 56)],
    ['2020-02-29T12:34:56.7-1000', Date.UTC(2020, 1, 29, 22, 34, 56, 700)],
    ['2020-02-29T12:34:56+01:00[Europe/Paris]', Date.UTC(2020, 1, 29, 11, 34, 56)],
    ['2020-02-29T12:34:56Z[UTC][u-ca=iso8601]', Date.UTC(2020, 1, 29, 12, 34, 56)],
    ['1880-02-29T12:34:56+00:09:21', Date.UTC(1880, 1, 29, 12, 25, 35)],
    ['1880-02-29T12:34:56-000921', Date.UTC(1880, 1, 29, 12, 44, 17)],
    ['2020-02-29Z', Date.UTC(2020, 1, 29)],
    ['2020-02-29+0100', Date.UTC(2020, 1, 28, 23)],
    ['2020-02-29 -01:00', Date.UTC(2020, 1, 29, 1)],
    ['1969-12-31T23:59:59.999Z', -1],
    ['0000-01-01T00:00Z', -62167219200000],
    ['-0001-12-31T00:00Z', -62167305600000],
    ['-271821-04-20T00:00:00Z', -8.64e15],
    ['+275760-09-13T00:00:00.000Z', 8.64e15],
  ])('stores %s', (text, expected) => {
    expect(milliseconds(text)).toBe(BigInt(expected))
  })

  it('stores text beyond the range of Date', () => {
    expect(milliseconds('+999999-12-31T23:59:59.999Z')).toBe(31494784780799999n)
    // The calendar repeats every 400 years, and the year 9999999 is 2399 plus 24994 times 400 years.
    const repeats = 24_994n * 146_097n * 86_400_000n
    const expected = BigInt(Date.UTC(2399, 11, 31, 23, 59, 59, 999)) + repeats
    expect(milliseconds('+9999999-12-31T23:59:59.999+00')).toBe(expected)
  })

  it.each([
    '2020-02-31T00:00:00Z',
    '2021-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2020-04-31T00:00:00Z',
    '2020-13-01T00:00:00Z',
    '2020-00-01T00:00:00Z',
    '2020-01-00T00:00:00Z',
    '2020-01-01T24:00:00Z',
    '2020-01-01T00:60:00Z',
    '2016-12-31T23:59:60Z',
    '2020-01-01T00:00:00+24:00',
    '2020-01-01T00:00:00+00:60',
    '2020-01-01T00:00:00.Z',
    '2020-01-01T00:00:00,5Z',
    '2020-01-01T0:00:00Z',
    '2020-1-01T00:00:00Z',
    '20200101T000000Z',
    '2020/01/01T00:00:00Z',
    '2020-01-01_00:00:00Z',
    '2020-01-01  00:00:00Z',
    '-0000-01-01T00:00Z',
    '02020-01-01T00:00Z',
    '+20-01-01T00:00Z',
    '+1234567890-01-01T00:00Z',
    '2020-01-01T00:00.5Z',
    '2020-01-01T00:00:00.123xZ',
    '2020-01-01T00:00:00.1234xZ',
    '',
    '5',
    'Z',
    'now',
    '1577836800000',
    'Wed, 01 Jan 2020 00:00:00 GMT',
    '2020-01-01T00:00:00  Z',
    '2020-01-01T00:00:00+01:00:60',
    '2020-01-01T00:00:00+1',
    '2020-01-01T00:00:00+100',
    '2020-01-01T00:00:00+01:00[Europe/Paris',
    '2020-01-01T00:00:00[Europe/Paris]',
    '2020-01-01T00:00:00+01:00 [Europe/Paris]',
    `2020-01-01T00:00:00Z${'[a]'.repeat(40)}`,
    '2020-01-01TZ',
    '2020-01-01T+01',
    '2020-01-01  Z',
    '2020-01-01T00Z',
    ' 2020-01-01T00:00:00Z',
  ])('refuses %j', text => {
    expect(reason('timestamp', text)).toBe(malformed)
  })

  it.each(['2020-01-01', '2020-01-01T00:00', '2020-01-01 00:00:00', '2020-01-01T00:00:00.123'])(
    'refuses %j, because it depends on the time zone',
    text => {
      expect(reason('timestamp', text)).toBe(zoneless)
    },
  )

  it('refuses digits finer than Cassandra stores unless they are zeros', () => {
    expect(reason('timestamp', '2020-01-01T00:00:00.1234Z')).toBe(finer)
    expect(reason('timestamp', '2020-01-01T00:00:00.000000001Z')).toBe(finer)
    expect(milliseconds('2020-01-01T00:00:00.1230Z')).toBe(1577836800123n)
  })

  it('stores whole milliseconds given as number, BigInt or Long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        expect(milliseconds(value)).toBe(value)
        expect(milliseconds(types.Long.fromString(String(value)))).toBe(value)
      }),
    )
    fc.assert(fc.property(fc.maxSafeInteger(), value => milliseconds(value) === BigInt(value)))
    expect(milliseconds(-0)).toBe(0n)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 53, -(2 ** 53)])(
    'refuses the number %d',
    number => {
      expect(reason('timestamp', number)).toBe('is not a whole number of milliseconds within 2^53 - 1')
    },
  )

  it('refuses a BigInt beyond 64 bits, an invalid Date and other kinds of values', () => {
    expect(reason('timestamp', 2n ** 63n)).toContain('is above the largest timestamp')
    expect(reason('timestamp', -(2n ** 63n) - 1n)).toContain('is below the smallest timestamp')
    expect(reason('timestamp', new Date(Number.NaN))).toBe('is an invalid Date')
    expect(reason('timestamp', true)).toBe('is a boolean')
    expect(reason('timestamp', { toDate: () => new Date() })).toBe('is an object')
  })

  it('reads the internal value of a Date, not the result of replaced methods', () => {
    const date = Object.assign(new Date(5), { getTime: () => 6, valueOf: () => 7 })
    expect(milliseconds(date)).toBe(5n)
  })

  it('accepts a Date of another realm', () => {
    expect(milliseconds(runInNewContext('new Date(5)'))).toBe(5n)
    expect(reason('timestamp', runInNewContext('new Date(NaN)'))).toBe('is an invalid Date')
  })

  it('stores Temporal.Instant and ZonedDateTime of whole milliseconds', () => {
    for (const tag of ['Instant', 'ZonedDateTime']) {
      expect(milliseconds(temporal(tag, { epochNanoseconds: -1_000_000n }))).toBe(-1n)
      expect(reason('timestamp', temporal(tag, { epochNanoseconds: 1_000_001n }))).toBe(finer)
    }
    expect(reason('timestamp', temporal('PlainDateTime', {}))).toBe('is an object')
  })
})
