import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { snapshotOf } from '../../../lib/row/snapshot.ts'
import { type CqlType, scalarNames } from '../../../lib/table/cqlType.ts'
import { decoderFor } from '../../../lib/value/decoder.ts'
import { itUnlessFrozen } from '../../frozen/unlessFrozen.ts'
import { driverShown } from '../../values/driverShown.ts'
import { meaningOfRead } from '../../values/meaning.ts'
import { nestedType } from '../../values/randomTypes.ts'
import { samplesOf } from '../../values/samples.ts'
import type { Sample } from '../../values/scalars.ts'
import { readByDriver } from './driverCodec.ts'
import { encoder, scalar } from './types.ts'

const nested = nestedType.chain(type => fc.tuple(fc.constant(type), samplesOf(type)))

function roundTrip(type: CqlType, { given, meaning }: Sample): void {
  const bytes = encoder(type)(given)
  expect(meaningOfRead(type, readByDriver(type, bytes))).toEqual(meaning)
}

function expectSameRead(type: CqlType, { given }: Sample): void {
  const bytes = encoder(type)(given)
  const read = decoderFor(type, 'driver')(bytes, 0, bytes.length)
  expect(driverShown(read)).toEqual(driverShown(readByDriver(type, bytes)))
}

describe("a value that is read with values: 'driver'", () => {
  it.each(scalarNames)('equals the value that the driver reads, for %s', name => {
    const type = scalar(name)
    fc.assert(
      fc.property(samplesOf(type), sample => expectSameRead(type, sample)),
      { numRuns: 300 },
    )
  })

  // Here and below, the driver assigns the fields of user-defined types.
  itUnlessFrozen('equals the value that the driver reads, for types nested at random', () => {
    fc.assert(
      fc.property(nested, ([type, sample]) => expectSameRead(type, sample)),
      { numRuns: 400 },
    )
  })
})

describe('a value that the driver reads from our bytes', () => {
  it.each(scalarNames)('equals the given value, for %s', name => {
    const type = scalar(name)
    fc.assert(
      fc.property(samplesOf(type), sample => roundTrip(type, sample)),
      { numRuns: 300 },
    )
  })

  itUnlessFrozen('equals the given value, for types nested at random', () => {
    fc.assert(
      fc.property(nested, ([type, sample]) => roundTrip(type, sample)),
      { numRuns: 400 },
    )
  })

  itUnlessFrozen('is the same for a copy of the value that was made before its type was known', () => {
    fc.assert(
      fc.property(nested, ([type, { given, meaning }]) => {
        const { column } = snapshotOf({ column: given }) as { column: unknown }
        roundTrip(type, { given: column, meaning })
      }),
      { numRuns: 400 },
    )
  })
})
