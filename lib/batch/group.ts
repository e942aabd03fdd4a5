import { byteLengthOf, type EncodedRow, heldBytesOf } from '../row/encodedRow.ts'
import type { KeyedRow } from '../row/partitionKey.ts'
import { PARTITION_WEIGHT } from '../row/weight.ts'
import { partitionsOf } from './partitions.ts'

/** Rows that go to Cassandra in one request: one operation, and partitions with the same replicas. */
export interface Group {
  readonly rows: readonly EncodedRow[]
  readonly bytes: number
  /** Name of the replica set. Undefined while it is unknown. */
  readonly replicas: unknown
}

export type BatchBy = 'partition' | 'replicas' | 'none'

/**
 * Names the set of nodes that hold a row's partition. Partitions with the same name may share a request. Returns the row
 * itself while the nodes are unknown.
 */
export type ReplicaSetOf = (row: KeyedRow) => unknown

/** Cassandra does not limit a batch within one partition. This bounds the frame and the work of one replica. */
const MAX_GROUP_BYTES = 64 * 1024

/** A partition with this many rows gets requests of its own, because a request of several partitions holds few rows. */
const ROWS_FOR_OWN_REQUEST = 10

/** With more partitions per batch the server warns (`unlogged_batch_across_partitions_warn_threshold`). */
const MAX_PARTITIONS = 10

/** The server warns about a batch of several partitions above 5 KiB (`batch_size_warn_threshold`). */
const MAX_MIXED_WEIGHT = 5000

const rowWeight = (row: EncodedRow) => row.weight

/**
 * Cuts a flush into requests. Each row carries its own timestamp, so rows may change places. Rows of one partition share a
 * request even if other rows lie between them. The remainders of several partitions share one if they have the same replicas.
 */
export function groupRows(
  rows: readonly EncodedRow[],
  batchBy: BatchBy,
  replicaSetOf: ReplicaSetOf,
): Group[] {
  if (batchBy === 'none') return rows.map(row => groupOf([row], knownOf(row, replicaSetOf(row))))
  const groups: Group[] = []
  const mixes = new Map<unknown, Map<unknown, Mix>>()
  for (const partition of partitionsOf(rows)) {
    const [first] = partition
    if (first === undefined) continue
    const name = replicaSetOf(first)
    const replicas = knownOf(first, name)
    const rest = batchBy === 'partition' ? 0 : partition.length % ROWS_FOR_OWN_REQUEST
    if (rest < partition.length) cut(partition, partition.length - rest, replicas, groups)
    if (rest > 0) {
      const left = rest < partition.length ? partition.slice(-rest) : partition
      mixFor(mixes, first, name, replicas).add(left, groups)
    }
  }
  for (const mix of mixes.values()) for (const open of mix.values()) open.close(groups)
  return groups
}

/** Cuts the first `end` rows into groups of prepared sizes. */
function cut(rows: readonly EncodedRow[], end: number, replicas: unknown, groups: Group[]): void {
  let from = 0
  while (from < end) {
    const most = fitting(rows, from, end)
    const count = rows[from]?.statement.rowsFor(most) ?? 1
    groups.push(groupOf(rows.slice(from, from + count), replicas))
    from += count
  }
}

function fitting(rows: readonly EncodedRow[], from: number, end: number): number {
  let bytes = 0
  let to = from
  while (to < end) {
    bytes += byteLengthOf(rows[to] as EncodedRow)
    if (bytes > MAX_GROUP_BYTES && to > from) break
    to++
  }
  return to - from
}

function groupOf(rows: readonly EncodedRow[], replicas: unknown): Group {
  return { rows, bytes: sum(rows, heldBytesOf), replicas }
}

function sum(rows: readonly EncodedRow[], of: (row: EncodedRow) => number): number {
  let total = 0
  for (const row of rows) total += of(row)
  return total
}

function knownOf(row: EncodedRow, name: unknown): unknown {
  return name === row ? undefined : name
}

function mixFor(
  mixes: Map<unknown, Map<unknown, Mix>>,
  row: EncodedRow,
  name: unknown,
  replicas: unknown,
): Mix {
  let byOperation = mixes.get(name)
  if (byOperation === undefined) {
    byOperation = new Map()
    mixes.set(name, byOperation)
  }
  let mix = byOperation.get(row.statement)
  if (mix === undefined) {
    mix = new Mix(replicas)
    byOperation.set(row.statement, mix)
  }
  return mix
}

/** Rows of several partitions, within the limits above which the server warns. */
class Mix {
  readonly #replicas: unknown
  #rows: EncodedRow[] = []
  #weight = 0
  #partitions = 0

  constructor(replicas: unknown) {
    this.#replicas = replicas
  }

  /** Adds the rows of one more partition. */
  add(partition: readonly EncodedRow[], groups: Group[]): void {
    const weight = sum(partition, rowWeight) + PARTITION_WEIGHT
    if (this.#partitions === MAX_PARTITIONS || this.#weight + weight > MAX_MIXED_WEIGHT) this.close(groups)
    if (weight > MAX_MIXED_WEIGHT) {
      cut(partition, partition.length, this.#replicas, groups)
      return
    }
    for (const row of partition) this.#rows.push(row)
    this.#weight += weight
    this.#partitions++
  }

  close(groups: Group[]): void {
    cut(this.#rows, this.#rows.length, this.#replicas, groups)
    this.#rows = []
    this.#weight = 0
    this.#partitions = 0
  }
}
