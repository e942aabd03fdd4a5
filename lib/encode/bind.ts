import { types } from 'cassandra-driver'

/** Leaves a column alone. */
export const { unset } = types

/** What a statement is given for one marker: bytes, null for a tombstone, or unset. */
export type BindValue = Buffer | null | typeof unset
