import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { checksumOf, encodeRecord } from '../../../lib/checkpoint/file/record.ts'
import { sealOf, target } from './epochs.ts'

let folder: string
let location: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-versions-'))
  location = join(folder, 'orders')
})
afterEach(() => rm(folder, { recursive: true }))

/** Writes a file of version 1, which has at most one sealed epoch. */
async function writeVersion1(...events: object[]): Promise<void> {
  const line = Buffer.from('cassandra-streams checkpoint 1\n')
  let checksum = checksumOf(line)
  const parts: Buffer[] = [line]
  for (const event of [{ header: { id: 'a', target, committed: null } }, ...events]) {
    const record = encodeRecord(checksum, event)
    parts.push(record.bytes)
    checksum = record.checksum
  }
  await writeFile(location, Buffer.concat(parts))
}

const firstLine = async () => (await readFile(location, 'utf8')).split('\n')[0]
const commit = (epoch_id: number) => ({ commit: { epoch_id } })

describe('a checkpoint of format version 1', () => {
  it('can be continued, and earlier releases can read it until an epoch begins', async () => {
    await writeVersion1({ seal: sealOf(0) })
    const checkpoint = await openCheckpoint(location, target)
    expect(checkpoint.state).toMatchObject({ sealed: sealOf(0), next: undefined })
    await checkpoint.commit()
    await checkpoint.close()
    expect(await firstLine()).toBe('cassandra-streams checkpoint 1')
    const again = await openCheckpoint(location, target)
    expect(again.state).toMatchObject({ committed: { epoch_id: 0 }, sealed: undefined })
    await again.close()
  })

  it.each([
    ['committed', [{ seal: sealOf(0) }, commit(0)], [sealOf(1), sealOf(2)]],
    ['sealed', [{ seal: sealOf(0) }], [sealOf(1)]],
  ])('whose last epoch is %s becomes version 2 with the next seal', async (_, events, seals) => {
    await writeVersion1(...events)
    const checkpoint = await openCheckpoint(location, target)
    for (const seal of seals) await checkpoint.seal(seal)
    const { state } = checkpoint
    expect(state.next).toEqual(seals.at(-1))
    await checkpoint.close()
    expect(await firstLine()).toBe('cassandra-streams checkpoint 2')
    const again = await openCheckpoint(location, target)
    expect(again.state).toEqual(state)
    await again.close()
  })
})
