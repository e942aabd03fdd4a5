import { types as is } from 'node:util'
import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import { NULL_LENGTH, unset } from './bind.ts'
import type { Bytes } from './bytes.ts'
import type { CompiledType } from './compiledType.ts'
import { field, isDriver } from './driverValue.ts'
import { tupleIdentity } from './identity.ts'
import { fieldsOf } from './objects.ts'
import { encodePart, partRefused } from './part.ts'
import { tupleOrder } from './partsOrder.ts'
import { listed } from './preview.ts'
import { named, Refusal, unknownField, wrongKind } from './refusal.ts'

type Composite<Kind extends CqlType['kind']> = Extract<CqlType, { kind: Kind }>

export function compileTuple(type: Composite<'tuple'>, elements: readonly CompiledType[]): CompiledType {
  function encode(value: unknown, out: Bytes): void {
    const items = tupleItems(value)
    // The driver reads missing items at the end as null. An Array of another length is a mistake.
    const isShort = items.length < elements.length && !Array.isArray(value)
    if (items.length !== elements.length && !isShort) {
      throw new Refusal(value, `has ${items.length} items, and the tuple ${elements.length}`)
    }
    for (let i = 0; i < elements.length; i++) addNullable(elements[i] as CompiledType, items[i], i, out)
  }
  return {
    encode,
    cqlType: cqlTypeName(type),
    accepts: `an Array or Tuple of ${elements.length}: ${listed(elements.map(({ cqlType }) => cqlType))}`,
    fixedSize: undefined,
    isText: false,
    identity: tupleIdentity(elements.map(({ identity }) => identity)),
    order: tupleOrder(elements.map(({ order }) => order)),
  }
}

export function compileUdt(type: Composite<'udt'>, fields: readonly CompiledType[]): CompiledType {
  const names = type.fields.map(({ name }) => name)
  const indexes = new Map<unknown, number>(names.map((name, i) => [name, i]))
  function encode(value: unknown, out: Bytes): void {
    const items = fieldValues(value, indexes)
    for (let i = 0; i < fields.length; i++) addNullable(fields[i] as CompiledType, items[i], names[i], out)
  }
  return {
    encode,
    cqlType: cqlTypeName(type),
    accepts: `an object or Map with the fields ${listed(names)}`,
    fixedSize: undefined,
    isText: false,
    identity: tupleIdentity(fields.map(({ identity }) => identity)),
    order: tupleOrder(fields.map(({ order }) => order)),
  }
}

/**
 * The value of each field, in the order of the type, for types whose fields are separate cells. Undefined for a missing field.
 * @throws Refusal
 */
export function fieldCellsOf(value: unknown, type: Composite<'udt'>): unknown[] {
  const names = type.fields.map(({ name }) => name)
  try {
    return fieldValues(value, new Map<unknown, number>(names.map((name, i) => [name, i])))
  } catch (thrown) {
    throw named(thrown, value, cqlTypeName(type), `an object or Map with some of the fields ${listed(names)}`)
  }
}

/** The value of each field, in the order of the type, read once. Undefined for a missing field. */
function fieldValues(value: unknown, indexes: ReadonlyMap<unknown, number>): unknown[] {
  const items = new Array<unknown>(indexes.size)
  if (is.isMap(value)) {
    for (const [name, item] of Map.prototype.entries.call(value)) items[indexOf(name, indexes, value)] = item
  } else {
    const object = fieldsOf(value)
    for (const name of Object.keys(object)) items[indexOf(name, indexes, value)] = object[name]
  }
  return items
}

function indexOf(name: unknown, indexes: ReadonlyMap<unknown, number>, value: unknown): number {
  const index = indexes.get(name)
  if (index === undefined) throw unknownField(value, name)
  return index
}

/** Any part of a tuple or user-defined type may be null, which Cassandra marks by its length. */
function addNullable(compiled: CompiledType, value: unknown, at: unknown, out: Bytes): void {
  if (value === null || value === undefined) {
    out.int32(NULL_LENGTH)
    return
  }
  if (value === unset) {
    throw partRefused(compiled, value, at, new Refusal(value, 'is unset; null leaves it empty'))
  }
  const from = out.openSized()
  encodePart(compiled, value, at, out)
  out.closeSized(from)
}

function tupleItems(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  const items = isDriver(value, 'Tuple') ? field(value, 'elements') : undefined
  if (!Array.isArray(items)) throw wrongKind(value)
  return items
}
