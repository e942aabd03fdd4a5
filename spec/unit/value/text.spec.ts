import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

describe('text', () => {
  it('stores any well-formed string as UTF-8, whatever its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        expect(hex('text', text)).toBe(Buffer.from(new TextEncoder().encode(text)).toString('hex'))
      }),
    )
    for (const length of [0, 1, 23, 24, 25, 26, 10_000]) {
      for (const unit of ['a', 'é', '😀']) {
        const text = unit.repeat(length)
        expect(hex('text', text)).toBe(Buffer.from(text).toString('hex'))
      }
    }
  })

  it('keeps U+0000, a byte order mark and U+FFFD', () => {
    expect(hex('text', '\0\ufeff\ufffd')).toBe('00efbbbfefbfbd')
  })

  it('refuses half a surrogate pair anywhere, in short and long text', () => {
    for (const half of ['\ud83d', '\ude00', '\ude00\ud83d', '\ud83d\ud83d\ude00']) {
      for (const text of [half, `a${half}`, `${half}a`, 'é'.repeat(50) + half]) {
        expect(reason('text', text)).toBe('has half of a surrogate pair, which UTF-8 cannot hold')
      }
    }
  })

  it.each([
    ['a number', 5, 'is a number'],
    ['a BigInt', 5n, 'is a BigInt'],
    ['a boolean', true, 'is a boolean'],
    ['an array', ['a'], 'is an array'],
    ['a Buffer', Buffer.from('a'), 'is a Buffer'],
    ['a boxed string', Object('a'), 'is a String object, not a primitive value'],
    ['an object with toString', { toString: () => 'a' }, 'is an object'],
  ])('refuses %s instead of printing it', (_, value, why) => {
    expect(reason('text', value)).toBe(why)
    expect(reason('ascii', value)).toBe(why)
  })
})

describe('ascii', () => {
  it('stores the characters up to U+007F and refuses U+0080', () => {
    expect(hex('ascii', '\0~\x7f')).toBe('007e7f')
    for (const text of ['é', '\x80', 'a😀', `${'a'.repeat(100)}é`, '\ud800']) {
      expect(reason('ascii', text)).toBe('has a character outside ASCII')
    }
  })
})

describe('boolean', () => {
  it('stores true and false, also as text in any case', () => {
    expect([true, 'true', 'TRUE', 'True'].map(value => hex('boolean', value))).toEqual([
      '01',
      '01',
      '01',
      '01',
    ])
    expect([false, 'false', 'FALSE', 'fAlse'].map(value => hex('boolean', value))).toEqual([
      '00',
      '00',
      '00',
      '00',
    ])
  })

  it.each(['', 'yes', 'no', '1', '0', 't', 'true ', 'truth', 'false\n'])('refuses the text %j', text => {
    expect(reason('boolean', text)).toBe('is neither true nor false')
  })

  it('refuses other truthy and falsy values', () => {
    expect(reason('boolean', 0)).toBe('is a number')
    expect(reason('boolean', 1)).toBe('is a number')
    expect(reason('boolean', {})).toBe('is an object')
    expect(reason('boolean', Object(false))).toContain('is a Boolean object')
  })
})
