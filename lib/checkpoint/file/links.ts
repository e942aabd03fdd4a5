import { dirname, isAbsolute, join, parse, sep } from 'node:path'
import process from 'node:process'
import { undefinedIfAbsent } from './file.ts'
import type { CheckpointFs, FileStat } from './fs.ts'

/** Maximum number of links that are followed in one path, as in Linux. */
const MOST_LINKS = 40

/** The mode bit that lets everyone write. */
const OTHERS_WRITE = 0o002n

/**
 * Refuses a path through a symbolic link that another user may have planted. Such a link lies in a world-writable folder,
 * such as `/tmp`, and belongs neither to this user nor to the owner of the folder. Linux refuses to follow these links
 * (`fs.protected_symlinks`), but resolving a path with readlink bypasses that check.
 * @param path absolute
 */
export async function refusePlantedLinks(path: string, fs: CheckpointFs): Promise<void> {
  const { root } = parse(path)
  let links = 0
  let done = root
  const names = path.slice(root.length).split(sep).reverse()
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const next = name === '..' ? dirname(done) : join(done, name)
    const found = await fs.lstat(next, { bigint: true }).catch(undefinedIfAbsent)
    // The rest of the path cannot exist either.
    if (found === undefined) return
    if (!found.isSymbolicLink()) {
      done = next
      continue
    }
    // `realpath` reports the cycle.
    if (++links > MOST_LINKS) return
    const folder = await fs.lstat(done, { bigint: true })
    if (isPlanted(found, folder)) {
      throw new Error(
        `${next} is a symbolic link that belongs to another user (uid ${found.uid}) in a world-writable folder. ` +
          'Keep the checkpoint in a folder that only you can write to',
      )
    }
    const target = await fs.readlink(next)
    if (isAbsolute(target)) done = parse(target).root
    names.push(
      ...target
        .slice(isAbsolute(target) ? done.length : 0)
        .split(sep)
        .reverse(),
    )
  }
}

function isPlanted(link: FileStat, folder: FileStat): boolean {
  // Windows reports no user ids.
  const own = process.geteuid?.()
  if (own === undefined || (folder.mode & OTHERS_WRITE) === 0n) return false
  return link.uid !== BigInt(own) && link.uid !== folder.uid
}
