import type { Bytes } from './bytes.ts'

/** Writes the bytes of one CQL value. Throws a Refusal if it cannot do so exactly, and then the row is dropped. */
export type Encoder = (value: unknown, out: Bytes) => void

/** Identity of a value: equal for two values that Cassandra treats as equal. */
export type Identity = (bytes: Buffer) => string

/** Below zero, zero or above zero if the server sorts the value from `a` to `aEnd` before, with or after that of `b`. */
export type Order = (bytes: Buffer, a: number, aEnd: number, b: number, bEnd: number) => number

/** One compiled CQL type: built once per column and shared by all rows. */
export interface CompiledType {
  readonly encode: Encoder
  /** The type as CQL spells it. */
  readonly cqlType: string
  /** The accepted values, for errors and for docs/types.md. */
  readonly accepts: string
  /** Bytes of every value if the size is fixed on the server. Used by vectors only. */
  readonly fixedSize: number | undefined
  readonly identity: Identity
  readonly order: Order
  /** Whether every value is a string that is its own identity. */
  readonly isText: boolean
}

/** Reads the bytes of one CQL value from `from` up to `to`. The result shares no memory with them. */
export type Decoder = (bytes: Buffer, from: number, to: number) => unknown
