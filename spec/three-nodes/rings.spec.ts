import { beforeAll, describe, expect, it } from 'vitest'
import { createRing, expectWholeRing, fillRing, tokensOf } from '../ring.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)
const three = useThreeNodes()

/** `npm run test:rings` does the same with 1, 3 and 256 tokens. */
describe(`a ring of three nodes (seed ${seed})`, { timeout: TIMEOUT_MS }, () => {
  beforeAll(() => three.client.execute('DROP KEYSPACE IF EXISTS rings'), TIMEOUT_MS)

  it('with 16 tokens each is read and counted completely, each row once', async () => {
    const { client, cassandra } = three
    const target = await createRing(client, cassandra)
    expect(await tokensOf(client)).toHaveLength(3 * 16)
    await fillRing(client, target, seed)
    await expectWholeRing(client, target, seed)
  })
})
