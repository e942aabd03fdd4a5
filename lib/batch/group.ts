import type { EncodedRow } from '../encode/row.ts'

/** Rows that go to Cassandra in one request: one statement, one partition. */
export interface Group {
  readonly rows: readonly EncodedRow[]
  readonly bytes: number
}

/** Cassandra does not limit a batch within one partition; this bounds the frame and the work of one replica. */
const MAX_GROUP_BYTES = 64 * 1024

/**
 * Cuts a flush into requests. Rows of one partition share a request, whatever stands between them: each carries its
 * own timestamp, so their order in the request does not matter.
 */
export function groupRows(rows: readonly EncodedRow[]): Group[] {
  const open = new Map<string, EncodedRow[]>()
  for (const row of rows) {
    const key = `${row.statement.operation}${row.partitionKey.toString('latin1')}`
    const rowsOfPartition = open.get(key)
    if (rowsOfPartition === undefined) open.set(key, [row])
    else rowsOfPartition.push(row)
  }
  const groups: Group[] = []
  for (const partition of open.values()) cut(partition, groups)
  return groups
}

function cut(rows: readonly EncodedRow[], groups: Group[]): void {
  let from = 0
  while (from < rows.length) {
    const most = fitting(rows, from)
    const count = rows[from]?.statement.rowsFor(most) ?? 1
    const group = rows.slice(from, from + count)
    groups.push({ rows: group, bytes: bytesOf(group) })
    from += count
  }
}

function fitting(rows: readonly EncodedRow[], from: number): number {
  let bytes = 0
  let to = from
  while (to < rows.length) {
    bytes += rows[to]?.bytes ?? 0
    if (bytes > MAX_GROUP_BYTES && to > from) break
    to++
  }
  return to - from
}

export function bytesOf(rows: readonly EncodedRow[]): number {
  let bytes = 0
  for (const row of rows) bytes += row.bytes
  return bytes
}
