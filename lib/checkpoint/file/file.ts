import { Buffer } from 'node:buffer'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { codeIn } from '../../realm.ts'
import type { CheckpointFile, CheckpointFs } from './fs.ts'

/** Maximum number of bytes that are read into memory. A checkpoint stays far below this, so a larger file is not a checkpoint. */
const LARGEST_FILE = 64 * 2 ** 20

/** Part of the name of a draft, which is a new file that has not replaced the old one yet. */
const DRAFT = '.checkpoint.new'

/** Reads a whole file; undefined if there is none. */
export async function readWhole(fs: CheckpointFs, path: string): Promise<Buffer | undefined> {
  // A named pipe would make open() wait for a writer.
  const found = await fs.lstat(path, { bigint: true }).catch(undefinedIfAbsent)
  if (found === undefined) return undefined
  if (!found.isFile()) throw new Error('it is not a file')
  if (found.size > LARGEST_FILE)
    throw new Error(`it has ${found.size} bytes, more than a checkpoint ever has`)
  const file = await fs.open(path, 'r').catch(undefinedIfAbsent)
  if (file === undefined) return undefined
  try {
    const bytes = Buffer.alloc(Number(found.size))
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  } finally {
    await file.close()
  }
}

/** Creates a file that only its owner can read. It must not exist yet. Its bytes are durable, its name is not yet. */
export async function createSynced(
  fs: CheckpointFs,
  path: string,
  bytes: Uint8Array,
): Promise<CheckpointFile> {
  const file = await fs.open(path, 'ax', 0o600)
  try {
    await writeWhole(file, bytes)
    await file.sync()
    return file
  } catch (error) {
    await file.close().catch(() => {})
    await fs.unlink(path).catch(() => {})
    throw error
  }
}

/** A file at `path`. What a method wrote survives a power loss once its promise has resolved. Not usable after an error. */
export class DurableFile {
  readonly #fs: CheckpointFs
  readonly #path: string
  readonly #draft: string
  #file: CheckpointFile | undefined
  #length = 0

  /** @param owner a UUID that is unique among all owners of this path */
  constructor(fs: CheckpointFs, path: string, owner: string) {
    this.#fs = fs
    this.#path = path
    this.#draft = `${path}${DRAFT}.${owner}`
  }

  /**
   * Removes the drafts of other owners. An earlier owner that was paused just before its rename can then no longer replace the
   * file.
   * @param confirm called after the drafts are found and before the first is removed. It throws if a later owner has the lock,
   * because one of the drafts may be that owner's
   */
  async removeDrafts(confirm: () => Promise<void>): Promise<void> {
    const folder = dirname(this.#path)
    const prefix = `${basename(this.#path)}${DRAFT}.`
    const names = await this.#fs.readdir(folder)
    // Another checkpoint may have a name that begins in the same way.
    const drafts = names.filter(name => name.startsWith(prefix) && isUuid(name.slice(prefix.length)))
    if (drafts.length > 0) await confirm()
    for (const name of drafts) await this.#fs.unlink(join(folder, name)).catch(undefinedIfAbsent)
  }

  /** In bytes; 0 before the first {@link replace}. */
  get length(): number {
    return this.#length
  }

  /** True if the path still leads to this file, and the file has only the bytes that were written here. */
  async isInPlace(): Promise<boolean> {
    const [found, own] = await Promise.all([
      this.#fs.lstat(this.#path, { bigint: true }).catch(undefinedIfAbsent),
      this.#file?.stat({ bigint: true }),
    ])
    if (own === undefined || found === undefined) return own === found
    return found.dev === own.dev && found.ino === own.ino && found.size === BigInt(this.#length)
  }

  /**
   * Replaces the file. After a crash, the path leads to the old file or to the new one.
   * @param confirm called just before the replacement, which it prevents by throwing
   */
  async replace(bytes: Uint8Array, confirm: () => Promise<void>): Promise<void> {
    const file = await createSynced(this.#fs, this.#draft, bytes)
    try {
      await confirm()
      await this.close()
    } catch (error) {
      await file.close().catch(() => {})
      await this.#fs.unlink(this.#draft).catch(() => {})
      throw error
    }
    this.#file = file
    this.#length = bytes.length
    await this.#fs.rename(this.#draft, this.#path)
    await syncFolder(this.#fs, dirname(this.#path))
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#file === undefined) throw new Error('there is no file yet')
    await writeWhole(this.#file, bytes)
    await this.#file.datasync()
    this.#length += bytes.length
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** Writes all bytes. One call may write fewer, for example on a disk that is nearly full. */
async function writeWhole(file: CheckpointFile, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
    if (bytesWritten === 0) throw new Error('the file system wrote no bytes')
    written += bytesWritten
  }
}

/** Makes the names in a folder durable. Windows cannot open a folder, and its file system journals names. */
async function syncFolder(fs: CheckpointFs, path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await fs.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)
}

export function undefinedIfAbsent(error: unknown): undefined {
  if (codeIn(error) === 'ENOENT') return undefined
  throw error
}
