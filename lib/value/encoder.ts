import type { CqlType, ScalarName } from '../table/cqlType.ts'
import { TooManyBytes } from './bytes.ts'
import { compileList, compileMap, compileSet } from './collections.ts'
import type { CompiledType, Encoder, Order } from './compiledType.ts'
import { compileTuple, compileUdt } from './composite.ts'
import { decimalIdentity } from './decimalOrder.ts'
import { bytesIdentity } from './identity.ts'
import { byteOrder } from './order.ts'
import { named, Refusal } from './refusal.ts'
import { scalars } from './typeTable.ts'
import { compileVector } from './vector.ts'

export type { Encoder } from './compiledType.ts'

/**
 * Compiles a type, once per column of a table. The encoder throws a Refusal for a value that it cannot store exactly, whatever
 * the value does when it is read.
 *
 * @param isKey whether the bytes must be those that the server hashes and compares
 */
export function encoderFor(type: CqlType, isKey = false): Encoder {
  const { encode, cqlType, accepts } = compile(type, isKey)
  return (value, out) => {
    try {
      encode(value, out)
    } catch (thrown) {
      const refusal =
        thrown instanceof TooManyBytes ? new Refusal(value, `takes more than ${thrown.limit} bytes`) : thrown
      throw named(refusal, value, cqlType, accepts)
    }
  }
}

/** The order in which the server keeps values of a type that is part of a key. */
export function orderOf(type: CqlType): Order {
  return compile(type, true).order
}

/**
 * @param sorts whether a set or map at this place is sorted here. The server sorts one that is the whole column. It may keep a
 * nested one as it is given, depending on the types around it and on its version.
 */
function compile(type: CqlType, sorts: boolean): CompiledType {
  switch (type.kind) {
    case 'scalar':
      return compileScalar(type.name)
    case 'list':
      return compileList(type, compile(type.element, true))
    case 'set':
      return compileSet(type, compile(type.element, true), sorts)
    case 'map':
      return compileMap(type, compile(type.key, true), compile(type.value, true), sorts)
    case 'tuple':
      return compileTuple(
        type,
        type.elements.map(element => compile(element, true)),
      )
    case 'udt':
      return compileUdt(
        type,
        type.fields.map(field => compile(field.type, true)),
      )
    case 'vector':
      return compileVector(type, compile(type.element, true))
    case 'unsupported':
      return compileUnsupported(type.text)
  }
}

function compileUnsupported(cqlType: string): CompiledType {
  return {
    encode: value => {
      const refusal = new Refusal(
        value,
        'is a value for a custom or unknown type, of which none can be written',
      )
      refusal.mayBeNewInSchema = true
      throw refusal
    },
    cqlType,
    accepts: 'no such property',
    fixedSize: undefined,
    isText: false,
    identity: bytesIdentity,
    order: byteOrder,
  }
}

function compileScalar(name: ScalarName): CompiledType {
  const { encode, accepts, fixedSize, order = byteOrder } = scalars[name]
  return {
    encode,
    cqlType: name,
    accepts,
    fixedSize,
    isText: name === 'text' || name === 'ascii',
    identity: name === 'decimal' ? decimalIdentity : bytesIdentity,
    order,
  }
}
