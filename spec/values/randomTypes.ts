import fc from 'fast-check'
import { type CqlType, scalarNames } from '../../lib/table/cqlType.ts'

const scalars = (names: readonly (typeof scalarNames)[number][]) =>
  fc.constantFrom(...names).map((name): CqlType => ({ kind: 'scalar', name }))

/** Field names with a meaning in JavaScript, or that need quotes in CQL. */
const fieldNames = ['constructor', 'toString', 'Zip code', 'a"b']

function typesOver(scalar: fc.Arbitrary<CqlType>, key: fc.Arbitrary<CqlType>): fc.Arbitrary<CqlType> {
  return fc.letrec<{ type: CqlType }>(tie => ({
    type: fc.oneof(
      { depthSize: 'small', maxDepth: 2, withCrossShrink: true },
      scalar,
      tie('type').map((element): CqlType => ({ kind: 'list', element, frozen: true })),
      key.map((element): CqlType => ({ kind: 'set', element, frozen: true })),
      fc
        .tuple(key, tie('type'))
        .map(([name, value]): CqlType => ({ kind: 'map', key: name, value, frozen: true })),
      fc
        .array(tie('type'), { minLength: 1, maxLength: 3 })
        .map((elements): CqlType => ({ kind: 'tuple', elements })),
      fc
        .tuple(tie('type'), fc.integer({ min: 1, max: 4 }))
        .map(([element, dimension]): CqlType => ({ kind: 'vector', element, dimension })),
      fc.array(tie('type'), { minLength: 1, maxLength: 4 }).map((all): CqlType => {
        const fields = all.map((type, i) => ({ name: fieldNames[i] as string, type }))
        return { kind: 'udt', name: 'thing', fields, frozen: true }
      }),
    ),
  })).type
}

/** Scalars that can be keys. Keys need an order, and durations have none. */
const orderedScalar = scalars(scalarNames.filter(name => name !== 'duration'))

/** Types of set elements, map keys and clustering columns, also nested. */
export const keyType = typesOver(orderedScalar, orderedScalar)

/** Any type, nested to a small depth. */
export const nestedType = typesOver(scalars(scalarNames), keyType)

/**
 * Whether the driver can read a type. Inside a vector, types come as the name of a Java class. In such a name, driver 4.10
 * cannot parse a user-defined type with a vector field.
 */
export function isReadable(type: CqlType, inVector = false): boolean {
  switch (type.kind) {
    case 'scalar':
      return true
    case 'list':
    case 'set':
      return isReadable(type.element, inVector)
    case 'map':
      return isReadable(type.key, inVector) && isReadable(type.value, inVector)
    case 'tuple':
      return type.elements.every(element => isReadable(element, inVector))
    case 'vector':
      return isReadable(type.element, true)
    case 'udt':
      return type.fields.every(
        field => !(inVector && field.type.kind === 'vector') && isReadable(field.type, inVector),
      )
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

/** Whether a type contains a vector. */
export function holdsVector(type: CqlType): boolean {
  switch (type.kind) {
    case 'vector':
      return true
    case 'list':
    case 'set':
      return holdsVector(type.element)
    case 'map':
      return holdsVector(type.key) || holdsVector(type.value)
    case 'tuple':
      return type.elements.some(holdsVector)
    case 'udt':
      return type.fields.some(field => holdsVector(field.type))
    default:
      return false
  }
}

/** The type with its outermost level not frozen, if that makes a difference. */
export function thawed(type: CqlType): CqlType {
  return 'frozen' in type ? { ...type, frozen: false } : type
}

/** The type with `__proto__` as the first field of each user-defined type. The driver loses such a field. */
export function withProto(type: CqlType): CqlType {
  switch (type.kind) {
    case 'list':
    case 'set':
    case 'vector':
      return { ...type, element: withProto(type.element) }
    case 'map':
      return { ...type, key: withProto(type.key), value: withProto(type.value) }
    case 'tuple':
      return { ...type, elements: type.elements.map(withProto) }
    case 'udt': {
      const fields = type.fields.map(({ name, type: part }, i) => ({
        name: i === 0 ? '__proto__' : name,
        type: withProto(part),
      }))
      return { ...type, fields }
    }
    default:
      return type
  }
}
