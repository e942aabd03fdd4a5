import type { CqlType, ScalarName } from '../table/cqlType.ts'
import { TooManyBytes } from './bytes.ts'
import type { Codec, Encoder } from './codec.ts'
import { listCodec, mapCodec, setCodec } from './collections.ts'
import { tupleCodec, udtCodec } from './composite.ts'
import { bytesIdentity, decimalIdentity } from './identity.ts'
import { encodeInetItem } from './inet.ts'
import { named, Refusal } from './refusal.ts'
import { scalars } from './typeTable.ts'
import { vectorCodec } from './vector.ts'

export type { Encoder } from './codec.ts'

/**
 * Compiles a type, once for each column of a table. What it cannot store exactly the encoder refuses by throwing a
 * Refusal, whatever the value does when it is read.
 */
export function encoderFor(type: CqlType): Encoder {
  const { encode, cqlType, accepts } = compile(type, 'column')
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

/**
 * Where a part stands. Cassandra takes the collections of a column apart and puts them together again, with the
 * vectors inside; a tuple, a user-defined type or a vector of a column it keeps byte by byte.
 */
type Place = 'column' | 'recomposed' | 'kept'

function compile(type: CqlType, place: Place): Codec {
  const inCollection = (part: CqlType) => compile(part, place === 'kept' ? 'kept' : 'recomposed')
  const inComposite = (part: CqlType) => compile(part, 'kept')
  switch (type.kind) {
    case 'scalar':
      return scalarCodec(type.name, place)
    case 'list':
      return listCodec(type, inCollection(type.element))
    case 'set':
      return setCodec(type, inCollection(type.element))
    case 'map':
      return mapCodec(type, inCollection(type.key), inCollection(type.value))
    case 'tuple':
      return tupleCodec(type, type.elements.map(inComposite))
    case 'udt':
      return udtCodec(
        type,
        type.fields.map(field => inComposite(field.type)),
      )
    case 'vector':
      return vectorCodec(type, compile(type.element, place === 'column' ? 'kept' : place))
  }
}

function scalarCodec(name: ScalarName, place: Place): Codec {
  const { encode, accepts, fixedSize } = scalars[name]
  return {
    encode: name === 'inet' && place === 'recomposed' ? encodeInetItem : encode,
    cqlType: name,
    accepts,
    fixedSize,
    isText: name === 'text' || name === 'ascii',
    identity: name === 'decimal' ? decimalIdentity : bytesIdentity,
  }
}
