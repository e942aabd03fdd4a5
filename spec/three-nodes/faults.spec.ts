import { describe, expect, it } from 'vitest'
import type { Outcome } from '../faults/strike.ts'
import { paused, replicationAltered, type ThreeNodes } from '../faults/threeNodes.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const three = useThreeNodes()

// The fast faults of `npm run test:faults:three-nodes`. Other specs of this folder kill a node.
describe('no row of a load is lost or wrong', { timeout: TIMEOUT_MS }, () => {
  it.each<[string, (three: ThreeNodes) => Promise<Outcome>]>([
    ['one of three nodes hangs for 5 s', three => paused(three, 5_000)],
    ['the keyspace gets more replicas and then fewer', replicationAltered],
  ])('while %s', async (_, fault) => {
    const { lost, wrong, reported } = await fault(three)
    expect({ lost, wrong, reported }).toEqual({ lost: 0, wrong: 0, reported: 0 })
  })
})
