import { type Frame, opcodes } from './frame.ts'

const ROWS = 2
const flags = { globalTable: 1, morePages: 2, noMetadata: 4 }
const types = { custom: 0x00, bigint: 0x02, list: 0x20, map: 0x21, set: 0x22, udt: 0x30, tuple: 0x31 }

/**
 * Changes every value of the bigint columns of a RESULT of kind Rows (§4.2.5.2). Nulls, other columns and other frames stay
 * as they are.
 */
export function mapBigints(frame: Frame, change: (value: bigint) => bigint): Frame {
  if (frame.opcode !== opcodes.result || frame.body.readInt32BE() !== ROWS) return frame
  if (frame.flags !== 0) throw new Error(`Expected no flags on the frame, got ${frame.flags}`)
  const copy = frame.onStream(frame.stream)
  const cursor = new Cursor(copy.body.subarray(4))
  const columns = readColumns(cursor)
  for (let rows = cursor.int(); rows > 0; rows--) {
    for (const type of columns) {
      const value = cursor.bytes(cursor.int())
      if (type === types.bigint && value.length === 8) value.writeBigInt64BE(change(value.readBigInt64BE()))
    }
  }
  return copy
}

/** The type of each column, without the types inside it. */
function readColumns(cursor: Cursor): number[] {
  const flag = cursor.int()
  const count = cursor.int()
  if ((flag & flags.morePages) !== 0) cursor.bytes(cursor.int())
  if ((flag & flags.noMetadata) !== 0) throw new Error('Expected the metadata of the rows, got none')
  const table = () => [cursor.string(), cursor.string()]
  const isGlobal = (flag & flags.globalTable) !== 0
  if (isGlobal) table()
  return Array.from({ length: count }, () => {
    if (!isGlobal) table()
    cursor.string()
    return readType(cursor)
  })
}

function readType(cursor: Cursor): number {
  const type = cursor.short()
  if (type === types.custom) cursor.string()
  if (type === types.list || type === types.set) readType(cursor)
  if (type === types.map) [readType(cursor), readType(cursor)]
  if (type === types.tuple) for (let parts = cursor.short(); parts > 0; parts--) readType(cursor)
  if (type === types.udt) {
    ;[cursor.string(), cursor.string()]
    for (let fields = cursor.short(); fields > 0; fields--) [cursor.string(), readType(cursor)]
  }
  return type
}

/** Reads the data types of §3 one after the other. */
class Cursor {
  #rest: Buffer

  constructor(body: Buffer) {
    this.#rest = body
  }

  int(): number {
    return this.bytes(4).readInt32BE()
  }

  short(): number {
    return this.bytes(2).readUInt16BE()
  }

  string(): string {
    return this.bytes(this.short()).toString()
  }

  /** A view of the next bytes. Undefined for the negative length of a null. */
  bytes(length: number): Buffer {
    const end = Math.max(0, length)
    if (end > this.#rest.length) throw new Error(`Expected ${end} more bytes, got ${this.#rest.length}`)
    const taken = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(end)
    return taken
  }
}
