import { describe, expect, it } from 'vitest'
import { errorFrame, Frame, faultCodes, int, short, string } from '../../proxy/frame.ts'
import { mapBigints } from '../../proxy/rows.ts'

const addHour = (value: bigint) => value + 3_600_000n

const bigint = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const cell = (value: Buffer) => Buffer.concat([int(value.length), value])

/** A RESULT of kind Rows (§4.2.5.2). */
function rowsFrame(flags: number, ...parts: Buffer[]): Frame {
  const body = Buffer.concat([int(2), int(flags), ...parts])
  return new Frame(Buffer.concat([Buffer.from([0x84, 0, 0, 9, 8]), int(body.length), body]))
}

const simple = (value: Buffer) =>
  rowsFrame(
    0x1,
    int(2),
    ...[string('system'), string('local')],
    ...[string('now'), short(0x02), string('cluster_name'), short(0x0d)],
    int(1),
    ...[value, cell(Buffer.from('12345678'))],
  )

describe('bigints of an answer', () => {
  it('are changed, but no other values of eight bytes', () => {
    expect(mapBigints(simple(cell(bigint(1n))), addHour).bytes).toEqual(
      simple(cell(bigint(3_600_001n))).bytes,
    )
  })

  it('may lie before 1970 and become negative', () => {
    const back = mapBigints(simple(cell(bigint(1n))), value => value - 5n)
    expect(back.bytes).toEqual(simple(cell(bigint(-4n))).bytes)
  })

  it('stay null where they are', () => {
    expect(mapBigints(simple(int(-1)), addHour).bytes).toEqual(simple(int(-1)).bytes)
  })

  it('are found after a paging state, and after columns of every kind of type with their own table names', () => {
    const kinds = [
      [short(0x00), string('a.custom.Type')],
      [short(0x20), short(0x02)],
      [short(0x22), short(0x21), short(0x02), short(0x02)],
      [short(0x31), short(2), short(0x02), short(0x0d)],
      [short(0x30), string('ks'), string('udt'), short(1), string('field'), short(0x02)],
      [short(0x02)],
    ]
    const columns = kinds.flatMap((kind, i) => [string('ks'), string('t'), string(`column${i}`), ...kind])
    const others = kinds.slice(1).map(() => cell(bigint(1n)))
    const frame = (value: bigint) =>
      rowsFrame(
        0x2,
        int(kinds.length),
        cell(Buffer.from('page')),
        ...columns,
        int(1),
        ...others,
        cell(bigint(value)),
      )
    expect(mapBigints(frame(1n), addHour).bytes).toEqual(frame(3_600_001n).bytes)
  })

  it('are changed in a copy', () => {
    const frame = simple(cell(bigint(1n)))
    mapBigints(frame, addHour)
    expect(frame.bytes).toEqual(simple(cell(bigint(1n))).bytes)
  })

  it('are not looked for in an error', () => {
    const error = errorFrame(9, faultCodes.overloaded, 'not today')
    expect(mapBigints(error, addHour)).toBe(error)
  })
})
