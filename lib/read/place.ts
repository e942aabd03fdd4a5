import { OptionError } from '../errors.ts'
import type { Json } from '../json.ts'
import { hasShape, isText } from '../json.ts'

const LENGTH_BYTES = 4
const TOKEN_BYTES = 8

/**
 * Which of the parts of a row this is, by what stays the same when the row is read again. A cell that is written or expires in the
 * meantime leaves its part, and may bring a later one.
 */
export interface PartPlace {
  /** Whether it has static columns. These parts come first. */
  readonly isStatic: boolean
  /** Write time in microseconds since 1970. */
  readonly time: bigint
  /** Whether it has lists. These parts come after others with the same write time. */
  readonly isOfLists: boolean
  /** Number of parts before it that differ only in their time to live. */
  readonly nth: number
}

/** Whether a part comes after another one of the same row. */
export function isPartAfter(one: PartPlace, other: PartPlace): boolean {
  if (one.isStatic !== other.isStatic) return other.isStatic
  if (one.time !== other.time) return one.time > other.time
  if (one.isOfLists !== other.isOfLists) return one.isOfLists
  return one.nth > other.nth
}

/** The place of a row in the ring: its token and its key. */
export class Place {
  /** The bytes by which rows are ordered: 8 of the token, then the key columns, each preceded by its length. */
  readonly key: Buffer
  /** The part of the row, if rows come in parts. */
  readonly part: PartPlace | undefined
  readonly #span: Span | undefined
  readonly #isLast: boolean

  /**
   * @param span of a following reader
   * @param isLast whether no more parts of the row will come
   */
  constructor(key: Buffer, span?: Span, part?: PartPlace, isLast = true) {
    this.key = key
    this.part = part
    this.#span = span
    this.#isLast = isLast
  }

  get position(): ReadPosition {
    const span = this.#span
    const { part } = this
    return {
      token: String(this.key.readBigInt64BE()),
      key: this.key.toString('base64url', TOKEN_BYTES),
      ...(part !== undefined && !this.#isLast && { part: { ...part, time: String(part.time) } }),
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
export function placeAt(
  page: Buffer,
  from: number,
  to: number,
  span?: Span,
  part?: PartPlace,
  isLast?: boolean,
): Place {
  return new Place(Buffer.from(page.subarray(from + LENGTH_BYTES, to)), span, part, isLast)
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
  readonly part: PartPlace | undefined
  readonly span: Span | undefined
}

const isInteger = (value: unknown) => isText(value) && /^-?\d{1,19}$/.test(value)
const shape = { token: isInteger, key: isText }
const isBoolean = (value: unknown) => typeof value === 'boolean'
const partOf = { isStatic: isBoolean, time: isInteger, isOfLists: isBoolean, nth: Number.isSafeInteger }
const partShape = { ...shape, part: (value: unknown) => hasShape(partOf, value as Json) }
const spanShape = { ...shape, from: (value: unknown) => value === null || isInteger(value), to: isInteger }

/**
 * @param columns of the key
 * @param follows whether the reader follows
 * @throws OptionError for a value that `positionOf` of such a reader did not return
 */
export function readPosition(given: Json, columns: number, follows: boolean): Behind {
  const isPosition = follows
    ? hasShape(spanShape, given)
    : hasShape(shape, given) || hasShape(partShape, given)
  if (!isPosition) throw refused(`${follows ? 'a following reader' : 'a reader that does not follow'}`)
  const { token, key, from, to, part } = given as unknown as ReadPosition
  const head = Buffer.alloc(8)
  const position = BigInt(token)
  if (position !== BigInt.asIntN(64, position)) throw refused('a reader')
  head.writeBigInt64BE(position)
  const bytes = Buffer.concat([head, Buffer.from(key, 'base64url')])
  if (!hasParts(bytes, columns)) throw refused('a table with this key')
  const span = follows
    ? { from: typeof from === 'string' ? BigInt(from) : undefined, to: BigInt(String(to)) }
    : undefined
  return { token: position, key: bytes, part: part === undefined ? undefined : partIn(part), span }
}

function partIn(given: Json): PartPlace {
  const { time, ...part } = given as unknown as Omit<PartPlace, 'time'> & { readonly time: string }
  return { ...part, time: BigInt(time) }
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
