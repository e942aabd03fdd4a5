import { randomInt } from 'node:crypto'
import { describe, expect, inject, it } from 'vitest'
import { errorCodeFaults } from '../faults/errorCodes.ts'
import type { Stage } from '../faults/fault.ts'
import { oneNodeFaults } from '../faults/oneNode.ts'
import { overloadFaults } from '../faults/overload.ts'
import { proxiedFaults } from '../faults/proxied.ts'
import { randomFrom } from '../random.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('faults_spec')
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 31))
console.log(`FAULTS_SEED=${seed}`)

// `npm run test:faults` has the kills, and notTheRow.spec.ts the faults of roles and guardrails.
const faults = [...errorCodeFaults, ...overloadFaults, ...proxiedFaults, ...oneNodeFaults].map(
  // Each has its own sequence, because they run at the same time.
  (fault, index) => ({ ...fault, random: randomFrom(seed + index) }),
)

/** Concurrent, because most loads wait most of the time. */
describe.concurrent('a load with this fault keeps its promise for the whole table', () => {
  it.for(faults)('$name', async fault => {
    const { localDataCenter } = inject('cassandra')
    const stage: Stage = { client: ks.client, target: ks.target, localDataCenter, random: fault.random }
    const run = await fault.run(stage)
    expect(run.problems).toEqual([])
    expect(run).toMatchObject({ lost: 0, wrong: 0 })
    expect(run.rows).toBeGreaterThan(100)
  })
})
