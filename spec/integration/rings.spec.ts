import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRing, expectWholeRing, fillRing, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

// The server of the other specs has 16 tokens. `npm run test:three-nodes` and `npm run test:rings` have rings of three nodes.
describe(`a ring of one node (seed ${seed})`, () => {
  it.each([1, 3, 256])('with %i tokens is read and counted completely, each row once', async tokens => {
    await using cassandra = await startRing(1, tokens)
    const { contactPoints, localDataCenter } = cassandra
    const client = new Client({ contactPoints, localDataCenter })
    onTestFinished(() => client.shutdown())
    const target = await createRing(client, cassandra)
    expect(await tokensOf(client)).toHaveLength(tokens)
    await fillRing(client, target, seed)
    await expectWholeRing(client, target, seed)
  })
})
