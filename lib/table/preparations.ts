import { types } from 'cassandra-driver'
import type { CqlType } from './cqlType.ts'
import type { Statement } from './statement.ts'
import { hasUdtInVector } from './udt.ts'

/** A type as the driver reads it from the answer to PREPARE. */
export interface BoundType {
  readonly code: number
  readonly info?: unknown
}

/** What a statement binds, by the answer to PREPARE. The driver makes one per answer. */
export interface Preparation {
  readonly columns: readonly { readonly type: BoundType }[]
}

/** Thrown instead of sending bytes that the server would misread. */
export class TypesDiffer extends Error {
  override readonly name = 'TypesDiffer'
  /** Handled like the server's "unprepared": only the schema tells whether the table changed. */
  readonly code = 0x2500

  constructor() {
    super('The types of the statement differ from those of the rows')
  }
}

/** Thrown until the schema is read again, because the answer does not list the fields of a user-defined type in a vector. */
export class TypesUntold extends Error {
  override readonly name = 'TypesUntold'
  readonly code = 0x2500

  constructor() {
    super('The schema must be read before rows go to a statement that was prepared again')
  }
}

/** The table that statements are prepared for. */
export interface TableWatch {
  /** When its schema was last read, on the clock of `performance.now()`. */
  readonly readAt: number
  /** The table may be another one, so its schema must be read soon. */
  suspect(): void
}

/**
 * Checks how the server prepares statements. A server forgets its statements whenever a table or a type changes. They are
 * prepared again before the next row is written, and the answer lists all types, including fields of user-defined ones.
 */
export class Preparations {
  readonly #watch: TableWatch
  readonly #checked = new WeakMap<Preparation, Statement>()
  readonly #prepared = new Set<string>()
  /** When an answer came that does not list all types, on the clock of `performance.now()`. */
  readonly #vague = new WeakMap<Preparation, number>()

  constructor(watch: TableWatch) {
    this.#watch = watch
  }

  /**
   * @throws TypesDiffer when the server would misread the bytes of the statement's columns; TypesUntold until the schema
   * says that it would not
   */
  check(preparation: Preparation, statement: Statement, rows: number): void {
    if (this.#checked.get(preparation) === statement) return
    const { columns } = preparation
    for (const [i, { type }] of statement.columns.entries()) {
      const bound = columns[statement.valuesIndex + i]
      if (bound === undefined || !fits(bound.type, type)) throw new TypesDiffer()
    }
    const text = statement.text(rows)
    if (!this.#checked.has(preparation)) {
      if (this.#prepared.has(text) && !this.#vague.has(preparation)) this.#watch.suspect()
      if (statement.columns.some(({ type }) => hasUdtInVector(type))) this.#confirm(preparation)
    }
    this.#checked.set(preparation, statement)
    this.#prepared.add(text)
  }

  #confirm(preparation: Preparation): void {
    const since = this.#vague.get(preparation) ?? performance.now()
    this.#vague.set(preparation, since)
    if (this.#watch.readAt <= since) throw new TypesUntold()
  }
}

/**
 * Whether the server reads bytes of a type correctly. It may have more fields of a user-defined type than the row or, while
 * it lags behind, fewer. A type that comes as the name of a class counts as right: durations, and vectors.
 */
export function fits({ code, info }: BoundType, type: CqlType): boolean {
  if (code === types.dataTypes.custom) return true
  switch (type.kind) {
    case 'scalar':
      return code === types.dataTypes[type.name] || (type.name === 'text' && code === types.dataTypes.varchar)
    case 'list':
    case 'set':
      return code === types.dataTypes[type.kind] && fits(info as BoundType, type.element)
    case 'map': {
      if (code !== types.dataTypes.map) return false
      const [key, value] = info as [BoundType, BoundType]
      return fits(key, type.key) && fits(value, type.value)
    }
    case 'tuple': {
      if (code !== types.dataTypes.tuple) return false
      const parts = info as readonly BoundType[]
      return (
        parts.length === type.elements.length &&
        type.elements.every((element, i) => fits(parts[i] as BoundType, element))
      )
    }
    case 'udt': {
      if (code !== types.dataTypes.udt) return false
      const { fields } = info as { fields: readonly { name: string; type: BoundType }[] }
      return type.fields.every((field, i) => {
        const bound = fields[i]
        return bound === undefined || (bound.name === field.name && fits(bound.type, field.type))
      })
    }
    default:
      return false
  }
}
