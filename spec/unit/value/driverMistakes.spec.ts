import { describe, expect, it } from 'vitest'
import { refused, stored, typeOf } from '../../values/driverMistakes.ts'
import { hex, reason } from './types.ts'

describe('refused by its encoder, where the driver stores', () => {
  it.each(refused)('%o as %s: %s', (value, type, _, why) => {
    expect(reason(typeOf(type), value)).toBe(why)
  })
})

describe('encoded exactly, where the driver stores something else or refuses', () => {
  it.each(stored)('%o as %s: %s', (value, type, _, bytes) => {
    expect(hex(typeOf(type), value)).toBe(bytes)
  })
})
