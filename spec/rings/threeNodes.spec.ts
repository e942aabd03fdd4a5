import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Cassandra } from '../../lib/testing/index.ts'
import { createRing, expectWholeRing, fillRing, randomTokens, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'
import { TIMEOUT_MS } from '../three-nodes/cluster.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

/** Fills a table, reads and counts it in all ways, and returns the tokens of the ring. */
async function tokensOfWholeRing(cassandra: Cassandra): Promise<bigint[]> {
  const { contactPoints, localDataCenter, port } = cassandra
  const client = new Client({
    contactPoints,
    localDataCenter,
    protocolOptions: { port, maxSchemaAgreementWaitSeconds: 60 },
  })
  onTestFinished(() => client.shutdown())
  const target = await createRing(client, cassandra)
  await fillRing(client, target, seed)
  await expectWholeRing(client, target, seed)
  return tokensOf(client)
}

const sorted = (tokens: readonly bigint[]) => tokens.toSorted((a, b) => (a < b ? -1 : 1))

describe(`a ring of three nodes (seed ${seed})`, { timeout: TIMEOUT_MS }, () => {
  it.each([1, 3, 256])('with %i tokens each is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(3, tokens)
    expect(await tokensOfWholeRing(cassandra)).toHaveLength(3 * tokens)
  })

  it.each([[[1, 1, 1]], [[1, 4, 11]]])(
    'with %j random tokens is read and counted completely, each row once, also around its end',
    async counts => {
      const tokens = randomTokens(counts, seed)
      await using cassandra = await startRing(3, tokens)
      expect(sorted(await tokensOfWholeRing(cassandra))).toEqual(sorted(tokens.flat()))
    },
  )
})
