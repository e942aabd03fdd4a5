import { describe, expect, it } from 'vitest'
import { Disk } from '../../fake/disk.ts'
import { sealOf } from './epochs.ts'
import { location, openOn } from './story.ts'

/** A disk on which calls with this beginning fail with a code of the system. */
function failing(beginning: string, code: string): Disk {
  const disk = Disk.empty()
  disk.fault = call => (call.startsWith(beginning) ? { when: 'before', code } : undefined)
  return disk
}

const io = { code: 'ERR_CASSANDRA_CHECKPOINT_IO', location }

describe('a checkpoint that cannot be used', () => {
  it.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])(
    'because its file system has no hard links (%s) reports that when it opens, and leaves no files',
    async code => {
      const disk = failing('link ', code)
      const opening = openOn(disk, 1)
      await expect(opening).rejects.toMatchObject({ ...io, cause: { code } })
      await expect(opening).rejects.toThrow(
        `Cannot lock checkpoint /data/orders: its file system has no hard links (${code}). ` +
          'Keep the checkpoint on one that has them, such as ext4, XFS, APFS, NTFS or NFS',
      )
      expect(disk.names).toEqual([])
    },
  )

  it.each([
    ['EROFS', 'The file system is read-only: keep the checkpoint on another one'],
    ['EACCES', 'This process may not write there: change the permissions of the folder, or use another one'],
    ['ENOSPC', 'The disk is full: make room, then start again'],
    ['EDQUOT', 'The disk quota is used up: make room, then start again'],
    ['EMFILE', 'This process has too many open files: raise its limit'],
    ['ENOTDIR', 'A part of its path is a file where a folder should be'],
  ])('because of %s leads to an error that says what to do', async (code, remedy) => {
    const opening = openOn(failing('open ', code), 1)
    await expect(opening).rejects.toMatchObject({ ...io, cause: { code } })
    await expect(opening).rejects.toThrow(
      `Cannot open checkpoint /data/orders: ${code}: it fails here. ${remedy}`,
    )
  })

  it('because the disk is full leads to an error that says what to do, also later', async () => {
    const disk = Disk.empty()
    const checkpoint = await openOn(disk, 1)
    disk.room = 0
    const why =
      'Cannot write checkpoint /data/orders: ENOSPC: it fails here. The disk is full: make room, then start again'
    // The second call would be a mistake without the first one.
    const calls = [checkpoint.seal(sealOf(0)), checkpoint.commit()]
    for (const call of await Promise.allSettled(calls)) expect(String(Object(call).reason)).toContain(why)
    await expect(checkpoint.seal(sealOf(0))).rejects.toThrow(why)
  })

  it('because link() failed although the link was created, removes the link', async () => {
    const disk = Disk.empty()
    disk.fault = call => (call.startsWith('link ') ? { when: 'after', code: 'EIO' } : undefined)
    await expect(openOn(disk, 1)).rejects.toMatchObject(io)
    expect(disk.names).toEqual([])
  })
})
