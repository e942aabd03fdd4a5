import './prototypes.ts'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable, createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'

/**
 * Writes through both sinks in a process with frozen prototypes and the real driver. No column has an inherited name, because
 * the driver assigns column names to a plain object (`columnsByName`), which fails before the sink is involved.
 */
const options: MicroBatchSinkOptions = JSON.parse(process.argv[2] ?? '')
const { checkpoint_location: _, ...plain } = options

const rowsFrom = (first: number) =>
  Array.from({ length: 500 }, (_, i) => ({
    id: first + i,
    tags: ['a', 'b'],
    counts: { constructor: 1, toString: 2 },
    who: { name: `n${i}`, age: i },
  }))

await pipeline(Readable.from(rowsFrom(0)), createCassandraWritable(plain))
await pipeline(Readable.from(rowsFrom(500)), createMicroBatchSink(options))
// Covers the code of failures too.
const error = await pipeline(Readable.from([{ id: 'x' }]), createCassandraWritable(plain)).catch(
  error => error,
)
console.log(`${Object.isFrozen(Object.prototype)} ${error.code}`)
