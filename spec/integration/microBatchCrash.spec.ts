import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { crash } from '../crash/campaign.ts'
import { Programs } from '../crash/program.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('micro_batch_crash_spec')
const checkpoints = useCheckpoints()
let programs: Programs
beforeAll(() => {
  programs = new Programs()
})
afterAll(() => programs[Symbol.dispose]())

const KILLS = 50

describe('a micro-batch sink that is killed', () => {
  it(`leaves the table of a clean run after ${KILLS} kills at random moments`, {
    timeout: 900_000,
  }, async () => {
    const { host, port, localDataCenter } = inject('cassandra')
    const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31))
    const outcome = await crash({
      client: ks.client,
      contactPoint: `${host}:${port}`,
      localDataCenter,
      keyspace: ks.name,
      programs,
      checkpoint_location: checkpoints.location(),
      seed,
      kills: KILLS,
    })
    const { faults, kills, inReplay, sent, allowed, rows, bad } = outcome
    console.log(`CRASH_SEED=${seed}`, JSON.stringify({ ...outcome, faults: faults.length }))
    expect(faults).toEqual([])
    expect(kills).toBe(KILLS)
    expect(inReplay).toBeGreaterThanOrEqual(KILLS / 5)
    expect(bad).toBeGreaterThan(0)
    expect(sent).toBeGreaterThanOrEqual(rows - bad)
    expect(sent).toBeLessThanOrEqual(allowed)
  })
})
