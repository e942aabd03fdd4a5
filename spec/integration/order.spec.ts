import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Stage } from '../order/stage.ts'

const HISTORIES = 100

/** Many, because a history waits most of the time, for answers and for the next attempt. */
const LANES = 24

describe('the order of rows', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open(inject('cassandra'))
  })
  afterAll(() => stage?.close())

  it(`equals that of a model after ${HISTORIES} random histories with faults`, {
    timeout: 600_000,
  }, async () => {
    const seed = randomInt(1_000_000_000)
    console.log(`Histories from seed ${seed}`)
    const outcomes = await stage.run(seed, HISTORIES, LANES, () => {})
    const different = outcomes.filter(({ differences }) => differences.length > 0)
    // Repeat one with: npm run test:order -- --histories 1 --seed …
    expect(different).toEqual([])
    expect(outcomes.length).toBe(HISTORIES)
    // Usually one in several hundred.
    expect(outcomes.filter(({ ending }) => ending !== 'finished').length).toBeLessThan(HISTORIES / 10)
    expect(outcomes.some(({ faults }) => faults > 0)).toBe(true)
  })
})
