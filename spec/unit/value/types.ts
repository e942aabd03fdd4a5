import { type CqlType, parseCqlType, type ScalarName, type UdtField } from '../../../lib/table/cqlType.ts'
import { Bytes } from '../../../lib/value/bytes.ts'
import { type Encoder, encoderFor } from '../../../lib/value/encoder.ts'
import { Refusal } from '../../../lib/value/refusal.ts'

const noUdts = () => undefined

/** Parses a CQL type without user-defined types. */
export function cqlType(text: string): CqlType {
  return parseCqlType(text, noUdts)
}

export function scalar(name: ScalarName): CqlType {
  return { kind: 'scalar', name }
}

export function udt(name: string, fields: readonly UdtField[]): CqlType {
  return { kind: 'udt', name, fields, frozen: true }
}

function typeOf(type: string | CqlType): CqlType {
  return typeof type === 'string' ? cqlType(type) : type
}

/** Encodes values one after the other into shared slabs, like the values of rows. */
export function encoder(type: string | CqlType): (value: unknown) => Buffer {
  return encoderInto(encoderFor(typeOf(type)))
}

/** Encodes values as the server stores them: it sorts a set or map that is the whole column. */
export function storedEncoder(type: CqlType): (value: unknown) => Buffer {
  return encoderInto(encoderFor(type, true))
}

function encoderInto(encode: Encoder): (value: unknown) => Buffer {
  const out = new Bytes(16 * 1024 * 1024)
  return value => {
    out.begin()
    encode(value, out)
    const { slab, start, end } = out.close()
    return slab.subarray(start, end)
  }
}

/** The bytes of a value as hexadecimal digits. */
export function hex(type: string | CqlType, value: unknown): string {
  return encoder(type)(value).toString('hex')
}

/** The refusal of a value. Fails the spec if the value is accepted. */
export function refusal(type: string | CqlType, value: unknown): Refusal {
  let bytes: Buffer
  try {
    bytes = encoder(type)(value)
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown
    throw thrown
  }
  throw new Error(`accepted as ${bytes.toString('hex').slice(0, 80)}`)
}

/** Why a value is refused. */
export function reason(type: string | CqlType, value: unknown): string {
  return refusal(type, value).reason
}
