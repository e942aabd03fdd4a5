/** The columns of a table of checkpoints: one row per checkpoint. */
export const columnTypes = {
  /** The partition key. */
  name: 'text',
  /** Of the format of the others. */
  version: 'int',
  /** Rises with each owner. */
  term: 'int',
  /** Which process that is, for people. */
  owner: 'text',
  /** Identity of the last change. */
  write_id: 'uuid',
  /** The level of its transactions, which all owners must have in common. */
  serial: 'text',
  /** The table that the checkpoint belongs to, as JSON. */
  target: 'text',
  /** The last epoch that is committed, as JSON. */
  committed: 'text',
  /** The epoch that may be written in part. */
  sealed: 'text',
  /** The epoch after that, when it may be as well. */
  next: 'text',
  /** Of what stands in `version` and from `serial` on. */
  checksum: 'text',
} as const

export type ColumnName = keyof typeof columnTypes

/** A row without its key, as it is bound. */
export type RowColumns = {
  readonly [Name in Exclude<ColumnName, 'name'>]: (typeof columnTypes)[Name] extends 'int'
    ? number
    : string | null
} & { readonly write_id: string }
