// A project in which one part requires the package and another imports it. Both write the same rows, in turns. With one
// clock the later write wins, whichever part it comes from.
const required = require('cassandra-streams')

const ROWS = 500

async function main() {
  const imported = await import('cassandra-streams')
  const target = JSON.parse(process.env.TARGET)
  const [earlier, later] = [required, imported].map(part => part.createCassandraWritable(target))
  for (let id = 0; id < ROWS; id++) {
    // Of writes with equal timestamps the larger value wins, which is the earlier one here.
    earlier.write({ id, at: 1 })
    later.write({ id, at: 0 })
    if (later.writableNeedDrain) await Promise.all([earlier.flush(), later.flush()])
  }
  for (const sink of [earlier, later]) {
    await sink.flush()
    sink.destroy()
  }
  try {
    required.createCassandraWritable({})
  } catch (error) {
    console.log(
      `${later.stats.rows_written} ${error instanceof imported.OptionError} ${error.name} ${error.code}`,
    )
  }
}
main()
