import { execFileSync } from 'node:child_process'
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, stateAfter } from '../../../lib/checkpoint/epoch.ts'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { Disk } from '../../fake/disk.ts'
import { itUnlessFrozen } from '../../frozen/unlessFrozen.ts'
import { sealOf, target } from './epochs.ts'
import { location as onDisk, openOn } from './story.ts'

let folder: string
let location: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  location = join(folder, 'orders')
})
afterEach(() => rm(folder, { recursive: true }))

describe('a checkpoint on a real file system', () => {
  it('is created with the first seal, readable only by its owner, and leaves no other files', async () => {
    const checkpoint = await openCheckpoint(location, target)
    expect(await readdir(folder)).toEqual(['orders.lock.1'])
    await checkpoint.seal(sealOf(0))
    expect(await readdir(folder)).toEqual(['orders', 'orders.lock.1'])
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    await checkpoint.commit()
    await checkpoint.close()
    await checkpoint.close()
    expect(await readdir(folder)).toEqual(['orders'])
    await expect(checkpoint.seal(sealOf(1))).rejects.toThrow(`Checkpoint ${location} is closed`)
    const again = await openCheckpoint(location, target)
    expect(again.state).toEqual(checkpoint.state)
    await again.close()
  })

  it('runs concurrent calls in their order', async () => {
    const checkpoint = await openCheckpoint(location, target)
    const calls = [0, 1, 2].flatMap(id => [checkpoint.seal(sealOf(id)), checkpoint.commit()])
    await Promise.all([...calls, checkpoint.close()])
    const again = await openCheckpoint(location, target)
    expect(again.state.committed?.epoch_id).toBe(2)
    await again.close()
  })

  it('remains usable after it refused a seal', async () => {
    const checkpoint = await openCheckpoint(location, target)
    await expect(checkpoint.commit()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    await expect(checkpoint.seal(sealOf(1))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    await checkpoint.seal(sealOf(0))
    await expect(checkpoint.reseal(sealOf(0))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    await checkpoint.commit()
    await checkpoint.close()
  })

  it('is the file `checkpoint` in a folder', async () => {
    const checkpoint = await openCheckpoint(folder, target)
    await checkpoint.seal(sealOf(0))
    await expect(openCheckpoint(join(folder, 'checkpoint'), target)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED',
      location: join(folder, 'checkpoint'),
    })
    await checkpoint.close()
    expect(await readdir(folder)).toEqual(['checkpoint'])
    const again = await openCheckpoint(folder, target)
    expect(again.state.sealed?.epoch_id).toBe(0)
    await again.close()
  })

  it('cannot be a pipe, a file that is far too large, or in a folder that does not exist', async () => {
    const refused = (at: string) => expect(openCheckpoint(at, target)).rejects
    await refused(join(folder, 'none', 'orders')).toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      cause: { code: 'ENOENT' },
      message: expect.stringContaining('. Its folder does not exist: create it'),
    })
    execFileSync('mkfifo', [location])
    await refused(location).toThrow('it is not a file')
    await rm(location)
    await writeFile(location, '')
    await refused(location).toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT', offset: 0, location })
    await truncate(location, 2 ** 40)
    await refused(location).toThrow('it has 1099511627776 bytes, more than a checkpoint ever has')
    expect(await readdir(folder)).toEqual(['orders'])
  })

  it('leaves other checkpoints whose names begin in the same way', async () => {
    const id = '00000000-0000-4000-8000-000000000000'
    const others = ['', '.2', `.${id}.2`].map(end => `${location}.checkpoint.new${end}`)
    for (const other of others) {
      const checkpoint = await openCheckpoint(other, target)
      await checkpoint.seal(sealOf(0))
      await checkpoint.close()
    }
    await writeFile(`${location}.checkpoint.new.${id}`, 'a draft')
    const checkpoint = await openCheckpoint(location, target)
    await checkpoint.close()
    const left = await readdir(folder)
    expect(left.map(name => join(folder, name)).sort()).toEqual(others.sort())
  })

  it('has one lock, whatever links lead to it', async () => {
    await mkdir(join(folder, 'real'))
    await symlink('real', join(folder, 'alias'))
    await symlink(join('real', 'orders'), location)
    const first = await openCheckpoint(join(folder, 'alias', 'orders'), target)
    await first.seal(sealOf(0))
    const locked = { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' }
    await expect(openCheckpoint(location, target)).rejects.toMatchObject(locked)
    await first.close()
    const second = await openCheckpoint(location, target)
    await second.commit()
    await second.close()
    expect(await readdir(join(folder, 'real'))).toEqual(['orders'])
    expect(await readFile(location, 'utf8')).toContain('{"commit":{"epoch_id":0}}')
  })

  it('is created at the target of an existing link, and has one lock', async () => {
    await mkdir(join(folder, 'real'))
    await symlink(join('real', 'second'), location)
    await symlink('orders', join(folder, 'real', 'second'))
    const first = await openCheckpoint(location, target)
    const locked = { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' }
    await expect(openCheckpoint(join(folder, 'real', 'orders'), target)).rejects.toMatchObject(locked)
    await first.seal(sealOf(0))
    await first.close()
    expect((await readdir(join(folder, 'real'))).sort()).toEqual(['orders', 'second'])
    expect((await lstat(location)).isSymbolicLink()).toBe(true)
  })

  it('at a path with a slash at the end is in that folder, or refused', async () => {
    await expect(openCheckpoint(`${location}/`, target)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      message: expect.stringContaining('this folder does not exist: create it'),
    })
    await mkdir(location)
    const checkpoint = await openCheckpoint(`${location}/`, target)
    await checkpoint.seal(sealOf(0))
    await checkpoint.close()
    expect(await readdir(location)).toEqual(['checkpoint'])
  })

  it('at a link to itself is refused', async () => {
    await symlink('orders', location)
    await expect(openCheckpoint(location, target)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      cause: { code: 'ELOOP' },
    })
  })
})

