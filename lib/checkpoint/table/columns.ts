/** The columns of a table of checkpoints: one row per checkpoint. */
export const columnTypes = {
  /** The partition key. */
  name: 'text',
  /** Format version of the row. */
  version: 'int',
  /** Fencing token: rises by 1 with each owner. */
  term: 'int',
  /** Process and host of the owner, as text for people. */
  owner: 'text',
  /** Id of the last change. */
  write_id: 'uuid',
  /** Serial level of the row's transactions. All owners must use the same one. */
  serial: 'text',
  /** The table that the checkpoint belongs to, as JSON. */
  target: 'text',
  /** The last epoch that is committed, as JSON. */
  committed: 'text',
  /** The oldest epoch that may be partly written, as JSON. */
  sealed: 'text',
  /** The epoch after `sealed`, as JSON, if it may be partly written too. */
  next: 'text',
  /** Checksum of `name`, `version`, and the columns from `serial` to `next`. */
  checksum: 'text',
} as const

export type ColumnName = keyof typeof columnTypes

/** The values that are bound for a row, without its key. */
export type RowColumns = {
  readonly [Name in Exclude<ColumnName, 'name'>]: (typeof columnTypes)[Name] extends 'int'
    ? number
    : string | null
} & { readonly write_id: string }
