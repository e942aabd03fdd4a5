// A test for Jest without any configuration.
const { startCassandra, CassandraStartError } = require('cassandra-streams/testing')
const { load } = require('./load.cjs')

test('loads rows into a Cassandra', async () => {
  // Uses the running server in CASSANDRA_CONTACT_POINTS.
  const cassandra = await startCassandra()
  expect(cassandra.source).toBe('environment')
  await expect(load(JSON.parse(process.env.TARGET))).resolves.toBe('2 true OptionError ERR_CASSANDRA_OPTION')
  await cassandra.stop()
}, 60_000)

test('throws errors of the class that a test can name', async () => {
  await expect(startCassandra({ nodes: 9 })).rejects.toBeInstanceOf(RangeError)
  expect(new CassandraStartError('')).toBeInstanceOf(Error)
})