describe('a checkpoint', () => {
  it('that may not be read is refused and not changed', async () => {
    const disk = Disk.empty()
    await (await openOn(disk, 1)).seal(sealOf(0))
    const next = disk.afterKill()
    const before = next.get(onDisk)
    next.fault = call => (call === `open ${onDisk}` ? { when: 'before', code: 'EACCES' } : undefined)
    await expect(openOn(next, 2)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      cause: { code: 'EACCES' },
      location: onDisk,
    })
    expect(next.get(onDisk)).toEqual(before)
    expect(next.names).toEqual([onDisk])
  })

  it('stays small and has the right state after any number of epochs', async () => {
    const longFile = 4000
    const disk = Disk.empty()
    const checkpoint = await openOn(disk, 1, longFile)
    for (let id = 0; id < 500; id++) {
      await checkpoint.seal(sealOf(id))
      if (id % 7 === 0) {
        const { last_timestamp = '' } = checkpoint.state.sealed ?? {}
        const timestamp = String(Number(last_timestamp) + 1)
        await checkpoint.reseal({ timestamp, last_timestamp: timestamp })
      }
      await checkpoint.commit()
      expect(disk.get(onDisk)?.length).toBeLessThan(longFile + 200)
    }
    expect(checkpoint.state.committed).toMatchObject({ epoch_id: 499, rows_total: 1500 })
    expect((await openOn(disk.afterKill(), 2)).state).toEqual(checkpoint.state)
  })

  // fast-check builds objects by assignment.
  itUnlessFrozen('returns any position that JSON can keep, as it was at the seal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), async text => {
        const position: Json = JSON.parse(text)
        const disk = Disk.empty()
        const given = { kept: [position] }
        const checkpoint = await openOn(disk, 1)
        await checkpoint.seal(sealOf(0, { position: given }))
        given.kept.push('later')
        await checkpoint.commit()
        const { state } = await openOn(disk.afterKill(), 2)
        expect(state.committed?.position).toEqual({ kept: [position] })
        expect(checkpoint.state).toEqual(state)
      }),
      { numRuns: 200 },
    )
  })

  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a Date', new Date(0)],
    ['NaN', Number.NaN],
    ['-0', -0],
    ['a bigint', 1n],
    ['a function', () => 0],
    ['a Map', new Map()],
    ['a hole', Array(1)],
    ['undefined inside', { a: [{ b: undefined }] }],
    ['a cycle', cyclic],
    ['a symbol', { [Symbol('s')]: 1 }],
    ['toJSON', { toJSON: 1 }],
    ['more than 1 MiB', 'x'.repeat(2 ** 20)],
  ])('refuses a position that is %s, and remains usable', async (_name, position) => {
    const checkpoint = await openOn(Disk.empty(), 1)
    const seal = { ...sealOf(0), position }
    await expect(Reflect.apply(checkpoint.seal, checkpoint, [seal])).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_POSITION',
    })
    expect(checkpoint.state).toEqual(stateAfter(undefined))
    await checkpoint.seal(sealOf(0))
  })
})
