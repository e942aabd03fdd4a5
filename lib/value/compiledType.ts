import type { Bytes } from './bytes.ts'

/** Writes the bytes of one CQL value; throws a Refusal when it cannot do so exactly, and the row is forgotten then. */
export type Encoder = (value: unknown, out: Bytes) => void

/** What the bytes stand for to the server: two values that Cassandra holds for equal have the same identity. */
export type Identity = (bytes: Buffer) => string

/** Below zero, zero or above, as the server holds the value from `a` to `aEnd` for less than, equal to or more than that of `b`. */
export type Order = (bytes: Buffer, a: number, aEnd: number, b: number, bEnd: number) => number

/** One CQL type, compiled: built once for each column and shared by every row. */
export interface CompiledType {
  readonly encode: Encoder
  /** The type as CQL spells it. */
  readonly cqlType: string
  /** What a person may give, for errors and for the README. */
  readonly accepts: string
  /** Bytes of every value where the server knows them beforehand; only vectors ask. */
  readonly fixedSize: number | undefined
  readonly identity: Identity
  readonly order: Order
  /** Whether every value is a string that is its own identity. */
  readonly isText: boolean
}

/** Reads the bytes of one CQL value from `from` up to `to`. Nothing of the result shares memory with them. */
export type Decoder = (bytes: Buffer, from: number, to: number) => unknown
