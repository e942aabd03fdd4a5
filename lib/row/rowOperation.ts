import { type Operation, rowOperations } from '../table/operations.ts'
import type { TableSchema } from '../table/schema.ts'
import { preview } from '../value/preview.ts'
import { propertyRefused } from './rowRefusal.ts'

/** The operations that rows of a table may ask for by a property. */
export class RowOperation {
  readonly #column: string
  readonly #named = new Map<unknown, Operation>()
  readonly #expected: string

  constructor(column: string, schema: TableSchema) {
    this.#column = column
    const hasCells = schema.columns.some(
      ({ kind, type }) => (kind === 'static' || kind === 'regular') && type.kind !== 'unsupported',
    )
    const possible = rowOperations.filter(({ needsCells }) => hasCells || !needsCells)
    for (const operation of possible) this.#named.set(operation.name, operation)
    const names = possible.map(({ name }) => name)
    const why =
      names.length === rowOperations.length ? '' : ': a table of key columns alone has nothing to update'
    this.#expected = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}${why}`
  }

  /** @throws RowError for anything but the name of an operation, in any case */
  of(value: unknown, index: number): Operation {
    const found = this.#named.get(value) ?? this.#named.get(typeof value === 'string' && value.toLowerCase())
    if (found === undefined) throw propertyRefused(this.#column, preview(value), this.#expected, index)
    return found
  }
}
