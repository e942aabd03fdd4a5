// A project that loads the package with `require` and with `import`. Both must get the same objects with the same state.
const required = require('cassandra-streams')

const ROWS = 500

async function main() {
  const imported = await import('cassandra-streams')
  const target = JSON.parse(process.env.TARGET)
  const [earlier, later] = [required, imported].map(part => part.createCassandraWritable(target))
  for (let id = 0; id < ROWS; id++) earlier.write({ id, at: 1 })
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
