import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

const malformed = 'is not a day of the calendar written as YYYY-MM-DD'
const day = 86_400_000

/** Days since 1970-01-01. */
function days(value: unknown): number {
  return Number.parseInt(hex('date', value), 16) - 2 ** 31
}

describe('date', () => {
  it('stores every day in the range of Date as JavaScript counts it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), number => {
        const text = new Date(number * day).toISOString().split('T')[0]
        expect(days(text)).toBe(number)
        expect(
          days(new types.LocalDate(number as unknown as number, undefined as never, undefined as never)),
        ).toBe(number)
      }),
    )
  })

  it('stores days beyond the range of Date: the calendar repeats every 146,097 days and 400 years', () => {
    const year = fc.integer({ min: -5_877_000, max: 5_880_000 })
    fc.assert(
      fc.property(year, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }), (y, m, d) => {
        const text = (n: number) =>
          `${n < 0 ? '-' : '+'}${String(Math.abs(n)).padStart(4, '0')}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`
        const base = ((y % 400) + 400) % 400
        const expected = Date.UTC(2000 + base, m - 1, d) / day + ((y - base - 2000) / 400) * 146_097
        expect(days(text(y))).toBe(expected)
      }),
    )
  })

  it.each([
    ['1970-01-01', '80000000'],
    ['-5877641-06-23', '00000000'],
    ['+5881580-07-11', 'ffffffff'],
    ['2000-02-29', '80002b08'],
    ['0000-03-01', '7ff50594'],
    ['+002000-02-29', '80002b08'],
    ['+2000-02-29', '80002b08'],
  ])('stores %s', (text, bytes) => {
    expect(hex('date', text)).toBe(bytes)
  })

  it.each(['-5877641-06-22', '+5881580-07-12', '-9999999-01-01', '+9999999-12-31'])(
    'refuses %s, out of range',
    text => {
      expect(reason('date', text)).toBe('is outside -5877641-06-23 to +5881580-07-11')
    },
  )

  it.each([
    '2021-13-01',
    '2021-00-01',
    '2021-02-29',
    '1900-02-29',
    '2020-02-30',
    '2020-06-31',
    '2020-01-32',
    '2020-01-00',
    '2021',
    '2021-01',
    '20210101',
    '21-01-01',
    '2021-1-1',
    '10000-01-01',
    '-0000-01-01',
    '2021-01-01T00:00:00Z',
    '2021/01/01',
    '01-01-2021',
    '2021-01-01 ',
    ' 2021-01-01',
    '2021-01-0x',
    '2021-01-01\n',
    '',
    'today',
    '+1234567890-01-01',
    '-1-01-01',
    '٢٠٢١-01-01',
    '--2021-01-01',
  ])('refuses %j', text => {
    expect(reason('date', text)).toBe(malformed)
  })

  it('stores LocalDate within and beyond the range of Date', () => {
    expect(days(new types.LocalDate(2020, 2, 29))).toBe(18321)
    const last = types.LocalDate.fromBuffer(Buffer.from('ffffffff', 'hex'))
    expect(hex('date', last)).toBe('ffffffff')
  })

  it('refuses a Date, whose day depends on the time zone, and days as a number', () => {
    expect(reason('date', new Date(0))).toBe('is a Date, whose day depends on the time zone: give text')
    expect(reason('date', 18321)).toBe('is a number')
    expect(reason('date', 18321n)).toBe('is a BigInt')
  })

  it('stores the ISO day of a Temporal.PlainDate of any calendar', () => {
    const plain = Object.create({
      [Symbol.toStringTag]: 'Temporal.PlainDate',
      toString: (options: { calendarName: string }) =>
        options.calendarName === 'never' ? '2020-02-29' : '2020-02-29[u-ca=hebrew]',
    })
    expect(days(plain)).toBe(18321)
  })
})
