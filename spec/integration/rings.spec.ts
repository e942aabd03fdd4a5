import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Cassandra } from '../../lib/testing/index.ts'
import { createRing, expectWholeRing, fillRing, randomTokens, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

/** Fills a table, reads and counts it in all ways, and returns the tokens of the ring. */
async function tokensOfWholeRing(cassandra: Cassandra): Promise<bigint[]> {
  const { contactPoints, localDataCenter } = cassandra
  const client = new Client({ contactPoints, localDataCenter })
  onTestFinished(() => client.shutdown())
  const target = await createRing(client, cassandra)
  await fillRing(client, target, seed)
  await expectWholeRing(client, target, seed)
  return tokensOf(client)
}

const sorted = (tokens: readonly bigint[]) => tokens.toSorted((a, b) => (a < b ? -1 : 1))

// The server of the other specs has 16 tokens. `npm run test:three-nodes` and `npm run test:rings` have rings of three nodes.
describe(`a ring of one node (seed ${seed})`, () => {
  it.each([1, 3, 256])('with %i tokens is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(1, tokens)
    expect(await tokensOfWholeRing(cassandra)).toHaveLength(tokens)
  })

  it.each([1, 5])(
    'with %i random tokens is read and counted completely, each row once, also around its end',
    async count => {
      const tokens = randomTokens([count], seed)
      await using cassandra = await startRing(1, tokens)
      expect(sorted(await tokensOfWholeRing(cassandra))).toEqual(sorted(tokens.flat()))
    },
  )
})
