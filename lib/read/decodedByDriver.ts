import { types } from 'cassandra-driver'
import { ReadError } from '../errors.ts'
import type { CqlType, ScalarName } from '../table/cqlType.ts'
import type { Column } from '../table/schema.ts'
import type { Bytes } from '../value/bytes.ts'
import type { Encoder } from '../value/encoder.ts'
import { Refusal } from '../value/refusal.ts'

const NO_BYTES = 'This copy of cassandra-driver does not give pages as bytes'

/** Types whose values the driver turns into exact text when it makes them keys of an object. Text is not one of them: see below. */
const exactKeys: ReadonlySet<ScalarName> = new Set<ScalarName>([
  'bigint',
  'boolean',
  'date',
  'decimal',
  'inet',
  'int',
  'smallint',
  'time',
  'timeuuid',
  'tinyint',
  'uuid',
  'varint',
])

/**
 * Encodes a value that the driver has decoded.
 * @throws ReadError if the driver may have lost a part of it
 */
export function encodeDecoded({ name, type }: Column, encode: Encoder, value: unknown, out: Bytes): void {
  const loss = lossIn(type, value)
  if (loss !== undefined) throw inexact(name, loss)
  try {
    encode(value, out)
  } catch (error) {
    throw error instanceof Refusal ? inexact(name, `what the driver read for it ${error.reason}`) : error
  }
}

function inexact(column: string, why: string): ReadError {
  const advice = 'Use the version of the driver that this package requires, with unchanged methods'
  const text = `${NO_BYTES}, and \`${column}\` cannot be read exactly without them: ${why}. ${advice}`
  return new ReadError('ERR_CASSANDRA_READ', text)
}

/** What the driver may have lost of a value. Undefined if the value is exact. */
export function lossIn(type: CqlType, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  switch (type.kind) {
    case 'scalar':
      if (!(value instanceof Date) || !Number.isNaN(value.getTime())) return undefined
      return 'the driver has no timestamps beyond the range of Date'
    case 'list':
      return firstLoss(value as Iterable<unknown>, item => lossIn(type.element, item))
    case 'set':
      return lossOfZero(type.element, value) ?? lossIn({ ...type, kind: 'list' }, value)
    case 'vector': {
      const items = value instanceof types.Vector ? value.elements : (value as Iterable<unknown>)
      return firstLoss(items, item => lossIn(type.element, item))
    }
    case 'tuple': {
      const items = (value as types.Tuple).values()
      return firstLoss(type.elements.entries(), ([i, element]) => lossIn(element, items[i]))
    }
    case 'udt':
      // Assigning this field sets the prototype.
      if (type.fields.some(({ name }) => name === '__proto__')) return 'the driver loses a field `__proto__`'
      return firstLoss(type.fields, field =>
        lossIn(field.type, (value as Record<string, unknown>)[field.name]),
      )
    case 'map':
      return lossInMap(type, value)
    case 'unsupported':
      return undefined
  }
}

function lossInMap({ key, value }: Extract<CqlType, { kind: 'map' }>, given: unknown): string | undefined {
  if (given instanceof Map) {
    const inParts = ([name, item]: [unknown, unknown]) => lossIn(key, name) ?? lossIn(value, item)
    return lossOfZero(key, given) ?? firstLoss(given, inParts)
  }
  // A key `__proto__` sets the prototype.
  if (key.kind !== 'scalar' || !exactKeys.has(key.name))
    return 'the driver turns the keys of the map into names of properties, unless its client has `encoding: { map: Map }`'
  return firstLoss(Object.values(given as object), item => lossIn(value, item))
}

/** JavaScript turns -0 into 0 in a Set or as a key. */
function lossOfZero(type: CqlType, value: unknown): string | undefined {
  const isFloat = type.kind === 'scalar' && (type.name === 'float' || type.name === 'double')
  const isZero = isFloat && (value instanceof Set || value instanceof Map) && value.has(0)
  return isZero ? 'the driver does not tell -0 from 0 in a Set or as the key of a Map' : undefined
}

function firstLoss<Item>(
  items: Iterable<Item>,
  loss: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = loss(item)
    if (found !== undefined) return found
  }
  return undefined
}
