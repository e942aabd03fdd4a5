import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectWholeRing, fillRing, tokensOf } from '../ring.ts'
import { startRing } from '../startRing.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

// The server of the other specs has 16, and `npm run test:three-nodes` has rings of three nodes.
describe(`a ring of one node (seed ${seed})`, () => {
  it.each([1, 256])('with %i tokens is read and counted whole, each row once', async tokens => {
    await using cassandra = await startRing(1, tokens)
    const { contactPoints, localDataCenter, port } = cassandra
    const client = new Client({ contactPoints, localDataCenter })
    onTestFinished(() => client.shutdown())
    await client.execute(
      "CREATE KEYSPACE rings WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    )
    expect(await tokensOf(client)).toHaveLength(tokens)
    const target = { host: '127.0.0.1', port, keyspace: 'rings', table: 'ring' }
    await fillRing(client, target, seed)
    await expectWholeRing(client, target, seed)
  })
})
