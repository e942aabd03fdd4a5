import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encoderFor } from '../../../lib/encode/encoder.ts'
import { type CqlType, scalarNames } from '../../../lib/table/cqlType.ts'
import { readByDriver } from './driverCodec.ts'
import { nestedType, type Sample, samplesOf } from './samples.ts'
import { scalar } from './types.ts'

/** What the driver read, in the terms of a sample's meaning. */
function meaningOf(type: CqlType, read: unknown): unknown {
  if (read === null) return null
  switch (type.kind) {
    case 'scalar':
      return scalarMeaning(read)
    case 'list':
    case 'set':
      return (read as unknown[]).map(item => meaningOf(type.element, item))
    case 'map':
      return [...(read as Map<unknown, unknown>)].map(([key, item]) => [
        meaningOf(type.key, key),
        meaningOf(type.value, item),
      ])
    case 'tuple':
      return type.elements.map((element, i) => meaningOf(element, (read as types.Tuple).get(i)))
    case 'vector':
      return (read as types.Vector).elements.map((item: unknown) => meaningOf(type.element, item))
    case 'udt':
      return type.fields.map(field => meaningOf(field.type, (read as Record<string, unknown>)[field.name]))
  }
}

function scalarMeaning(read: unknown): unknown {
  if (typeof read === 'number') return Object.is(read, -0) ? '-0' : String(read)
  if (read instanceof Date) return read.getTime()
  if (read instanceof types.BigDecimal) {
    const { _intVal, _scale } = read as unknown as { _intVal: types.Integer; _scale: number }
    return `${_intVal}e${-_scale}`
  }
  if (read instanceof types.Duration) {
    const { months, days, nanoseconds } = read as unknown as {
      months: number
      days: number
      nanoseconds: types.Long
    }
    return `${months} ${days} ${nanoseconds}`
  }
  if (read instanceof types.LocalDate) return read.toBuffer().readUInt32BE(0) - 2 ** 31
  if (read instanceof types.LocalTime) return read.getTotalNanoseconds().toString()
  if (read instanceof types.Uuid) return read.toString().replaceAll('-', '')
  if (Buffer.isBuffer(read)) return read.toString('hex')
  return typeof read === 'object' ? String(read) : read
}

function roundTrip(type: CqlType, { given, meaning }: Sample): void {
  const bytes = encoderFor(type)(given)
  expect(meaningOf(type, readByDriver(type, bytes))).toEqual(meaning)
}

describe('what the driver reads from our bytes', () => {
  it.each(scalarNames)('is the value that was given, for %s', name => {
    const type = scalar(name)
    fc.assert(
      fc.property(samplesOf(type), sample => roundTrip(type, sample)),
      { numRuns: 300 },
    )
  })

  it('is the value that was given, for types nested at random', () => {
    const typed = nestedType.chain(type => fc.tuple(fc.constant(type), samplesOf(type)))
    fc.assert(
      fc.property(typed, ([type, sample]) => {
        roundTrip(type, sample)
      }),
      { numRuns: 1000 },
    )
  })
})
