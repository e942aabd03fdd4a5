import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

function double(value: unknown): number {
  return Buffer.from(hex('double', value), 'hex').readDoubleBE(0)
}

function float(value: unknown): number {
  return Buffer.from(hex('float', value), 'hex').readFloatBE(0)
}

/** A positive double exactly, as unscaled · 10^-scale. */
function exactDecimal(number: number): [unscaled: bigint, scale: number] {
  let mantissa = number
  let halvings = 0
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    halvings++
  }
  // n / 2^k is n·5^k / 10^k.
  return [BigInt(mantissa) * 5n ** BigInt(halvings), halvings]
}

describe('double', () => {
  it('stores every number bit by bit, including -0 and infinities, and every NaN with the same bits', () => {
    fc.assert(fc.property(fc.double(), number => Object.is(double(number), number)))
    expect(hex('double', -0)).toBe('8000000000000000')
    const strange = new DataView(new ArrayBuffer(8))
    strange.setBigUint64(0, 0xfff8_0000_dead_beefn)
    expect(hex('double', strange.getFloat64(0))).toBe('7ff8000000000000')
  })

  it('stores decimal text as the nearest double', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        number => double(String(number).replace('e+', 'e')) === number,
      ),
    )
    expect(double('0.1000000000000000055511151231257827')).toBe(0.1)
    expect(Object.is(double('-0'), -0)).toBe(true)
  })

  it('accepts NaN and infinities as text, as JavaScript prints them', () => {
    expect(double('NaN')).toBeNaN()
    expect(double('-Infinity')).toBe(Number.NEGATIVE_INFINITY)
    expect(reason('double', 'infinity')).toBe('is not decimal text')
    expect(reason('double', 'nan')).toBe('is not decimal text')
  })

  it('accepts text without digits before or after the point', () => {
    expect([double('.5'), double('-.5e1'), double('5.'), double('5.e2')]).toEqual([0.5, -5, 5, 500])
    expect(hex('float', '.5')).toBe(hex('float', 0.5))
  })

  it('accepts a BigInt or Long only if a double equals it', () => {
    expect(double(2n ** 60n)).toBe(2 ** 60)
    expect(double(types.Long.fromString('9007199254740992'))).toBe(2 ** 53)
    expect(reason('double', 2n ** 53n + 1n)).toBe('is an integer that no double equals')
    expect(reason('double', types.Long.fromString('9007199254740993'))).toBe(
      'is an integer that no double equals',
    )
    expect(reason('double', 10n ** 400n)).toBe('is an integer that no double equals')
  })

  it('refuses text that would overflow to infinity or underflow to zero', () => {
    expect(reason('double', '1e309')).toBe('is beyond the range of a double')
    expect(reason('double', '-1e309')).toBe('is beyond the range of a double')
    expect(reason('double', '1e-400')).toBe('is too close to zero for a double')
    expect(double('0e-400')).toBe(0)
    expect(double('0.000e999')).toBe(0)
  })

  it.each(['', ' ', '1abc', '.', '-.', '.e1', '+1', '0x10', '1e', '1_0', '1,5', ' 1', '1\n', 'Infinity1'])(
    'refuses the text %j',
    text => {
      expect(reason('double', text)).toBe('is not decimal text')
      expect(reason('float', text)).toBe('is not decimal text')
    },
  )

  it('refuses values that are no number', () => {
    for (const type of ['double', 'float']) {
      expect(reason(type, true)).toBe('is a boolean')
      expect(reason(type, [1])).toBe('is an array')
      expect(reason(type, new Date(0))).toBe('is a Date')
      expect(reason(type, Object(1))).toContain('is a Number object')
    }
  })
})

describe('float', () => {
  it('stores every 32-bit float bit by bit', () => {
    fc.assert(fc.property(fc.float(), number => Object.is(float(number), number)))
    expect(hex('float', Number.NaN)).toBe('7fc00000')
  })

  it('rounds a number to the nearest float, as the type implies', () => {
    expect(hex('float', 0.1)).toBe('3dcccccd')
    const inRange = fc.double({ min: -3.4028234663852886e38, max: 3.4028234663852886e38, noNaN: true })
    fc.assert(
      fc.property(inRange, number => {
        if (Math.fround(number) !== 0 || number === 0) expect(float(number)).toBe(Math.fround(number))
        else expect(reason('float', number)).toBe('is too close to zero for a float')
      }),
    )
  })

  it('refuses values that would become infinity or zero', () => {
    expect(reason('float', 1e39)).toBe('is beyond the range of a float')
    expect(reason('float', 3.4028235677973366e38)).toBe('is beyond the range of a float')
    expect(float(3.4028235677973362e38)).toBe(3.4028234663852886e38)
    expect(reason('float', '-1e39')).toBe('is beyond the range of a float')
    expect(reason('float', 1e-46)).toBe('is too close to zero for a float')
    expect(reason('float', '1e-400')).toBe('is too close to zero for a float')
  })

  it('rounds text once: near the middle of two floats the text decides, not a double in between', () => {
    // 1 + 2^-24 is the middle of 1 and the next float; an even mantissa wins a tie.
    expect(hex('float', '1.000000059604644775390625')).toBe('3f800000')
    expect(hex('float', '1.00000005960464477539062500001')).toBe('3f800001')
    expect(hex('float', '1.00000005960464477539062499999')).toBe('3f800000')
    expect(hex('float', '-1.00000005960464477539062500001')).toBe('bf800001')
    // 1 + 3·2^-24 is the middle of two whose upper one is even.
    expect(hex('float', '1.000000178813934326171875')).toBe('3f800002')
    expect(hex('float', '1.00000017881393432617187499999')).toBe('3f800001')
  })

  it('rounds text that is slightly off the middle of two floats to the nearer one', () => {
    const bits = new DataView(new ArrayBuffer(4))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7f7ffffe }), lower => {
        bits.setInt32(0, lower)
        const [below, above] = [lower, lower + 1].map(n => n.toString(16).padStart(8, '0'))
        const low = bits.getFloat32(0)
        bits.setInt32(0, lower + 1)
        const [middle, scale] = exactDecimal((low + bits.getFloat32(0)) / 2)
        expect(hex('float', `${middle * 1000n + 1n}e-${scale + 3}`)).toBe(above)
        const hairBelow = `${middle * 1000n - 1n}e-${scale + 3}`
        if (lower > 0) expect(hex('float', hairBelow)).toBe(below)
        else expect(reason('float', hairBelow)).toBe('is too close to zero for a float')
      }),
    )
  })

  it('accepts a BigInt only if a float equals it', () => {
    expect(float(2n ** 24n)).toBe(2 ** 24)
    expect(reason('float', 2n ** 24n + 1n)).toBe('is an integer that no float equals')
    expect(reason('float', 2n ** 128n)).toBe('is an integer that no float equals')
  })
})
