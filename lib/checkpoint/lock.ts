import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import { createSynced, isCode, readWhole, undefinedIfAbsent } from './file.ts'
import type { CheckpointFs } from './fs.ts'
import { isOwner, isProvenDead, type Owner, type Processes } from './process.ts'

/*
 * The lock on `name` is a file `name.lock.1` that says which process owns it. It is complete when it appears, since it is
 * written under another name and then linked; and of those who link one name, only one succeeds. The lock of a dead
 * process is not replaced, which two could do at once, one taking what the other has just got: the next owner links the
 * next number, and then looks again whether anybody living has a number too. Of two who link different numbers, the
 * later one sees the other, so that never two go on. Times of files have no meaning here.
 */

const ATTEMPTS = 10

interface Claim {
  readonly path: string
  /** undefined for the draft of a claim. */
  readonly number: number | undefined
  /** undefined if the file does not say. */
  readonly owner: Owner | undefined
}

/** The right to write a file, for one process at a time. */
export class Lock {
  readonly #fs: CheckpointFs
  readonly #path: string
  readonly #text: Buffer

  private constructor(fs: CheckpointFs, path: string, text: Buffer) {
    this.#fs = fs
    this.#path = path
    this.#text = text
  }

  /** @throws CheckpointError `ERR_CASSANDRA_CHECKPOINT_LOCKED` unless every earlier owner is proven dead. */
  static async take(fs: CheckpointFs, location: string, processes: Processes): Promise<Lock> {
    const token = randomUUID()
    const text = Buffer.from(`${JSON.stringify({ ...(await processes.self()), token })}\n`)
    const draft = `${location}.lock.${token}`
    try {
      await (await createSynced(fs, draft, text)).close()
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const earlier = await deadClaims(fs, location, processes, draft)
        const path = `${location}.lock.${Math.max(0, ...earlier.map(claim => claim.number ?? 0)) + 1}`
        if (!(await linkNew(fs, location, draft, path))) continue
        const lock = new Lock(fs, path, text)
        try {
          const dead = await deadClaims(fs, location, processes, draft, path)
          for (const claim of dead) await fs.unlink(claim.path).catch(undefinedIfAbsent)
          await fs.unlink(draft)
          return lock
        } catch (error) {
          await lock.release().catch(() => {})
          throw error
        }
      }
      throw locked(location, 'other processes are about to lock it')
    } catch (error) {
      await fs.unlink(draft).catch(() => {})
      throw error
    }
  }

  /** False once somebody removed or replaced the lock by hand. */
  async isHeld(): Promise<boolean> {
    const found = await readWhole(this.#fs, this.#path)
    return found?.equals(this.#text) === true
  }

  async release(): Promise<void> {
    if (await this.isHeld()) await this.#fs.unlink(this.#path)
  }
}

/** False if somebody was faster. */
async function linkNew(fs: CheckpointFs, location: string, draft: string, path: string): Promise<boolean> {
  try {
    await fs.link(draft, path)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    // An owner clears away what looks like the draft of a dead process.
    if (isCode(error, 'ENOENT')) throw locked(location, 'another process has just locked it')
    throw error
  }
}

/** What dead processes left behind, with drafts that nobody finished. Throws if anybody else may be alive. */
async function deadClaims(
  fs: CheckpointFs,
  location: string,
  processes: Processes,
  ...own: readonly string[]
): Promise<Claim[]> {
  const dead: Claim[] = []
  for (const claim of await readClaims(fs, location)) {
    if (own.includes(claim.path)) continue
    const isDraft = claim.number === undefined
    const isDead = claim.owner === undefined ? isDraft : await isProvenDead(claim.owner, processes)
    if (isDead) dead.push(claim)
    else if (!isDraft) throw locked(location, `${nameOf(claim.owner)} has it`, claim.path)
  }
  return dead
}

async function readClaims(fs: CheckpointFs, location: string): Promise<Claim[]> {
  const folder = dirname(location)
  const prefix = `${basename(location)}.lock.`
  const claims: Claim[] = []
  for (const name of await fs.readdir(folder)) {
    const suffix = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const number = /^[1-9]\d{0,14}$/.test(suffix) ? Number(suffix) : undefined
    if (number === undefined && !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(suffix)) continue
    const path = join(folder, name)
    const text = await readWhole(fs, path)
    // Released since its name was read.
    if (text !== undefined) claims.push({ path, number, owner: ownerIn(text) })
  }
  return claims
}

function ownerIn(text: Buffer): Owner | undefined {
  try {
    const { token: _, ...owner } = JSON.parse(text.toString())
    return isOwner(owner) ? owner : undefined
  } catch {
    return undefined
  }
}

const nameOf = (owner: Owner | undefined) =>
  owner === undefined ? 'an unknown process' : `process ${owner.pid} on host ${owner.host}`

function locked(location: string, why: string, path?: string): CheckpointError {
  const remedy = path === undefined ? '' : `. If you know that it has ended, remove ${path}`
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_LOCKED',
    `Checkpoint ${location} is in use: ${why}${remedy}`,
    { location },
  )
}
