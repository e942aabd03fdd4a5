import { describe, expect, it } from 'vitest'
import { refused, stored, typeOf } from '../../values/driverMistakes.ts'
import { hex, reason } from './types.ts'

describe('a value that the driver stores wrongly is refused', () => {
  it.each(refused)('%o as %s: %s', (value, type, _, why) => {
    expect(reason(typeOf(type), value)).toBe(why)
  })
})

describe('a value that the driver refuses or changes is encoded exactly', () => {
  it.each(stored)('%o as %s: %s', (value, type, _, bytes) => {
    expect(hex(typeOf(type), value)).toBe(bytes)
  })
})
