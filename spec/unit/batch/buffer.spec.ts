import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowBuffer } from '../../../lib/batch/buffer.ts'
import { byteLengthOf } from '../../../lib/row/encodedRow.ts'
import { anyFlush, encodeAll } from './rows.ts'

describe('the buffer of rows', () => {
  const [row] = encodeAll([{ p: 1, c: 1, v: 'x' }])
  if (row === undefined) throw new Error('Expected a row')

  it('is full by count', () => {
    const buffer = new RowBuffer(2, 1_000_000)
    buffer.push(row)
    expect(buffer.isFull).toBe(false)
    buffer.push(row)
    expect(buffer.isFull).toBe(true)
  })

  it('is full by bytes', () => {
    const buffer = new RowBuffer(1_000, byteLengthOf(row) + 1)
    buffer.push(row)
    expect(buffer.isFull).toBe(false)
    buffer.push(row)
    expect(buffer.isFull).toBe(true)
  })

  it('gives back what was put in, in order, and is then empty', () => {
    fc.assert(
      fc.property(anyFlush, rows => {
        const buffer = new RowBuffer(1_000, 100_000)
        for (const each of rows) buffer.push(each)
        expect(buffer.drain()).toEqual(rows)
        expect(buffer.isFull).toBe(false)
        expect(buffer.drain()).toEqual([])
      }),
    )
  })

  it('counts bytes anew after it was emptied', () => {
    const buffer = new RowBuffer(1_000, byteLengthOf(row) * 2)
    buffer.push(row)
    buffer.drain()
    buffer.push(row)
    expect(buffer.isFull).toBe(false)
  })
})
