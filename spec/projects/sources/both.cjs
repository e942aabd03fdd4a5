// A project in which one part requires the package and another imports it. Both write the same rows. With one clock
// the later write wins, whichever part it comes from.
const required = require('cassandra-streams')

const ROWS = 500
const EARLIER = 5000

async function main() {
  const imported = await import('cassandra-streams')
  const target = JSON.parse(process.env.TARGET)
  const [earlier, later] = [required, imported].map(part => part.createCassandraWritable(target))
  // Each of these takes more write time than it takes to write, so a clock of its own would now be ahead of the other.
  for (let i = 0; i < EARLIER; i++) earlier.write({ id: i % ROWS, at: 1 })
  for (let id = 0; id < ROWS; id++) later.write({ id, at: 0 })
  for (const sink of [earlier, later]) {
    await sink.flush()
    sink.destroy()
  }
  const isOne = Object.keys(required).every(name => required[name] === imported[name])
  try {
    required.createCassandraWritable({})
  } catch (error) {
    const { name, code } = error
    console.log(later.stats.rows_written, isOne && error instanceof imported.OptionError, name, code)
  }
}
main()
