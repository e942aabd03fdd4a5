import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Programs } from '../crash/program.ts'
import { takeOver } from '../takeover/campaign.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('takeover_spec')
let programs: Programs
beforeAll(() => {
  programs = new Programs('takeover')
})
afterAll(() => programs[Symbol.dispose]())

const RUNS = 50

describe('a checkpoint in a table that is taken from one owner after the other', () => {
  it(`leaves the table of a clean run after ${RUNS} kills and pauses, lost answers and wrong clocks`, {
    timeout: 1_200_000,
  }, async () => {
    const { host, port } = inject('cassandra')
    const seed = Number(process.env['TAKEOVER_SEED'] ?? randomInt(2 ** 31))
    const target = { host, port }
    const outcome = await takeOver({
      client: ks.client,
      target,
      keyspace: ks.name,
      programs,
      seed,
      runs: RUNS,
    })
    const { faults, ...counts } = outcome
    console.log(`TAKEOVER_SEED=${seed}`, JSON.stringify({ ...counts, faults: faults.length }))
    expect(faults).toEqual([])
    expect(counts.kills + counts.zombies).toBe(RUNS)
    for (const met of ['kills', 'zombies', 'inChange', 'wrongClocks', 'lostAnswers', 'lateRows'] as const)
      expect(counts[met], met).toBeGreaterThan(0)
  })
})
