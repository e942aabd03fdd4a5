import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { killCopies } from '../copy/campaign.ts'
import { createTables, rowsOf } from '../copy/tables.ts'
import { Programs } from '../crash/program.ts'
import { integerBelow } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('copy_killed_spec')
const checkpoints = useCheckpoints()
let programs: Programs

beforeAll(async () => {
  programs = new Programs('copy')
  await createTables(ks.client, ks.name, ['source', 'by_sink', 'by_source'])
  await pipeline(Readable.from(rowsOf(4000)), createCassandraWritable({ ...ks.target, table: 'source' }))
}, 120_000)
afterAll(() => programs[Symbol.dispose]())

describe('a copy that is killed again and again', () => {
  it.each(['sink', 'source'] as const)(
    'equals the source in the end, and continues where it was killed, if the %s keeps the position',
    {
      timeout: 300_000,
    },
    async keeper => {
      const { client, target, name: keyspace } = ks
      const outcome = await killCopies({
        ...target,
        client,
        keyspace,
        programs,
        seed: integerBelow(2 ** 31, Math.random),
        kills: 4,
        from: 'source',
        to: `by_${keeper}`,
        checkpoint_location: checkpoints.location(),
        keeper,
        tell: line => console.log(line),
      })
      expect(outcome).toMatchObject({ killed: 4, differences: [] })
      expect(outcome.resumed_rows).toBeGreaterThan(0)
    },
  )
})
