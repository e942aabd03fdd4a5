import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

const malformed = 'is not a time of the day written as HH:MM:SS with up to 9 digits of a second'
const last = 86_399_999_999_999n

function nanoseconds(value: unknown): bigint {
  return BigInt(`0x${hex('time', value)}`)
}

describe('time', () => {
  it('stores every nanosecond of the day, from text, number, BigInt, Long and LocalTime alike', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: last }), value => {
        const local = new types.LocalTime(types.Long.fromString(String(value)))
        const [hour, minute, second] = [
          value / 3_600_000_000_000n,
          (value / 60_000_000_000n) % 60n,
          (value / 1_000_000_000n) % 60n,
        ]
        const clock = [hour, minute, second].map(part => String(part).padStart(2, '0')).join(':')
        const text = `${clock}.${String(value % 1_000_000_000n).padStart(9, '0')}`
        for (const given of [value, Number(value), local, local.getTotalNanoseconds(), text])
          expect(nanoseconds(given)).toBe(value)
      }),
    )
  })

  it.each([
    ['00:00', 0n],
    ['10:59', 39_540_000_000_000n],
    ['23:59:59', 86_399_000_000_000n],
    ['00:00:00.5', 500_000_000n],
    ['00:00:00.000000001', 1n],
    ['23:59:59.999999999', last],
  ])('stores %s', (text, expected) => {
    expect(nanoseconds(text)).toBe(expected)
  })

  it.each([
    '10:61',
    '24:00',
    '23:59:60',
    'ab:cd',
    '',
    '10',
    '1:00',
    '10:5',
    '10:00:5',
    '10:00:00.',
    '10:00:00.1234567890',
    '10:00:00,5',
    '10:00.5',
    '-1:00',
    '10:00:00Z',
    '10:00 AM',
    ' 10:00',
    '10:00\n',
    '10-00-00',
    '10:00:00.12x',
    '1e:00',
    '36000000000000',
  ])('refuses %j', text => {
    expect(reason('time', text)).toBe(malformed)
  })

  it('refuses values that are no nanosecond of a day', () => {
    const outside = 'is outside the 86,400,000,000,000 nanoseconds of a day'
    for (const value of [-1, 86_400_000_000_000, -1n, last + 1n, types.Long.fromString('-1'), 2 ** 60]) {
      expect(reason('time', value)).toBe(outside)
    }
    expect(reason('time', 1.5)).toBe('is not a whole number of nanoseconds')
    expect(reason('time', Number.NaN)).toBe('is not a whole number of nanoseconds')
    expect(reason('time', new Date(0))).toBe('is a Date')
    expect(reason('time', true)).toBe('is a boolean')
  })

  it('accepts Temporal.PlainTime', () => {
    const plain = Object.create({
      [Symbol.toStringTag]: 'Temporal.PlainTime',
      toString: () => '12:34:56.000000789',
    })
    expect(nanoseconds(plain)).toBe(45_296_000_000_789n)
  })
})
