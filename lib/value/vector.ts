import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import type { Bytes } from './bytes.ts'
import type { CompiledType } from './compiledType.ts'
import { field, isDriver } from './driverValue.ts'
import { vectorIdentity } from './identity.ts'
import { refuseHole } from './objects.ts'
import { encodePresentPart } from './part.ts'
import { vectorOrder } from './partsOrder.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { vintSize, writeVint } from './vint.ts'

type Vector = Extract<CqlType, { kind: 'vector' }>

const scratch = new DataView(new ArrayBuffer(4))

export function compileVector(type: Vector, element: CompiledType): CompiledType {
  const { dimension } = type
  const fill = isScalar(type.element, 'float') ? encodeFloats : encodeItems

  function encode(value: unknown, out: Bytes): void {
    const items = vectorItems(value)
    if (items.length !== dimension) {
      throw new Refusal(value, `has ${items.length} items, and the vector ${dimension}`)
    }
    fill(items, out)
  }

  function encodeItems(items: ArrayLike<unknown>, out: Bytes): void {
    for (let i = 0; i < dimension; i++) {
      const from = out.length
      const item = items[i]
      if (item === undefined) refuseHole(items, i)
      encodePresentPart(element, item, i, out)
      // Cassandra packs values of a fixed size without lengths, all others with.
      if (element.fixedSize === undefined) insertSize(out, from)
    }
  }

  /** A fast path for embeddings, which are long vectors of floats. */
  function encodeFloats(items: ArrayLike<unknown>, out: Bytes): void {
    for (let i = 0; i < dimension; i++) {
      const item = items[i]
      const float = typeof item === 'number' ? Math.fround(item) : 0
      if (float !== 0 && Number.isFinite(float)) {
        scratch.setFloat32(0, float)
        out.int32(scratch.getInt32(0))
      } else encodePresentPart(element, item, i, out)
    }
  }

  return {
    encode,
    cqlType: cqlTypeName(type),
    accepts: `an Array, typed array or Vector of exactly ${dimension} ${element.cqlType}`,
    fixedSize: element.fixedSize === undefined ? undefined : element.fixedSize * dimension,
    isText: false,
    identity: vectorIdentity(element.identity, element.fixedSize),
    order: vectorOrder(element.order, element.fixedSize),
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

/** Writes the size of the bytes from `from` on before them. */
function insertSize(out: Bytes, from: number): void {
  const size = BigInt(out.length - from)
  const length = vintSize(size)
  out.shift(from, length)
  writeVint(out.view(from), 0, size)
}

function isScalar(type: CqlType, name: string): boolean {
  return type.kind === 'scalar' && type.name === name
}
