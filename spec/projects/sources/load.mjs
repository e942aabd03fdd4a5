// A program that is an ES module.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable, OptionError } from 'cassandra-streams'

const sink = createCassandraWritable(JSON.parse(process.env.TARGET))
const rows = [
  {
    id: 1,
    v: Buffer.from([1, 2]),
    at: new Date(1),
    tags: ['a', 'b'],
    counts: new Map([['n', 1n]]),
    numbers: new Set([1]),
  },
  {
    id: 2,
    v: new Uint8Array([3]),
    at: 2,
    tags: [],
    counts: { m: 2n },
    numbers: [2, 3],
    total: '1.000000000000000000001',
  },
]
await pipeline(Readable.from(rows), sink)
try {
  createCassandraWritable({})
} catch (error) {
  console.log(`${sink.stats.rows_written} ${error instanceof OptionError} ${error.name} ${error.code}`)
}
