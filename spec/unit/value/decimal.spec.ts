import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

/** Unscaled value and scale, as Cassandra stores them. */
function stored(value: unknown): [unscaled: bigint, scale: number] {
  const bytes = Buffer.from(hex('decimal', value), 'hex')
  const unscaled = BigInt.asIntN(8 * (bytes.length - 4), BigInt(`0x${bytes.toString('hex', 4)}`))
  return [unscaled, bytes.readInt32BE(0)]
}

describe('decimal', () => {
  it.each([
    ['1.50', 150n, 2],
    ['-0.001', -1n, 3],
    ['007.50', 750n, 2],
    ['1e5', 1n, -5],
    ['1E+5', 1n, -5],
    ['.5', 5n, 1],
    ['-.50e1', -50n, 1],
    ['5.', 5n, 0],
    ['5.e-2', 5n, 2],
    ['1.5e3', 15n, -2],
    ['1.5e-3', 15n, 4],
    ['-0.00', 0n, 2],
    ['1e2147483648', 1n, -2147483648],
    ['1e-2147483647', 1n, 2147483647],
    ['123456789012345678901234567890.123456789', 123456789012345678901234567890123456789n, 9],
    ['1e0000000005', 1n, -5],
  ])('stores the text %s with its own scale', (text, unscaled, scale) => {
    expect(stored(text)).toEqual([unscaled, scale])
  })

  it.each([
    [0.1, 1n, 1],
    [1e21, 1n, -21],
    [1.5e300, 15n, -299],
    [1e-7, 1n, 7],
    [5e-324, 5n, 324],
    [-0, 0n, 0],
    [2 ** 53, 9007199254740992n, 0],
    [123, 123n, 0],
  ])('stores the number %d as it prints', (number, unscaled, scale) => {
    expect(stored(number)).toEqual([unscaled, scale])
  })

  it('stores BigInt, Long and Integer with scale 0 and BigDecimal with its own', () => {
    expect(stored(10n ** 30n)).toEqual([10n ** 30n, 0])
    expect(stored(types.Long.fromString('-9223372036854775808'))).toEqual([-(2n ** 63n), 0])
    expect(stored(types.Integer.fromString('-12345678901234567890'))).toEqual([-12345678901234567890n, 0])
    expect(stored(types.BigDecimal.fromString('-1.20'))).toEqual([-120n, 2])
  })

  it.each([
    '',
    ' ',
    'abc',
    '1.2.3',
    '.',
    '-.',
    '.e1',
    '5..',
    '1e',
    'e5',
    '1e5.5',
    '+1',
    '0x10',
    'NaN',
    'Infinity',
    '1,5',
    '1.5 ',
    '1\n',
  ])('refuses the text %j', text => {
    expect(reason('decimal', text)).toBe('is not decimal text')
  })

  it('refuses an exponent that does not fit 32 bits, without computing it', () => {
    for (const text of ['1e2147483649', '1e-2147483648', '0.1e-2147483647', `1e${'9'.repeat(300)}`]) {
      expect(reason('decimal', text)).toBe('has an exponent that does not fit 32 bits')
    }
  })

  it('refuses NaN, infinities and values that are no number', () => {
    expect(reason('decimal', Number.NaN)).toBe('is not a finite number')
    expect(reason('decimal', Number.NEGATIVE_INFINITY)).toBe('is not a finite number')
    expect(reason('decimal', true)).toBe('is a boolean')
    expect(reason('decimal', [1])).toBe('is an array')
  })

  it('stores unscaled digits and scale of any decimal text exactly', () => {
    const digits = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n })
    fc.assert(
      fc.property(
        digits,
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: -500, max: 500 }),
        (unscaled, scale, exponent) => {
          const text = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
          const point = text.length - scale
          const plain = `${unscaled < 0n ? '-' : ''}${text.slice(0, point)}${scale > 0 ? `.${text.slice(point)}` : ''}`
          expect(stored(plain)).toEqual([unscaled, scale])
          expect(stored(`${plain}e${exponent}`)).toEqual([unscaled, scale - exponent])
        },
      ),
    )
  })

  it('stores any finite number so that its text is read back as that number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), number => {
        const [unscaled, scale] = stored(number)
        expect(Number(`${unscaled}e${-scale}`)).toBe(number === 0 ? 0 : number)
      }),
    )
  })
})
