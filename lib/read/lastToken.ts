import { partitionKeyOf } from '../row/partitionKey.ts'
import { endOf, LENGTH_BYTES } from './cells.ts'
import type { Page } from './pageReader.ts'
import type { ReadStatement } from './statement.ts'

/**
 * The token of the last row of a page. Undefined if the page does not tell it, because a column of the partition key is not read,
 * or because the driver has decoded the rows.
 * @param hash a partition key → its token
 */
export function lastTokenOf(
  page: Page,
  statement: ReadStatement,
  hash: (key: Buffer) => bigint,
): bigint | undefined {
  const { rows } = page
  if (!('bytes' in rows) || rows.length === 0) return undefined
  const layout = statement.layoutOf(page)
  const { bytes, start, length } = rows.lastRow ?? rows
  let last = start
  for (let row = 1; row < length; row++) last = endOf(bytes, last, layout.length + statement.extras.length)
  if (statement.places > 0) return bytes.readBigInt64BE(endOf(bytes, last, layout.length) + LENGTH_BYTES)
  const indexes = statement.allColumns
    .filter(({ kind }) => kind === 'partition_key')
    .map(({ name }) => layout.findIndex(column => column?.name === name))
  if (indexes.includes(-1)) return undefined
  const values = indexes.map(index => {
    const start = endOf(bytes, last, index)
    return bytes.subarray(start, endOf(bytes, start, 1))
  })
  const key = Buffer.concat(values)
  return hash(partitionKeyOf({ slab: key, keyStart: 0, keyEnd: key.length }))
}
