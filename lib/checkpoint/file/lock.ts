import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../../errors.ts'
import { createSynced, isCode, readWhole, undefinedIfAbsent } from './file.ts'
import type { CheckpointFs } from './fs.ts'
import { isOwner, isProvenDead, isSame, type Owner, type Processes } from './process.ts'

/*
 * The lock on `name` is a file `name.lock.1` that says which process owns it. It is complete when it appears, since it is
 * written under another name and then linked; and of those who link one name, only one succeeds. The lock of a dead
 * process is not replaced, which two could do at once, one taking what the other has just got: the next owner links the
 * next number, and then looks again whether anybody living has a number too. Of two who link different numbers, the
 * later one sees the other, so that never two go on. Times of files have no meaning here.
 * Who takes over links the next number in the same way, and then removes all lower ones, also those of the living. Of two
 * who take over, the higher number wins.
 */

const ATTEMPTS = 10

interface Claim {
  readonly path: string
  /** undefined for the draft of a claim. */
  readonly number: number | undefined
  /** undefined if the file does not say. */
  readonly owner: Owner | undefined
}

/** What an operating system answers where a file system has no hard links. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** The right to write a file, for one process at a time. */
export class Lock {
  /** Differs for each lock that was ever taken. */
  readonly token: string
  readonly #fs: CheckpointFs
  readonly #location: string
  readonly #path: string
  readonly #text: Buffer

  private constructor(fs: CheckpointFs, location: string, path: string, text: Buffer, token: string) {
    this.#fs = fs
    this.#location = location
    this.#path = path
    this.#text = text
    this.token = token
  }

  /**
   * @param takesOver whether to take it from a living owner as well, whose lock is gone when this returns
   * @throws CheckpointError `ERR_CASSANDRA_CHECKPOINT_LOCKED` unless every earlier owner is proven dead.
   */
  static async acquire(
    fs: CheckpointFs,
    location: string,
    processes: Processes,
    takesOver = false,
  ): Promise<Lock> {
    const token = randomUUID()
    const text = Buffer.from(`${JSON.stringify({ ...(await processes.self()), token })}\n`)
    const draft = `${location}.lock.${token}`
    const outdated = (below: number, ...own: readonly string[]) =>
      outdatedClaims(fs, location, processes, takesOver ? below : 0, own)
    try {
      await (await createSynced(fs, draft, text)).close()
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const earlier = await outdated(Number.POSITIVE_INFINITY, draft)
        const number = Math.max(0, ...earlier.map(claim => claim.number ?? 0)) + 1
        const path = `${location}.lock.${number}`
        const lock = new Lock(fs, location, path, text, token)
        try {
          if (!(await linkNew(fs, location, draft, path))) continue
          for (const claim of await outdated(number, draft, path)) {
            await fs.unlink(claim.path).catch(undefinedIfAbsent)
          }
          await fs.unlink(draft)
          return lock
        } catch (error) {
          // Also a link that failed may have been made.
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

  /** False once somebody took it over, or removed or replaced it by hand. */
  async isHeld(): Promise<boolean> {
    const found = await readWhole(this.#fs, this.#path)
    return found?.equals(this.#text) === true
  }

  /** Says who has it, for one that is not held any more. */
  async nameOfSuccessor(): Promise<string | undefined> {
    const claims = (await readClaims(this.#fs, this.#location)).filter(({ number }) => number !== undefined)
    const last = claims.sort((a, b) => Number(a.number) - Number(b.number)).at(-1)
    return last && nameOf(last.owner)
  }

  async release(): Promise<void> {
    // Somebody may take it over between the two.
    if (await this.isHeld()) await this.#fs.unlink(this.#path).catch(undefinedIfAbsent)
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
    const code = NO_LINKS.find(each => isCode(error, each))
    if (code === undefined) throw error
    throw new CheckpointError(
      'ERR_CASSANDRA_CHECKPOINT_IO',
      `Cannot lock checkpoint ${location}: its file system makes no hard links (${code}). ` +
        'Use a `checkpoint_location` on one that does, such as ext4, XFS, APFS, NTFS or NFS',
      { location, cause: error },
    )
  }
}

/**
 * What dead processes left behind, with drafts that nobody finished, and every claim with a number below `below`. Throws
 * if anybody else may be alive.
 */
async function outdatedClaims(
  fs: CheckpointFs,
  location: string,
  processes: Processes,
  below: number,
  own: readonly string[],
): Promise<Claim[]> {
  const outdated: Claim[] = []
  for (const claim of await readClaims(fs, location)) {
    const { path, number, owner } = claim
    if (own.includes(path)) continue
    const isDead = owner === undefined ? number === undefined : await isProvenDead(owner, processes)
    if (isDead || (number !== undefined && number < below)) outdated.push(claim)
    else if (number !== undefined) {
      const isHere = owner !== undefined && isSame(owner, await processes.self())
      throw locked(location, `${isHere ? 'another sink of this process' : nameOf(owner)} has it`)
    }
  }
  return outdated
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

function locked(location: string, why: string): CheckpointError {
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_LOCKED',
    `Checkpoint ${location} is in use: ${why}. If it has ended, or should end, set \`take_over: true\`. ` +
      'That takes the checkpoint at once and stops the other at its next epoch',
    { location },
  )
}
