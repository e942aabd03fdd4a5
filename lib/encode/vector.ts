import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import type { Codec } from './codec.ts'
import { field, isDriver } from './driverValue.ts'
import { encodePresentPart, partRefused } from './element.ts'
import { GrowingBytes } from './growingBytes.ts'
import { vectorIdentity } from './identity.ts'
import { refuseHole } from './items.ts'
import { Refusal, wrongKind } from './refusal.ts'

type Vector = Extract<CqlType, { kind: 'vector' }>

export function vectorCodec(type: Vector, element: Codec): Codec {
  const { dimension } = type
  const encodeItem = isScalar(type.element, 'float', 'double') ? encodeFinite : encodePresentPart
  const fill = isScalar(type.element, 'float') ? encodeFloats : encodeItems

  function encode(value: unknown): Buffer {
    const items = vectorItems(value)
    if (items.length !== dimension) {
      throw new Refusal(value, `has ${items.length} items, and the vector ${dimension}`)
    }
    return fill(items)
  }

  function encodeItems(items: ArrayLike<unknown>): Buffer {
    const bytes = new GrowingBytes(items, dimension * (element.fixedSize ?? 16))
    for (let i = 0; i < dimension; i++) {
      const encoded = itemAt(items, i)
      // Cassandra packs values of one size without lengths, all others with.
      if (element.fixedSize === undefined) bytes.vint(encoded.length)
      bytes.add(encoded)
    }
    return bytes.toBuffer()
  }

  /** Embeddings are long vectors of floats: they are written in place. */
  function encodeFloats(items: ArrayLike<unknown>): Buffer {
    const bytes = Buffer.allocUnsafe(4 * dimension)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let i = 0; i < dimension; i++) {
      const item = items[i]
      const float = typeof item === 'number' ? Math.fround(item) : 0
      if (float !== 0 && Number.isFinite(float)) view.setFloat32(4 * i, float)
      else bytes.set(encodeItem(element, item, i), 4 * i)
    }
    return bytes
  }

  function itemAt(items: ArrayLike<unknown>, i: number): Buffer {
    const item = items[i]
    if (item === undefined) refuseHole(items, i)
    return encodeItem(element, item, i)
  }

  return {
    encode,
    cqlType: cqlTypeName(type),
    accepts: `an Array, typed array or Vector of exactly ${dimension} ${element.cqlType}`,
    fixedSize: element.fixedSize === undefined ? undefined : element.fixedSize * dimension,
    isText: false,
    identity: vectorIdentity(element.identity, element.fixedSize),
  }
}

function vectorItems(value: unknown): ArrayLike<unknown> {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) throw wrongKind(value)
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as unknown as ArrayLike<unknown>
  const items = !ArrayBuffer.isView(value) && isDriver(value, 'Vector') ? field(value, 'elements') : undefined
  if (!Array.isArray(items)) throw wrongKind(value)
  return items
}

/** NaN and infinity have no distance to anything, and similarity search refuses them. */
function encodeFinite(codec: Codec, item: unknown, at: number): Buffer {
  const bytes = encodePresentPart(codec, item, at)
  const number = codec.fixedSize === 4 ? bytes.readFloatBE(0) : bytes.readDoubleBE(0)
  if (!Number.isFinite(number)) {
    throw partRefused(codec, item, at, new Refusal(item, 'is not finite, as items of a vector must be'))
  }
  return bytes
}

function isScalar(type: CqlType, ...names: string[]): boolean {
  return type.kind === 'scalar' && names.includes(type.name)
}
