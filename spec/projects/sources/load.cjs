// A CommonJS program, which is also the entry point for bundlers.
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { createCassandraWritable, OptionError } = require('cassandra-streams')

/** Checks what another realm or a bundle could break: `instanceof`, and names that a minifier changes. */
function refusal() {
  try {
    createCassandraWritable({})
  } catch (error) {
    return [error instanceof OptionError, error.name, error.code].join(' ')
  }
}

const rows = () => [
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

exports.rows = rows

exports.load = async target => {
  const sink = createCassandraWritable(target)
  await pipeline(Readable.from(rows()), sink)
  return `${sink.stats.rows_written} ${refusal()}`
}

if (require.main === module || process.env.BUNDLED) {
  exports.load(JSON.parse(process.env.TARGET)).then(console.log)
}
