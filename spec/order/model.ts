import { columns, type History, type Row } from './history.ts'

/** A cell: its value, when it was written, and how many seconds it lives. */
export interface Cell {
  readonly value: unknown
  /** Index of the row that wrote it. */
  readonly order: number
  readonly ttl: number | undefined
}

export interface ModelRow {
  readonly p: number
  /** Null for a partition with static columns only. */
  readonly c: number | null
  readonly cells: ReadonlyMap<string, Cell>
}

type Cells = Map<string, Cell>

/** `default_time_to_live` of the table that has one, in seconds. */
export const TABLE_TTL = 40_000

/**
 * The expected rows of a table after a history, with every row applied alone, one after the other. The model knows the rules
 * of CQL and nothing of the library.
 */
export function tableAfter(history: History): ModelRow[] {
  const rows = new Map<string, { readonly p: number; readonly c: number; readonly cells: Cells }>()
  const statics = new Map<number, Cells>()
  for (const { row, order } of inOrder(history)) {
    const { p, c, op } = row as { p: number; c?: number; op: string | null }
    const key = `${p} ${c}`
    if (op?.toLowerCase() === 'delete') {
      rows.delete(key)
      continue
    }
    const shared = cellsOf(statics, p)
    if (c !== undefined) {
      const cells = rows.get(key)?.cells ?? new Map()
      rows.set(key, { p, c, cells })
      write(cells, Object.keys(columns.regular), row, order, history)
    }
    write(shared, Object.keys(columns.static), row, order, history)
  }
  const found: ModelRow[] = []
  for (const { p, c, cells } of rows.values()) {
    found.push({ p, c, cells: new Map([...cells, ...cellsOf(statics, p)]) })
  }
  for (const [p, cells] of statics) {
    const isAlone = ![...rows.values()].some(row => row.p === p)
    if (isAlone && cells.size > 0) found.push({ p, c: null, cells })
  }
  return found
}

function inOrder({ steps, options }: History): { row: Row; order: number }[] {
  const ordered = steps.map(({ row }, i) => ({
    row,
    order: options.timestamp_column === undefined ? i : Number(row['at']),
  }))
  return ordered.sort((one, other) => one.order - other.order)
}

function cellsOf(partitions: Map<number, Cells>, p: number): Cells {
  const cells = partitions.get(p) ?? new Map()
  partitions.set(p, cells)
  return cells
}

function write(cells: Cells, names: readonly string[], row: Row, order: number, history: History): void {
  const { options, tableHasTtl } = history
  const own = options.ttl_column === undefined ? undefined : row['lives']
  const seconds = Number(own ?? options.ttl ?? (tableHasTtl ? TABLE_TTL : 0))
  const ttl = seconds === 0 ? undefined : seconds
  for (const name of names) {
    if (!Object.hasOwn(row, name)) continue
    const value = stored(name, row[name])
    if (value !== null) cells.set(name, { value, order, ttl })
    else if (row[name] !== null || options.nulls === 'write') cells.delete(name)
  }
}

/** A value as a SELECT shows it. An empty non-frozen collection is null. */
function stored(name: string, value: unknown): unknown {
  if (value instanceof Set) return value.size === 0 ? null : [...value].sort((a, b) => a - b)
  if ((name === 'l' || name === 'sl') && Array.isArray(value)) return value.length === 0 ? null : value
  if (name === 'm' && value !== null) return Object.keys(value as object).length === 0 ? null : value
  if (name === 'u' && value !== null) {
    const { x = null, y = null } = value as { x?: number; y?: number }
    return x === null && y === null ? null : { x, y }
  }
  return value
}
