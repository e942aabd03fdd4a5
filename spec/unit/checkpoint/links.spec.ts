import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createSynced } from '../../../lib/checkpoint/file/file.ts'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { type CheckpointFs, realFs } from '../../../lib/checkpoint/file/fs.ts'
import { sealOf, target } from './epochs.ts'

let folder: string
let location: string
/** A file of this user that an attacker wants the sink to read or overwrite. */
let victim: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-links-'))
  await mkdir(join(folder, 'home'))
  victim = join(folder, 'home', 'victim')
  await writeFile(victim, 'precious')
  await mkdir(join(folder, 'shared'))
  // Like /tmp.
  await chmod(join(folder, 'shared'), 0o1777)
  location = join(folder, 'shared', 'orders')
})
afterEach(async () => {
  expect(await readFile(victim, 'utf8')).toBe('precious')
  expect(await readdir(join(folder, 'home'))).toEqual(['victim'])
  await rm(folder, { recursive: true })
})

/** A user that is neither this one nor root. */
const somebody = BigInt((process.geteuid?.() ?? 0) + 1234)

/** The real file system, on which some links appear to belong to another user. Only root could really give them away. */
const withLinksOf = (uid: bigint, ...names: string[]): CheckpointFs => ({
  ...realFs,
  lstat: async (path, options) => {
    const found = await lstat(path, options)
    return found.isSymbolicLink() && names.includes(basename(path)) ? Object.assign(found, { uid }) : found
  },
})

const refused = {
  code: 'ERR_CASSANDRA_CHECKPOINT_IO',
  message: expect.stringContaining('is a symbolic link that belongs to another user'),
}

async function use(at: string, fs: CheckpointFs): Promise<void> {
  const checkpoint = await openCheckpoint(at, target, { fs })
  await checkpoint.seal(sealOf(0))
  await checkpoint.close()
}

describe('the files of a checkpoint', () => {
  it('are readable only by their owner from their creation, whatever the umask', async () => {
    const umask = process.umask(0)
    onTestFinished(() => void process.umask(umask))
    const modes = new Map<string, bigint>()
    const look = async () => {
      for (const name of await readdir(join(folder, 'shared'))) {
        const { mode } = await lstat(join(folder, 'shared', name), { bigint: true })
        modes.set(name, (modes.get(name) ?? 0n) | (mode & 0o777n))
      }
    }
    const open: CheckpointFs['open'] = async (...given) => {
      const file = await realFs.open(...given)
      await look()
      return file
    }
    const checkpoint = await openCheckpoint(location, target, { fs: { ...realFs, open } })
    await checkpoint.seal(sealOf(0))
    await look()
    await checkpoint.close()
    expect([...modes.values()]).toEqual([...modes].map(() => 0o600n))
    const kinds = [...modes.keys()].map(name => name.replace(/[\da-f-]{36}$/, '…')).sort()
    expect(kinds).toEqual(['orders', 'orders.checkpoint.new.…', 'orders.lock.1', 'orders.lock.…'])
  })

  it('that other users could read become private when the checkpoint opens', async () => {
    await use(location, realFs)
    await chmod(location, 0o666)
    await (await openCheckpoint(location, target)).close()
    expect((await lstat(location)).mode & 0o777).toBe(0o600)
  })

  it.each(['home/victim', 'home/absent'])('are not created through a link to %s', async name => {
    await symlink(join(folder, name), location)
    await expect(createSynced(realFs, location, Buffer.from('overwritten'))).rejects.toMatchObject({
      code: 'EEXIST',
    })
  })

  it.each(['orders.lock.1', 'orders.lock.00000000-0000-4000-8000-000000000000'])(
    'do not follow a link instead of the lock %s, whose target stays as it is',
    async name => {
      await symlink(victim, join(folder, 'shared', name))
      await expect(openCheckpoint(location, target)).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_CHECKPOINT_IO',
        message: expect.stringContaining('it is not a file'),
      })
    },
  )

  it('do not follow a link instead of a temporary file: the link is removed, and not its target', async () => {
    const draft = 'orders.checkpoint.new.00000000-0000-4000-8000-000000000000'
    await symlink(victim, join(folder, 'shared', draft))
    await use(location, realFs)
    expect(await readdir(join(folder, 'shared'))).toEqual(['orders'])
  })

  it.each(['victim', 'absent'])(
    'are not read through a link to %s that appears after the check',
    async name => {
      const fs: CheckpointFs = {
        ...realFs,
        readdir: async path => {
          await symlink(join(folder, 'home', name), location).catch(() => {})
          return await realFs.readdir(path)
        },
      }
      await expect(use(location, fs)).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_CHECKPOINT_IO',
        message: expect.stringContaining('it is not a file'),
      })
    },
  )

  it('are not read through a link that appears between the check and the read', async () => {
    await use(location, realFs)
    const fs: CheckpointFs = {
      ...realFs,
      open: async (path, flags, mode) => {
        if (path === location && flags === 'r') {
          await rm(location)
          await symlink(victim, location)
        }
        return await realFs.open(path, flags, mode)
      },
    }
    await expect(openCheckpoint(location, target, { fs })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      cause: { code: 'ELOOP' },
    })
  })
})

describe('a link of another user in a folder that everyone may write', () => {
  it.each(['home/victim', 'home/absent', 'home'])('is refused when it leads to %s', async name => {
    await symlink(join(folder, name), location)
    await expect(
      openCheckpoint(location, target, { fs: withLinksOf(somebody, 'orders') }),
    ).rejects.toMatchObject(refused)
  })

  it('is refused in the middle of a path, and after a link of this user', async () => {
    await symlink(join(folder, 'home'), join(folder, 'shared', 'planted'))
    await symlink(join('shared', 'planted'), join(folder, 'own'))
    const fs = withLinksOf(somebody, 'planted')
    for (const path of [join(folder, 'shared', 'planted', 'orders'), join(folder, 'own', 'orders')]) {
      await expect(openCheckpoint(path, target, { fs })).rejects.toMatchObject(refused)
    }
  })

  it('is refused as the file `checkpoint` of such a folder', async () => {
    await symlink(victim, join(folder, 'shared', 'checkpoint'))
    const fs = withLinksOf(somebody, 'checkpoint')
    await expect(openCheckpoint(join(folder, 'shared'), target, { fs })).rejects.toMatchObject(refused)
  })
})

describe('a link that is followed', () => {
  let real: string
  beforeEach(async () => {
    real = join(folder, 'real')
    await mkdir(real)
  })

  it('belongs to this user', async () => {
    await symlink(join(real, 'orders'), location)
    await use(location, realFs)
    expect(await readdir(real)).toEqual(['orders'])
  })

  it('belongs to the owner of the folder', async () => {
    await symlink(join(real, 'orders'), location)
    const { uid } = await lstat(join(folder, 'shared'), { bigint: true })
    await use(location, withLinksOf(uid, 'orders'))
    expect(await readdir(real)).toEqual(['orders'])
  })

  it('is in a folder that only its owner may write, whoever created the link', async () => {
    await symlink(real, join(folder, 'current'))
    await use(join(folder, 'current', 'orders'), withLinksOf(somebody, 'current'))
    expect(await readdir(real)).toEqual(['orders'])
  })
})
