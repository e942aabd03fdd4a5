import { describe, expect, it } from 'vitest'
import { inOrder, randomTokens, tokensOfWholeRing } from '../ring.ts'
import { startRing } from '../startRing.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

// The server of the other specs has 16 tokens. `npm run test:three-nodes` and `npm run test:rings` have rings of three nodes.
describe(`a ring of one node (seed ${seed})`, () => {
  it.each([1, 3, 256])('with %i tokens is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(1, tokens)
    expect(await tokensOfWholeRing(cassandra, seed)).toHaveLength(tokens)
  })

  it.each([1, 5])(
    'with %i random tokens is read and counted completely, each row once, also around its end',
    async count => {
      const tokens = randomTokens([count], seed)
      await using cassandra = await startRing(1, tokens)
      expect(await tokensOfWholeRing(cassandra, seed)).toEqual(inOrder(tokens.flat()))
    },
  )
})
