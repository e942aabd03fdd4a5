import type { Column } from '../table/schema.ts'
import type { Statement } from '../table/statement.ts'
import { targetName } from '../table/target.ts'
import { UNSET_LENGTH } from '../value/bind.ts'
import type { EncodedRow } from './encodedRow.ts'

const LENGTH_BYTES = 4

/**
 * Binds a row for another statement of the same operation, with the same key. A column that only the other statement has is left
 * unset. If the row has a value for a column that the other statement lacks, returns that column instead.
 */
export function rebind(row: EncodedRow, statement: Statement): EncodedRow | Column {
  const { columns, timestampIndex, valuesIndex } = row.statement
  const values = boundOf(row)
  const byName = new Map(columns.map((column, i) => [targetName(column), values[valuesIndex + i] as Buffer]))
  const parts = statement.columns.map(column => byName.get(targetName(column)) ?? unsetBytes)
  const names = new Set(statement.columns.map(targetName))
  const lost = columns.find(column => {
    const name = targetName(column)
    return !names.has(name) && !isUnset(byName.get(name) as Buffer)
  })
  if (lost !== undefined) return lost
  // The write time, and the time to live if there is one.
  const usings = values.slice(timestampIndex, timestampIndex + values.length - columns.length)
  const isFirst = valuesIndex > 0
  const slab = Buffer.concat(isFirst ? [...usings, ...parts] : [...parts, ...usings])
  const keyAt = statement.columns.findIndex(({ kind }) => kind === 'partition_key')
  const keyStart = sizeOf(isFirst ? usings : []) + sizeOf(parts.slice(0, keyAt))
  return {
    ...row,
    statement,
    slab,
    start: 0,
    end: slab.length,
    keyStart,
    keyEnd: keyStart + row.keyEnd - row.keyStart,
    timestampAt: (isFirst ? 0 : sizeOf(parts)) + LENGTH_BYTES,
  }
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((size, part) => size + part.length, 0)
}

const unsetBytes = Buffer.alloc(LENGTH_BYTES)
unsetBytes.writeInt32BE(UNSET_LENGTH)

function isUnset(value: Buffer): boolean {
  return value.readInt32BE(0) === UNSET_LENGTH
}

/** The bound values, each preceded by its length. */
function boundOf({ slab, start, end }: EncodedRow): Buffer[] {
  const values: Buffer[] = []
  for (let at = start; at < end; ) {
    const to = at + LENGTH_BYTES + Math.max(0, slab.readInt32BE(at))
    values.push(slab.subarray(at, to))
    at = to
  }
  return values
}
