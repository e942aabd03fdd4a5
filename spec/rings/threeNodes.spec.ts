import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRing, expectWholeRing, fillRing, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'
import { TIMEOUT_MS } from '../three-nodes/cluster.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

describe(`a ring of three nodes (seed ${seed})`, { timeout: TIMEOUT_MS }, () => {
  it.each([1, 3, 256])('with %i tokens each is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(3, tokens)
    const { contactPoints, localDataCenter, port } = cassandra
    const client = new Client({
      contactPoints,
      localDataCenter,
      protocolOptions: { port, maxSchemaAgreementWaitSeconds: 60 },
    })
    onTestFinished(() => client.shutdown())
    const target = await createRing(client, cassandra)
    expect(await tokensOf(client)).toHaveLength(3 * tokens)
    await fillRing(client, target, seed)
    await expectWholeRing(client, target, seed)
  })
})
