import type { Column } from '../table/schema.ts'
import type { Statement } from '../table/statement.ts'
import { UNSET_LENGTH } from '../value/bind.ts'
import type { EncodedRow } from './encodedRow.ts'

const LENGTH_BYTES = 4

/**
 * The row as another INSERT into the same table binds it, or the column of which it has a value that has no place
 * there. Both have the same key. A column that only the other statement has is left alone.
 */
export function rebind(row: EncodedRow, statement: Statement): EncodedRow | Column {
  const { columns, timestampIndex } = row.statement
  const values = boundOf(row)
  const byName = new Map(columns.map(({ name }, i) => [name, values[i] as Buffer]))
  const parts = statement.columns.map(({ name }) => byName.get(name) ?? unsetBytes)
  const names = new Set(statement.columns.map(({ name }) => name))
  const lost = columns.find(({ name }) => !names.has(name) && !isUnset(byName.get(name) as Buffer))
  if (lost !== undefined) return lost
  const timestampFrom = parts.reduce((size, part) => size + part.length, 0)
  // The write time, and the time to live if there is one.
  const slab = Buffer.concat([...parts, ...values.slice(timestampIndex)])
  return {
    ...row,
    statement,
    slab,
    start: 0,
    end: slab.length,
    keyStart: 0,
    keyEnd: row.keyEnd - row.keyStart,
    timestampAt: timestampFrom + LENGTH_BYTES,
  }
}

const unsetBytes = Buffer.alloc(LENGTH_BYTES)
unsetBytes.writeInt32BE(UNSET_LENGTH)

function isUnset(value: Buffer): boolean {
  return value.readInt32BE(0) === UNSET_LENGTH
}

/** What is bound, each with its length before it. */
function boundOf({ slab, start, end }: EncodedRow): Buffer[] {
  const values: Buffer[] = []
  for (let at = start; at < end; ) {
    const to = at + LENGTH_BYTES + Math.max(0, slab.readInt32BE(at))
    values.push(slab.subarray(at, to))
    at = to
  }
  return values
}
