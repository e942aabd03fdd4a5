import { types } from 'cassandra-driver'

/** Leaves a column alone. */
export const { unset } = types

/** Stands in place of the length of a value: a tombstone, and a column that is left alone. */
export const NULL_LENGTH = -1
export const UNSET_LENGTH = -2

/** What a statement is given for one marker: bytes, null for a tombstone, or unset. */
export type BindValue = Buffer | null | typeof unset
