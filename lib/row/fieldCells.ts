import type { Column, TableSchema } from '../table/schema.ts'
import type { Statement } from '../table/statement.ts'
import { hasFieldCells, type Target, targetName } from '../table/target.ts'
import { fieldCellsOf } from '../value/composite.ts'
import { Refusal } from '../value/refusal.ts'
import { type ColumnEncoder, fieldEncoderFor } from './columnEncoder.ts'
import { valueRefused } from './rowRefusal.ts'

/** Fields that a statement binds one by one. Their values follow after those of the columns. */
export class FieldCells {
  readonly #encoders = new Map<string, ColumnEncoder>()
  readonly #opened: { readonly column: Column; readonly columnIndex: number; readonly from: number }[] = []

  constructor({ columns: targets }: Statement, { columns }: TableSchema) {
    let at = columns.length
    for (const target of targets) {
      if (target.field === undefined) continue
      const columnIndex = columns.findIndex(({ name }) => name === target.name)
      if (this.#opened.at(-1)?.columnIndex !== columnIndex) {
        this.#opened.push({ column: columns[columnIndex] as Column, columnIndex, from: at })
      }
      this.#encoders.set(targetName(target), fieldEncoderFor(target, at++))
    }
  }

  get isEmpty(): boolean {
    return this.#opened.length === 0
  }

  /** The encoder of a field. Undefined for a whole column. */
  encoderOf(target: Target): ColumnEncoder | undefined {
    return target.field === undefined ? undefined : this.#encoders.get(targetName(target))
  }

  /**
   * Appends the values of fields that are bound one by one to the values of the columns. Null sets no fields.
   * @throws RowError for a value that is not of the user-defined type
   */
  read(given: unknown[], index: number): void {
    for (const { column, columnIndex, from } of this.#opened) {
      const value = given[columnIndex] ?? undefined
      if (value === undefined || !hasFieldCells(column.type)) continue
      try {
        for (const [i, field] of fieldCellsOf(value, column.type).entries()) given[from + i] = field
      } catch (error) {
        throw error instanceof Refusal ? valueRefused(column, error, index) : error
      }
    }
  }
}
