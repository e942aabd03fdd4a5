import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Programs } from '../crash/program.ts'
import { useKeyspace } from '../integration/keyspace.ts'
import { consume, type Store } from './campaign.ts'
import type { ClientKind } from './child.ts'

const ks = useKeyspace('kafka_campaign_spec')
let programs: Programs
beforeAll(() => {
  programs = new Programs('kafka')
})
afterAll(() => programs[Symbol.dispose]())

describe('a group whose members are killed, paused, added and removed', () => {
  it.each<[ClientKind, Store]>([
    ['classic', 'folder'],
    ['consumer', 'table'],
  ])('leaves the table of a clean run with the %s protocol and checkpoints in a %s', async (kind, store) => {
    const { host, port, localDataCenter } = inject('cassandra')
    const seed = Number(process.env['KAFKA_SEED'] ?? randomInt(2 ** 31))
    const outcome = await consume({
      client: ks.client,
      contactPoint: `${host}:${port}`,
      localDataCenter,
      keyspace: ks.name,
      brokers: inject('brokers'),
      command: task => programs.command(task),
      kind,
      store,
      seed,
      messages: 12_000,
      partitions: 12,
      members: 3,
      events: 4,
    })
    console.log(`KAFKA_SEED=${seed}`, JSON.stringify(outcome))
    expect(outcome.faults).toEqual([])
    expect(outcome.kills + outcome.pauses + outcome.leaves).toBe(4)
    expect(outcome.rows).toBeGreaterThan(100)
  })
})
