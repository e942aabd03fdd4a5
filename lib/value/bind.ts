import { types } from 'cassandra-driver'

/** Leaves a column unchanged. */
export const { unset } = types

/** Used in place of a value's length: a tombstone, and a column that is left unchanged. */
export const NULL_LENGTH = -1
export const UNSET_LENGTH = -2

/** The value of one marker: bytes, null for a tombstone, or unset. */
export type BindValue = Buffer | null | typeof unset
