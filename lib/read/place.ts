import { OptionError } from '../errors.ts'
import type { Json } from '../json.ts'
import { hasShape, isText } from '../json.ts'

const LENGTH_BYTES = 4
const TOKEN_BYTES = 8

/** The place of a row in the ring: its token and its key. */
export class Place {
  /** The bytes by which rows are ordered: 8 of the token, then the key columns, each preceded by its length. */
  readonly key: Buffer
  readonly #span: Span | undefined
  readonly #isAgain: boolean

  /**
   * @param span of a following reader
   * @param isAgain whether more parts of the row will come
   */
  constructor(key: Buffer, span: Span | undefined, isAgain: boolean) {
    this.key = key
    this.#span = span
    this.#isAgain = isAgain
  }

  get position(): ReadPosition {
    const span = this.#span
    return {
      token: String(this.key.readBigInt64BE()),
      key: this.key.toString('base64url', TOKEN_BYTES),
      ...(this.#isAgain && { again: true }),
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
 * `from` (null for no lower bound) and `to`, in microseconds. `again` says that the row itself must be read again, because more of
 * its parts will come.
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
  span: Span | undefined,
  isAgain = false,
): Place {
  return new Place(Buffer.from(page.subarray(from + LENGTH_BYTES, to)), span, isAgain)
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
  readonly isAgain: boolean
  readonly span: Span | undefined
}

const isInteger = (value: unknown) => isText(value) && /^-?\d{1,19}$/.test(value)
const shape = { token: isInteger, key: isText }
const partShape = { ...shape, again: (value: unknown) => value === true }
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
  const { token, key, from, to, again } = given as unknown as ReadPosition
  const head = Buffer.alloc(8)
  const position = BigInt(token)
  if (position !== BigInt.asIntN(64, position)) throw refused('a reader')
  head.writeBigInt64BE(position)
  const bytes = Buffer.concat([head, Buffer.from(key, 'base64url')])
  if (!hasParts(bytes, columns)) throw refused('a table with this key')
  const span = follows
    ? { from: typeof from === 'string' ? BigInt(from) : undefined, to: BigInt(String(to)) }
    : undefined
  return { token: position, key: bytes, isAgain: again === true, span }
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
