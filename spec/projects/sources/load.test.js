// A test for Jest without any configuration.
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { createMicroBatchSink } = require('cassandra-streams')
const { startCassandra, CassandraStartError } = require('cassandra-streams/testing')
const { load, rows } = require('./load.cjs')

test('loads rows into a Cassandra', async () => {
  // Uses the running server in CASSANDRA_CONTACT_POINTS.
  const cassandra = await startCassandra()
  expect(cassandra.source).toBe('environment')
  await expect(load(JSON.parse(process.env.TARGET))).resolves.toBe('2 true OptionError ERR_CASSANDRA_OPTION')
  await cassandra.stop()
}, 60_000)

test('writes epochs, and knows the position of the last commit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'jest-'))
  const open = () =>
    createMicroBatchSink({
      ...JSON.parse(process.env.TARGET),
      checkpoint_location: folder,
      position: row => ({ line: row.id }),
    })
  await pipeline(Readable.from(rows()), open())
  const again = open()
  const { position } = await again.open()
  expect(position).toStrictEqual({ line: 2 })
  await pipeline(Readable.from([]), again)
  rmSync(folder, { recursive: true })
}, 60_000)

test('throws errors of the class that a test can name', async () => {
  await expect(startCassandra({ nodes: 9 })).rejects.toBeInstanceOf(RangeError)
  expect(new CassandraStartError('')).toBeInstanceOf(Error)
})
