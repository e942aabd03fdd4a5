import type { EncodedRow } from '../encode/row.ts'

/** Rows that go to Cassandra in one request: one operation, and partitions that share a replica. */
export interface Group {
  readonly rows: readonly EncodedRow[]
  readonly bytes: number
}

export type BatchBy = 'partition' | 'replicas' | 'none'

/** Names the set of nodes that hold a partition: partitions with the same name may share a request. */
export type ReplicaSetOf = (partitionKey: Buffer) => unknown

/** Cassandra does not limit a batch within one partition; this bounds the frame and the work of one replica. */
const MAX_GROUP_BYTES = 64 * 1024

/** From here on rows of a partition are better off alone: a request of several partitions holds few rows. */
const ROWS_FOR_OWN_REQUEST = 10

/** More partitions in one batch, and the server warns (`unlogged_batch_across_partitions_warn_threshold`). */
const MAX_PARTITIONS = 10

/** The server warns of a batch of several partitions from 5 KiB (`batch_size_warn_threshold`); ours is an estimate. */
const MAX_MIXED_WEIGHT = 4 * 1024

const rowBytes = (row: EncodedRow) => row.bytes

/**
 * Cuts a flush into requests. Each row carries its own timestamp, so rows may change places: those of one partition
 * share a request whatever stands between them, and what is left of several partitions is put together if they have
 * the same replicas.
 */
export function groupRows(
  rows: readonly EncodedRow[],
  batchBy: BatchBy,
  replicaSetOf: ReplicaSetOf,
): Group[] {
  if (batchBy === 'none') return rows.map(row => ({ rows: [row], bytes: row.bytes }))
  const groups: Group[] = []
  const mixes = new Map<unknown, Map<unknown, Mix>>()
  for (const partition of partitionsOf(rows)) {
    const [first] = partition
    if (first === undefined) continue
    const rest = batchBy === 'partition' ? 0 : partition.length % ROWS_FOR_OWN_REQUEST
    cut(partition, partition.length - rest, groups)
    if (rest > 0) mixFor(mixes, first, replicaSetOf).add(partition.slice(-rest), groups)
  }
  for (const mix of mixes.values()) for (const open of mix.values()) open.close(groups)
  return groups
}

/** Rows by operation and partition, in the order in which each was first seen. */
function partitionsOf(rows: readonly EncodedRow[]): Iterable<EncodedRow[]> {
  const found = new Map<string, EncodedRow[]>()
  for (const row of rows) {
    const key = `${row.statement.operation}${row.partitionKey.toString('latin1')}`
    const partition = found.get(key)
    if (partition === undefined) found.set(key, [row])
    else partition.push(row)
  }
  return found.values()
}

/** Cuts the first `end` rows into groups of prepared sizes. */
function cut(rows: readonly EncodedRow[], end: number, groups: Group[]): void {
  let from = 0
  while (from < end) {
    const most = fitting(rows, from, end)
    const count = rows[from]?.statement.rowsFor(most) ?? 1
    groups.push(groupOf(rows.slice(from, from + count)))
    from += count
  }
}

function fitting(rows: readonly EncodedRow[], from: number, end: number): number {
  let bytes = 0
  let to = from
  while (to < end) {
    bytes += rows[to]?.bytes ?? 0
    if (bytes > MAX_GROUP_BYTES && to > from) break
    to++
  }
  return to - from
}

function groupOf(rows: readonly EncodedRow[]): Group {
  return { rows, bytes: sum(rows, rowBytes) }
}

function sum(rows: readonly EncodedRow[], of: (row: EncodedRow) => number): number {
  let total = 0
  for (const row of rows) total += of(row)
  return total
}

function mixFor(mixes: Map<unknown, Map<unknown, Mix>>, row: EncodedRow, replicaSetOf: ReplicaSetOf): Mix {
  const replicas = replicaSetOf(row.partitionKey)
  let byOperation = mixes.get(replicas)
  if (byOperation === undefined) {
    byOperation = new Map()
    mixes.set(replicas, byOperation)
  }
  let mix = byOperation.get(row.statement)
  if (mix === undefined) {
    mix = new Mix()
    byOperation.set(row.statement, mix)
  }
  return mix
}

/** Rows of several partitions, within what the server takes without a word. */
class Mix {
  #rows: EncodedRow[] = []
  #weight = 0
  #partitions = 0

  /** Adds the rows of one more partition. */
  add(partition: readonly EncodedRow[], groups: Group[]): void {
    const weight = sum(partition, row => row.weight)
    if (this.#partitions === MAX_PARTITIONS || this.#weight + weight > MAX_MIXED_WEIGHT) this.close(groups)
    if (weight > MAX_MIXED_WEIGHT) {
      cut(partition, partition.length, groups)
      return
    }
    for (const row of partition) this.#rows.push(row)
    this.#weight += weight
    this.#partitions++
  }

  close(groups: Group[]): void {
    cut(this.#rows, this.#rows.length, groups)
    this.#rows = []
    this.#weight = 0
    this.#partitions = 0
  }
}
