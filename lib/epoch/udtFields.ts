import type { CqlType } from '../table/cqlType.ts'
import { hasUdt } from '../table/udt.ts'
import { readVint, vintSizeAt } from '../value/vint.ts'

const NULL_FIELD = Buffer.from([0xff, 0xff, 0xff, 0xff])

/**
 * Removes null fields at the end of user-defined types, at any depth. The result is the same before and after such a type gets
 * new fields. It serves to compare values, and is not to be stored.
 */
export function withoutNewFields(value: Buffer, type: CqlType): Buffer {
  if (!hasUdt(type)) return value
  switch (type.kind) {
    case 'list':
    case 'set':
      return rebuilt(value, 4, () => type.element)
    case 'map':
      return rebuilt(value, 4, i => (i % 2 === 0 ? type.key : type.value))
    case 'tuple':
      return rebuilt(value, 0, i => type.elements[i])
    case 'udt':
      return withoutNulls(rebuilt(value, 0, i => type.fields[i]?.type))
    case 'vector': {
      const parts: Buffer[] = []
      // Elements with a user-defined type have no fixed size, so each follows its length.
      for (let at = 0; at < value.length; ) {
        const from = at + vintSizeAt(value, at)
        at = from + readVint(value, at)
        parts.push(sized(withoutNewFields(value.subarray(from, at), type.element)))
      }
      return Buffer.concat(parts)
    }
    default:
      return value
  }
}

/** Rebuilds a value of `head` bytes and parts. Each part follows its length, which is negative for null. */
function rebuilt(value: Buffer, head: number, typeOf: (place: number) => CqlType | undefined): Buffer {
  const parts = [value.subarray(0, head)]
  for (let at = head, place = 0; at < value.length; place++) {
    const from = at + 4
    const length = value.readInt32BE(at)
    at = from + Math.max(0, length)
    const type = typeOf(place)
    const part = value.subarray(from, at)
    parts.push(length < 0 ? NULL_FIELD : sized(type === undefined ? part : withoutNewFields(part, type)))
  }
  return Buffer.concat(parts)
}

function withoutNulls(fields: Buffer): Buffer {
  let from = 0
  for (let at = 0; at < fields.length; ) {
    const length = fields.readInt32BE(at)
    at += 4 + Math.max(0, length)
    if (length >= 0) from = at
  }
  return fields.subarray(0, from)
}

function sized(value: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(value.length)
  return Buffer.concat([length, value])
}
