import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encoder, hex, reason } from './types.ts'

const text = '00112233-4455-6677-8899-aabbccddeeff'
const notUuid = 'is not 32 hexadecimal digits, plain or dashed 8-4-4-4-12'

function dashed(digits: string): string {
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join('-')
}

describe('uuid', () => {
  it('stores any 16 bytes from dashed and undashed text of either case and from Uuid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => {
        const digits = Buffer.from(bytes).toString('hex')
        const given = [digits, digits.toUpperCase(), dashed(digits), dashed(digits).toUpperCase()]
        for (const value of [...given, new types.Uuid(Buffer.from(bytes))])
          expect(hex('uuid', value)).toBe(digits)
      }),
    )
  })

  it.each([
    ['', 'nothing'],
    ['00112233-4455-6677-8899-aabbccddeef', 'one digit too few'],
    ['00112233-4455-6677-8899-aabbccddeefff', 'one digit too many'],
    ['0011-22334455-6677-8899-aabbccddeeff', 'a dash out of place'],
    ['00112233445566778899aabbccddeeff----', 'dashes at the end'],
    ['0011223-34455-6677-8899-aabbccddeeff', 'a dash one place too early'],
    ['{0112233-4455-6677-8899-aabbccddeef}', 'braces'],
    ['g0112233-4455-6677-8899-aabbccddeeff', 'a letter beyond f'],
    ['00112233-4455-6677-8899-aabbccddeef\n', 'a line break'],
    ['0011223344556677-8899-aabbccddee', 'dashes among 32 characters'],
    ['00112233445566778899aabbccddeeʃʃ', 'letters beyond Latin'],
    ['0011223344556677 899aabbccddeeff', 'a space'],
    ['００112233445566778899aabbccddeef', 'wide digits'],
  ])('refuses %j: %s', value => {
    expect(reason('uuid', value)).toBe(notUuid)
  })

  it('refuses text in which any one character is replaced by a character that is no digit', () => {
    const bad = fc
      .integer({ min: 0, max: 0xffff })
      .map(code => String.fromCharCode(code))
      .filter(character => !/[0-9a-f]/i.test(character))
    fc.assert(
      fc.property(fc.nat({ max: 35 }), bad, (at, character) => {
        fc.pre(text[at] !== character)
        expect(reason('uuid', text.slice(0, at) + character + text.slice(at + 1))).toBe(notUuid)
      }),
    )
  })

  it('refuses plain bytes, which could be anything, and other objects', () => {
    expect(reason('uuid', Buffer.alloc(16))).toBe('is a Buffer')
    expect(reason('uuid', new Uint8Array(16))).toBe('is a Uint8Array')
    expect(reason('uuid', types.InetAddress.fromString('::1'))).toBe('is an InetAddress')
    expect(reason('uuid', 5)).toBe('is a number')
  })

  it('copies the bytes of a Uuid', () => {
    const uuid = types.Uuid.fromString(text)
    const bytes = encoder('uuid')(uuid)
    uuid.getBuffer().fill(0)
    expect(bytes.toString('hex')).toBe(text.replaceAll('-', ''))
  })

  it('accepts the Uuid of another copy of the driver, for which instanceof is false', () => {
    class Uuid {
      readonly buffer = Buffer.alloc(16, 7)
    }
    class TimeUuid extends Uuid {}
    expect(hex('uuid', new Uuid())).toBe('07'.repeat(16))
    expect(hex('uuid', new TimeUuid())).toBe('07'.repeat(16))
  })

  it('refuses an object of a class with that name but without 16 bytes', () => {
    class Uuid {
      readonly buffer: Buffer | undefined = undefined
    }
    expect(reason('uuid', new Uuid())).toBe('has no 16 bytes')
  })
})

describe('timeuuid', () => {
  it('stores version 1 and refuses every other, as Cassandra does', () => {
    for (const version of '0123456789abcdef') {
      const value = `00112233-4455-${version}677-8899-aabbccddeeff`
      if (version === '1') expect(hex('timeuuid', value)).toBe(value.replaceAll('-', ''))
      else {
        expect(reason('timeuuid', value)).toBe(
          `is a UUID of version ${Number.parseInt(version, 16)}, and a timeuuid is version 1`,
        )
      }
    }
  })

  it('accepts TimeUuid, and Uuid only of version 1', () => {
    const now = types.TimeUuid.now()
    expect(hex('timeuuid', now)).toBe(now.toString().replaceAll('-', ''))
    expect(reason('timeuuid', types.Uuid.random())).toContain('of version 4')
  })
})
