import { describe, expect, it } from 'vitest'
import { inOrder, randomTokens, tokensOfWholeRing } from '../ring.ts'
import { startRing } from '../startRing.ts'
import { TIMEOUT_MS } from '../three-nodes/cluster.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

describe(`a ring of three nodes (seed ${seed})`, { timeout: TIMEOUT_MS }, () => {
  it.each([1, 3, 256])('with %i tokens each is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(3, tokens)
    expect(await tokensOfWholeRing(cassandra, seed)).toHaveLength(3 * tokens)
  })

  it.each([[[1, 1, 1]], [[1, 4, 11]]])(
    'with %j random tokens is read and counted completely, each row once, also around its end',
    async counts => {
      const tokens = randomTokens(counts, seed)
      await using cassandra = await startRing(3, tokens)
      expect(await tokensOfWholeRing(cassandra, seed)).toEqual(inOrder(tokens.flat()))
    },
  )
})
