import { columns, type History, type Row } from './history.ts'

/** What a column holds: a value, when it was written, and for how many seconds it lives. */
export interface Cell {
  readonly value: unknown
  /** Place in the order of the rows. */
  readonly order: number
  readonly ttl: number | undefined
}

export interface ModelRow {
  readonly p: number
  /** Null for a partition that has only static columns. */
  readonly c: number | null
  readonly cells: ReadonlyMap<string, Cell>
}

type Cells = Map<string, Cell>

/** The seconds that rows of the table live by default, if it has such a default. */
export const TABLE_TTL = 40_000

/**
 * What a table must hold after a history: every row applied by itself, one after the other. It knows CQL's rules and
 * nothing of the library.
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

/** As a SELECT shows it. Of a collection that is not frozen, no parts are left of an empty one. */
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
