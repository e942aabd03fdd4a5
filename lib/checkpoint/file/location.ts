import { basename, dirname, join, resolve, sep } from 'node:path'
import { codeIn } from '../../realm.ts'
import { undefinedIfAbsent } from './file.ts'
import type { CheckpointFs } from './fs.ts'
import { refusePlantedLinks } from './links.ts'

/** Resolves links. All paths to one file then share its lock, even before the file exists. */
export async function realLocation(given: string, fs: CheckpointFs): Promise<string> {
  const linked = async (path: string): Promise<string> => {
    const found = await fs.realpath(path).catch(undefinedIfAbsent)
    if (found !== undefined) return found
    const folder = await fs.realpath(dirname(path))
    const link = await fs.readlink(join(folder, basename(path))).catch(undefinedIfNoLink)
    return link === undefined ? join(folder, basename(path)) : linked(resolve(folder, link))
  }
  await refusePlantedLinks(resolve(given), fs)
  const real = await linked(resolve(given))
  const found = await fs.lstat(real, { bigint: true }).catch(undefinedIfAbsent)
  if (found?.isDirectory() === true) {
    await refusePlantedLinks(join(real, 'checkpoint'), fs)
    return linked(join(real, 'checkpoint'))
  }
  // An earlier version made the file in spite of the separator.
  if (found === undefined && (given.endsWith('/') || given.endsWith(sep)))
    throw new Error('its path ends with a separator, but this folder does not exist: create it')
  return real
}

/** `readlink` fails with EINVAL if a living owner has made the file since `realpath` found none. */
function undefinedIfNoLink(error: unknown): undefined {
  return codeIn(error) === 'EINVAL' ? undefined : undefinedIfAbsent(error)
}
