import { Client } from 'cassandra-driver'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Cassandra } from '../../lib/testing/index.ts'
import { expectWholeRing, fillRing, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)
const three = useThreeNodes()

async function expectRing(client: Client, { contactPoints, port }: Cassandra, tokens: number): Promise<void> {
  // A replica that a range is not on has nothing of it.
  await client.execute(
    "CREATE KEYSPACE rings WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
  )
  expect(await tokensOf(client)).toHaveLength(3 * tokens)
  const host = contactPoints.map(point => point.split(':')[0] ?? '')
  const target = { host, port, keyspace: 'rings', table: 'ring' }
  await fillRing(client, target, seed)
  await expectWholeRing(client, target, seed)
}

describe(`a ring of three nodes (seed ${seed})`, { timeout: TIMEOUT_MS }, () => {
  beforeAll(() => three.client.execute('DROP KEYSPACE IF EXISTS rings'), TIMEOUT_MS)

  it('with 16 tokens each is read and counted whole, each row once', () =>
    expectRing(three.client, three.cassandra, 16))

  it.each([1, 256])('with %i tokens each is read and counted whole, each row once', async tokens => {
    await using cassandra = await startRing(3, tokens)
    const { contactPoints, localDataCenter, port } = cassandra
    const client = new Client({
      contactPoints,
      localDataCenter,
      protocolOptions: { port, maxSchemaAgreementWaitSeconds: 60 },
    })
    onTestFinished(() => client.shutdown())
    await expectRing(client, cassandra, tokens)
  })
})
