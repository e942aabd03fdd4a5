import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../../errors.ts'
import { codeIn } from '../../realm.ts'
import { createSynced, isUuid, readWhole, undefinedIfAbsent } from './file.ts'
import type { CheckpointFs } from './fs.ts'
import { isOwner, isProvenDead, isSame, type Owner, type Processes } from './process.ts'

/*
 * The lock on `name` is a file `name.lock.1` that names the process that owns it. The file is first written as a draft under
 * another name and then hard-linked, so it is complete when it appears. If several processes link the same name, only one
 * succeeds.
 *
 * The lock file of a dead process is not replaced: two processes could replace it at once, and one would remove the lock that
 * the other has just taken. Instead, the next owner links the next number, `name.lock.2`. It then lists the lock files again and
 * gives up if one belongs to another living process. If two processes link different numbers, the later one sees the file of
 * the other, so the two never both continue. The modification times of the files are not used.
 *
 * A process that takes over links the next number in the same way. It then removes all lower numbers, including those of living
 * processes. If two processes take over at once, the higher number wins.
 */

const ATTEMPTS = 10

/** A lock file, or the draft of one. */
interface Claim {
  readonly path: string
  /** The number at the end of the name. Undefined for a draft. */
  readonly number: number | undefined
  /** Undefined if the file does not name one. */
  readonly owner: Owner | undefined
}

/** Error codes of a file system without hard links. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** The right to write a file, for one process at a time. */
export class Lock {
  /** Unique for each lock. */
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
   * @param takesOver whether to take the lock from a living owner too, whose lock file is then removed
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
          // A client of NFS repeats a call whose answer was lost, and the server then finds the link that the first one made.
          if (!(await linkNew(fs, location, draft, path)) && !(await lock.isHeld())) continue
          for (const claim of await outdated(number, draft, path)) {
            await fs.unlink(claim.path).catch(undefinedIfAbsent)
          }
          await fs.unlink(draft).catch(undefinedIfAbsent)
          return lock
        } catch (error) {
          // The link may exist although the call failed.
          await lock.release().catch(() => {})
          throw error
        }
      }
      throw locked(location, 'other processes are locking it at the same time', 'Try again')
    } catch (error) {
      await fs.unlink(draft).catch(() => {})
      throw error
    }
  }

  /** False once another process took the lock over, or its file was removed or replaced by hand. */
  async isHeld(): Promise<boolean> {
    const found = await readWhole(this.#fs, this.#path)
    return found?.equals(this.#text) === true
  }

  /** The current owner, for a lock that is no longer held. */
  async nameOfSuccessor(): Promise<string | undefined> {
    const claims = (await readClaims(this.#fs, this.#location)).filter(({ number }) => number !== undefined)
    const last = claims.sort((a, b) => Number(a.number) - Number(b.number)).at(-1)
    return last && nameOf(last.owner)
  }

  async release(): Promise<void> {
    // Another process may take the lock over between the two calls, and remove this file.
    if (await this.isHeld()) await this.#fs.unlink(this.#path).catch(undefinedIfAbsent)
  }
}

/** False if the name exists. */
async function linkNew(fs: CheckpointFs, location: string, draft: string, path: string): Promise<boolean> {
  try {
    await fs.link(draft, path)
    return true
  } catch (error) {
    if (codeIn(error) === 'EEXIST') return false
    // The draft is gone: another owner removed it as the draft of a dead process.
    if (codeIn(error) === 'ENOENT') throw locked(location, 'another process has just locked it')
    const code = NO_LINKS.find(each => codeIn(error) === each)
    if (code === undefined) throw error
    throw new CheckpointError(
      'ERR_CASSANDRA_CHECKPOINT_IO',
      `Cannot lock checkpoint ${location}: its file system has no hard links (${code}). ` +
        'Keep the checkpoint on one that has them, such as ext4, XFS, APFS, NTFS or NFS',
      { location, cause: error },
    )
  }
}

/**
 * The claims that can be removed: those of dead processes, drafts without an owner, and all numbers below `below`. Throws if the
 * owner of another lock file may be alive.
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
      throw locked(location, `${isHere ? 'another sink or source of this process' : nameOf(owner)} has it`)
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
    if (number === undefined && !isUuid(suffix)) continue
    const path = join(folder, name)
    const text = await readWhole(fs, path)
    // Undefined if the lock was released after the folder was listed.
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

const TAKE_OVER =
  'If that owner has ended or should end, set `take_over: true`. This takes the checkpoint over at once. The other owner fails ' +
  'when it next records something in it'

function locked(location: string, why: string, what = TAKE_OVER): CheckpointError {
  const text = `Checkpoint ${location} is in use: ${why}. ${what}`
  return new CheckpointError('ERR_CASSANDRA_CHECKPOINT_LOCKED', text, { location })
}
