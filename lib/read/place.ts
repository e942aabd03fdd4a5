import { createHash } from 'node:crypto'
import { OptionError } from '../errors.ts'
import type { Json } from '../json.ts'
import { hasShape, isCount, isText } from '../json.ts'
import { type Shard, shardName } from '../options/shard.ts'
import { LENGTH_BYTES } from './cells.ts'

const TOKEN_BYTES = 8

/** Which of the parts of a row this is. */
export interface PartPlace {
  /** Number of parts before it. */
  readonly nth: number
  /** What identifies each part of the row while nobody writes it. The remaining time to live does not. */
  readonly parts: readonly string[]
}

/** A part of a row in a position. */
export interface KeptPart {
  readonly nth: number
  /** Of this part and all before it. */
  readonly digest: string
}

/** The part after which a reader continues. Another one if the parts of the row have changed. */
export function keptPart({ nth, parts }: PartPlace): KeptPart {
  const digest = createHash('sha256')
    .update(JSON.stringify(parts.slice(0, nth + 1)))
    .digest('base64url')
  return { nth, digest }
}

/** The place of a row in the ring: its token and its key. */
export class Place {
  /** The bytes by which rows are ordered: 8 of the token, then the key columns, each preceded by its length. */
  readonly key: Buffer
  /** The part of the row, if rows come in parts. */
  readonly part: PartPlace | undefined
  readonly #span: Span | undefined

  /** @param span of a following reader */
  constructor(key: Buffer, span?: Span, part?: PartPlace) {
    this.key = key
    this.part = part
    this.#span = span
  }

  get position(): ReadPosition {
    const span = this.#span
    const { part } = this
    return {
      token: String(this.key.readBigInt64BE()),
      key: this.key.toString('base64url', TOKEN_BYTES),
      ...(part !== undefined && part.nth < part.parts.length - 1 && { part: { ...keptPart(part) } }),
      ...(span !== undefined && {
        from: span.from === undefined ? null : String(span.from),
        to: String(span.to),
      }),
    }
  }
}

/** Write times of the rows that one walk through a table emits, in microseconds: above `from`, up to `to`. */
export interface Span {
  /** Undefined for no lower bound. */
  readonly from: bigint | undefined
  readonly to: bigint
}

/**
 * A place in a form that can be kept. Rows after it have not been read. A following reader adds the write times of its walk, as
 * `from` (null for no lower bound) and `to`, in microseconds. `part` is the last part of the row that was read, if more will come.
 * A reader with `shard` adds that.
 */
export interface ReadPosition {
  /** The token, in decimal. */
  readonly token: string
  /** The columns of the primary key as bytes, each preceded by its length in 4 bytes, in base64url. */
  readonly key: string
  readonly [name: string]: Json
}

/**
 * The place in a page, where the token is preceded by its length. Its bytes are copied: a caller who keeps few rows must not keep
 * their pages in memory.
 */
export function placeAt(page: Buffer, from: number, to: number, span?: Span, part?: PartPlace): Place {
  return new Place(Buffer.from(page.subarray(from + LENGTH_BYTES, to)), span, part)
}

/** A copy of a row by `{ ...row }` has it too. JSON and sinks do not see it. */
const place = Symbol('place')

export function setPlace(row: object, at: Place): void {
  ;(row as { [place]?: Place })[place] = at
}

export function placeOf(row: object): Place | undefined {
  // A caller may pass anything.
  if (row === null || row === undefined) return undefined
  return (row as { readonly [place]?: Place })[place]
}

/** A position as bytes. */
export interface Behind {
  readonly token: bigint
  /** Like {@link Place.key}. */
  readonly key: Buffer
  /** The last part of the row that was read. Undefined if it was read to its end. */
  readonly part: KeptPart | undefined
  readonly span: Span | undefined
}

const isInteger = (value: unknown) => isText(value) && /^-?\d{1,19}$/.test(value)
const shape = { token: isInteger, key: isText }
const partOf = { nth: isCount, digest: isText }
const partShape = { ...shape, part: (value: unknown) => hasShape(partOf, value) }
const spanShape = { ...shape, from: (value: unknown) => value === null || isInteger(value), to: isInteger }

/** The reader to which a position belongs. */
export interface PositionOwner {
  /** Columns of its key. */
  readonly columns: number
  readonly follows: boolean
  readonly shard: Shard | undefined
}

/** @throws OptionError for a value that `positionOf` of such a reader did not return */
export function readPosition(whole: Json, { columns, follows, shard }: PositionOwner): Behind {
  const { shard: ofShard, ...given } = { ...(whole as { readonly shard?: Json }) }
  // Another shard starts elsewhere, so the rows before its position may not have been read.
  if (ofShard !== (shard && shardName(shard))) throw refused('a reader with the same `shard`')
  const isPosition = follows
    ? hasShape(spanShape, given)
    : hasShape(shape, given) || hasShape(partShape, given)
  if (!isPosition) throw refused(`${follows ? 'a following reader' : 'a reader that does not follow'}`)
  const { token, key, from, to, part } = given as ReadPosition
  const head = Buffer.alloc(8)
  const position = BigInt(token)
  if (position !== BigInt.asIntN(64, position)) throw refused('a reader')
  head.writeBigInt64BE(position)
  const bytes = Buffer.concat([head, Buffer.from(key, 'base64url')])
  if (!hasParts(bytes, columns)) throw refused('a table with this key')
  const span = follows
    ? { from: typeof from === 'string' ? BigInt(from) : undefined, to: BigInt(String(to)) }
    : undefined
  return { token: position, key: bytes, part: part as KeptPart | undefined, span }
}

function hasParts(bytes: Buffer, count: number): boolean {
  let at = 8
  let parts = 0
  for (; at + 4 <= bytes.length; parts++) at += 4 + Math.max(0, bytes.readInt32BE(at))
  return parts === count && at === bytes.length
}

function refused(whose: string): OptionError {
  const text = `Expected a position that \`positionOf()\` of ${whose} returned`
  return new OptionError('ERR_CASSANDRA_OPTION', 'after', text)
}
