import { Buffer } from 'node:buffer'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import type { CheckpointFile, CheckpointFs } from './fs.ts'

/** No checkpoint gets near this; what does is another file, and is not read into memory. */
const LARGEST_FILE = 64 * 2 ** 20

/** How the name of a new file goes on until it takes the place of the old one. */
const DRAFT = '.checkpoint.new'

/** Gives a whole file, or undefined if there is none. */
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

/** Makes a file that must not exist yet, readable by its owner only, and durable but for its name. */
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

/** A file at `path` whose bytes, once a method has returned, outlive a power loss. After an error it is not to be used. */
export class DurableFile {
  readonly #fs: CheckpointFs
  readonly #path: string
  readonly #draft: string
  #file: CheckpointFile | undefined
  #length = 0

  /** @param owner text that no other owner of this path has */
  constructor(fs: CheckpointFs, path: string, owner: string) {
    this.#fs = fs
    this.#path = path
    this.#draft = `${path}${DRAFT}.${owner}`
  }

  /**
   * Removes what other owners were about to put in the place of the file. One that was stopped just before that can do it
   * no more.
   * @param confirm may still refuse, between the look at the names and the first removal: a later owner, whose draft was
   * among them, had the lock by then
   */
  async removeDrafts(confirm: () => Promise<void>): Promise<void> {
    const folder = dirname(this.#path)
    const prefix = `${basename(this.#path)}${DRAFT}`
    const names = await this.#fs.readdir(folder)
    const drafts = names.filter(name => name === prefix || name.startsWith(`${prefix}.`))
    if (drafts.length > 0) await confirm()
    for (const name of drafts) await this.#fs.unlink(join(folder, name)).catch(undefinedIfAbsent)
  }

  /** In bytes; 0 before the first {@link replace}. */
  get length(): number {
    return this.#length
  }

  /** True if the path still leads to this file, and nobody else wrote to it. */
  async isInPlace(): Promise<boolean> {
    const found = await this.#fs.lstat(this.#path, { bigint: true }).catch(undefinedIfAbsent)
    if (this.#file === undefined || found === undefined) return this.#file === found
    const own = await this.#file.stat({ bigint: true })
    return found.dev === own.dev && found.ino === own.ino && found.size === BigInt(this.#length)
  }

  /**
   * Puts a new file in the place of the old one: after a crash it is one or the other.
   * @param confirm may still refuse, just before the new file takes the place
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

/** One call may write less than all of it, on a disk that is nearly full for example. */
async function writeWhole(file: CheckpointFile, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
    if (bytesWritten === 0) throw new Error('the file system writes nothing')
    written += bytesWritten
  }
}

/** Makes names in a folder durable. Windows cannot open a folder, and keeps names in its journal. */
async function syncFolder(fs: CheckpointFs, path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await fs.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export function undefinedIfAbsent(error: unknown): undefined {
  if (isCode(error, 'ENOENT')) return undefined
  throw error
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
