import type { CqlType, ScalarName } from '../table/cqlType.ts'
import type { Codec, Encoder } from './codec.ts'
import { listCodec, mapCodec, setCodec } from './collections.ts'
import { tupleCodec, udtCodec } from './composite.ts'
import { bytesIdentity, decimalIdentity, inetIdentity } from './identity.ts'
import { named } from './refusal.ts'
import { scalars } from './typeTable.ts'
import { vectorCodec } from './vector.ts'

export type { Encoder } from './codec.ts'

/**
 * Compiles a type, once for each column of a table. The encoder returns bytes of its own, never a view of the value;
 * what it cannot store exactly it refuses by throwing a Refusal, whatever the value does when it is read.
 */
export function encoderFor(type: CqlType): Encoder {
  return codecFor(type).encode
}

function codecFor(type: CqlType): Codec {
  const codec = compile(type)
  const { encode, cqlType, accepts } = codec
  return {
    ...codec,
    encode: value => {
      try {
        return encode(value)
      } catch (thrown) {
        throw named(thrown, value, cqlType, accepts)
      }
    },
  }
}

function compile(type: CqlType): Codec {
  switch (type.kind) {
    case 'scalar':
      return scalarCodec(type.name)
    case 'list':
      return listCodec(type, compile(type.element))
    case 'set':
      return setCodec(type, compile(type.element))
    case 'map':
      return mapCodec(type, compile(type.key), compile(type.value))
    case 'tuple':
      return tupleCodec(type, type.elements.map(compile))
    case 'udt':
      return udtCodec(
        type,
        type.fields.map(field => compile(field.type)),
      )
    case 'vector':
      return vectorCodec(type, compile(type.element))
  }
}

function scalarCodec(name: ScalarName): Codec {
  const { encode, accepts, fixedSize } = scalars[name]
  return {
    encode,
    cqlType: name,
    accepts,
    fixedSize,
    isText: name === 'text' || name === 'ascii',
    identity: name === 'decimal' ? decimalIdentity : name === 'inet' ? inetIdentity : bytesIdentity,
  }
}
