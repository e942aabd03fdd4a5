import { dirname, isAbsolute, join, parse, sep } from 'node:path'
import process from 'node:process'
import { undefinedIfAbsent } from './file.ts'
import type { CheckpointFs, FileStat } from './fs.ts'

/** As many as Linux follows. */
const MOST_LINKS = 40

/** The permission of everyone to write. */
const OTHERS_WRITE = 0o002n

/**
 * Refuses a path that leads through a link which somebody else may have planted: one in a folder that everyone may write,
 * such as `/tmp`, that belongs neither to this user nor to the owner of the folder. Linux refuses to follow the same links
 * (`fs.protected_symlinks`), but not to read where they lead, which is how a checkpoint gets its one name.
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
    // Nothing is behind a name that is absent.
    if (found === undefined) return
    if (!found.isSymbolicLink()) {
      done = next
      continue
    }
    // A cycle is for the next call to report.
    if (++links > MOST_LINKS) return
    const folder = await fs.lstat(done, { bigint: true })
    if (isPlanted(found, folder)) {
      throw new Error(
        `${next} is a symbolic link of another user (uid ${found.uid}) in a folder that everyone may write. ` +
          'Use a `checkpoint_location` in a folder of your own',
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
  // Windows tells no users, and lets few of them make links.
  const own = process.geteuid?.()
  if (own === undefined || (folder.mode & OTHERS_WRITE) === 0n) return false
  return link.uid !== BigInt(own) && link.uid !== folder.uid
}
