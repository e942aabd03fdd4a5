import { randomInt } from 'node:crypto'
import { describe, expect, inject, it } from 'vitest'
import { goThroughOutages } from '../outage/campaign.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('outages_spec')

const PATTERNS = 24

describe('loads in random outages', () => {
  it(`end in time and leave no resources open, ${PATTERNS} patterns`, async () => {
    const table = await ks.table('pattern int, id int, PRIMARY KEY (pattern, id)')
    const { host, port } = inject('cassandra')
    const seed = Number(process.env['OUTAGES_SEED'] ?? randomInt(2 ** 31 - PATTERNS))
    console.log(`OUTAGES_SEED=${seed}`)
    const outcome = await goThroughOutages({
      client: ks.client,
      target: { host, port, keyspace: ks.name },
      table,
      patterns: PATTERNS,
      seed,
      lanes: 4,
    })
    console.log(JSON.stringify(outcome.ends), `slowest after ${Math.round(outcome.slowest_ms)} ms`)
    expect(outcome.faults).toEqual([])
    expect(outcome.ends['finished']).toBeGreaterThan(0)
  })
})
