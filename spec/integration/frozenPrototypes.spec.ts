import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const keyspace = useKeyspace('frozen')
const checkpoints = useCheckpoints()

it('writes and fails in the same way in a process with frozen prototypes', async () => {
  await keyspace.client.execute(`CREATE TYPE ${keyspace.name}.person (name text, age int)`)
  const table = await keyspace.table(
    'id int PRIMARY KEY, tags list<text>, counts map<text, int>, who frozen<person>',
  )
  const options = { ...keyspace.target, table, checkpoint_location: checkpoints.location() }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    ...['--import', 'tsx', 'spec/frozen/child.ts'],
    JSON.stringify(options),
  ])
  expect({ stdout, stderr }).toEqual({ stdout: 'true ERR_CASSANDRA_VALUE\n', stderr: '' })
  const rows = await keyspace.select(`SELECT counts, tags FROM ${keyspace.name}.${table}`)
  expect(rows.length).toBe(1000)
  const same = { counts: { constructor: 1, toString: 2 }, tags: ['a', 'b'] }
  expect(rows).toEqual(rows.map(() => same))
})
