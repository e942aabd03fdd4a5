import { Buffer } from 'node:buffer'
import type { CheckpointFile, CheckpointFs, FileStat } from '../../lib/checkpoint/file/fs.ts'
import type { Processes } from '../../lib/checkpoint/file/process.ts'

/** The process ended at a call. That call and all later ones do nothing. */
export class Ended extends Error {}

/** A fault of one call: the call fails, or the process ends there. It happens before the effect, after it, or in the middle. */
export interface Fault {
  readonly when: 'before' | 'during' | 'after'
  /** Code of the error. Undefined if the process ends. */
  readonly code?: string
}

/** What a power loss leaves of bytes that were not synced. */
export const cuts = {
  nothing: (bytes: Buffer) => bytes.subarray(0, 0),
  'the first byte': (bytes: Buffer) => bytes.subarray(0, 1),
  half: (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
  'half, and NULs for the rest': (bytes: Buffer) =>
    Buffer.concat([bytes.subarray(0, bytes.length >> 1)], bytes.length),
  'NULs only': (bytes: Buffer) => Buffer.alloc(bytes.length),
  'all except the last byte': (bytes: Buffer) => bytes.subarray(0, -1),
  everything: (bytes: Buffer) => bytes,
} as const
export type Cut = keyof typeof cuts

interface Inode {
  readonly ino: bigint
  /** The bytes that programs read. */
  live: Buffer
  /** The bytes that are certainly on the disk. */
  durable: Buffer
  /** Bytes that were written after these. */
  unsynced: Buffer
}

let inodes = 1n

type Names = Map<string, Inode>

/**
 * One folder on a disk with a cache, on the worst allowed file system. Bytes are lost unless the file was synced, and names
 * unless the folder was. Names are lost from the last one back, as with a journal. A sync that fails loses the bytes for good,
 * while the cache still shows them, as on Linux.
 */
export class Disk implements CheckpointFs {
  /** Every call so far, such as `write /data/orders`. */
  readonly calls: string[] = []
  /** Number of files that were opened and not closed. */
  openFiles = 0
  /** Decides on the fault of each call. */
  fault: (call: string, index: number) => Fault | undefined = () => undefined
  /** Each call waits for this first. */
  pause: (call: string) => Promise<void> = async () => {}
  /** Maximum number of bytes that one write accepts. */
  most = Number.POSITIVE_INFINITY
  /** Bytes of free space. */
  room = Number.POSITIVE_INFINITY
  readonly #live: Names
  readonly #durable: Names
  readonly #unsynced: ((names: Names) => void)[]
  #hasEnded = false

  private constructor(live: Names, durable: Names, unsynced: ((names: Names) => void)[]) {
    this.#live = live
    this.#durable = durable
    this.#unsynced = unsynced
  }

  static empty(): Disk {
    return new Disk(new Map(), new Map(), [])
  }

  /** The same disk for the next process, after this process was killed. */
  afterKill(): Disk {
    this.#hasEnded = true
    return this.forAnother()
  }

  /** The same disk for a process beside this one. */
  forAnother(): Disk {
    return new Disk(this.#live, this.#durable, this.#unsynced)
  }

  /** Number of names that are not durable yet. */
  get unsyncedNames(): number {
    return this.#unsynced.length
  }

  get hasUnsyncedBytes(): boolean {
    return [...this.#live.values(), ...this.#durable.values()].some(inode => inode.unsynced.length > 0)
  }

  /** A copy of the disk as it is after a power loss. */
  afterPowerLoss(namesKept: number, cut: Cut): Disk {
    const names = new Map(this.#durable)
    for (const change of this.#unsynced.slice(0, namesKept)) change(names)
    const copies = new Map<Inode, Inode>()
    for (const inode of names.values()) {
      const bytes = Buffer.concat([inode.durable, cuts[cut](inode.unsynced)])
      copies.set(inode, { ino: inode.ino, live: bytes, durable: bytes, unsynced: Buffer.alloc(0) })
    }
    const copied = () => new Map([...names].map(([name, inode]) => [name, copies.get(inode) ?? inode]))
    return new Disk(copied(), copied(), [])
  }

  /** The durable bytes of a file. Undefined if there is none. */
  get(path: string): Buffer | undefined {
    return this.#live.get(path)?.live
  }

  /** Writes a whole file durably, as another program would. */
  put(path: string, bytes: Buffer): void {
    const inode = { ino: inodes++, live: bytes, durable: bytes, unsynced: Buffer.alloc(0) }
    this.#live.set(path, inode)
    this.#durable.set(path, inode)
  }

  /** Appends to a file, as another program that has it open would. */
  append(path: string, bytes: Buffer): void {
    const inode = this.#live.get(path) ?? fail('ENOENT')
    inode.live = Buffer.concat([inode.live, bytes])
    inode.unsynced = Buffer.concat([inode.unsynced, bytes])
  }

  /** The names that programs see in the folder. */
  get names(): string[] {
    return [...this.#live.keys()].sort()
  }

  open(path: string, flags: 'r' | 'ax'): Promise<CheckpointFile> {
    return this.#call('open', path, () => {
      if (path === '/data') return this.#handle(path, undefined)
      const found = this.#live.get(path)
      if (flags === 'r') return this.#handle(path, found ?? fail('ENOENT'))
      if (found !== undefined) return fail('EEXIST')
      const inode = {
        ino: inodes++,
        live: Buffer.alloc(0),
        durable: Buffer.alloc(0),
        unsynced: Buffer.alloc(0),
      }
      this.#name(names => names.set(path, inode))
      return this.#handle(path, inode)
    })
  }

  lstat(path: string): Promise<FileStat> {
    return this.#call('lstat', path, () => {
      if (path === '/data') return folderStat
      return statOf(this.#live.get(path) ?? fail('ENOENT'))
    })
  }

  realpath(path: string): Promise<string> {
    return this.#call('realpath', path, () =>
      path === '/data' || this.#live.has(path) ? path : fail('ENOENT'),
    )
  }

  /** This disk has no symbolic links. */
  readlink(path: string): Promise<string> {
    return this.#call('readlink', path, () => fail(this.#live.has(path) ? 'EINVAL' : 'ENOENT'))
  }

  readdir(path: string): Promise<string[]> {
    return this.#call('readdir', path, () => this.names.map(name => name.slice('/data/'.length)))
  }

  link(existing: string, path: string): Promise<void> {
    return this.#call('link', path, () => {
      const inode = this.#live.get(existing) ?? fail('ENOENT')
      if (this.#live.has(path)) fail('EEXIST')
      this.#name(names => names.set(path, inode))
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', to, () => {
      const inode = this.#live.get(from) ?? fail('ENOENT')
      this.#name(names => {
        names.delete(from)
        names.set(to, inode)
      })
    })
  }

  unlink(path: string): Promise<void> {
    return this.#call('unlink', path, () => {
      if (!this.#live.has(path)) fail('ENOENT')
      this.#name(names => names.delete(path))
    })
  }

  #handle(path: string, inode: Inode | undefined): CheckpointFile {
    this.openFiles++
    const file = () => inode ?? fail('EISDIR')
    const sync = (name: string) =>
      this.#call(
        name,
        path,
        () => {
          if (inode === undefined) {
            for (const change of this.#unsynced.splice(0)) change(this.#durable)
            return
          }
          inode.durable = Buffer.concat([inode.durable, inode.unsynced])
          inode.unsynced = Buffer.alloc(0)
        },
        () => {
          if (inode !== undefined) inode.unsynced = Buffer.alloc(0)
        },
      )
    return {
      read: (into, offset, length, position) =>
        this.#call('read', path, () => {
          const bytes = file().live.subarray(position, position + Math.min(length, this.most))
          into.set(bytes, offset)
          return { bytesRead: bytes.length }
        }),
      write: (bytes, offset, length) => {
        const write = (most: number) => {
          if (this.room === 0) fail('ENOSPC')
          const bytesWritten = Math.min(length, most, this.room)
          this.room -= bytesWritten
          const written = bytes.subarray(offset, offset + bytesWritten)
          const target = file()
          target.live = Buffer.concat([target.live, written])
          target.unsynced = Buffer.concat([target.unsynced, written])
          return { bytesWritten }
        }
        return this.#call(
          'write',
          path,
          () => write(this.most),
          () => write(length >> 1),
        )
      },
      datasync: () => sync('datasync'),
      sync: () => sync('sync'),
      stat: () => this.#call('fstat', path, () => statOf(file())),
      close: () => {
        // A close that fails has closed the file too.
        this.openFiles--
        return this.#call('close', path, () => {})
      },
    }
  }

  #name(change: (names: Names) => void): void {
    change(this.#live)
    this.#unsynced.push(change)
  }

  /** @param half the effect if the call fails in the middle */
  async #call<T>(name: string, path: string, effect: () => T, half: () => void = () => {}): Promise<T> {
    const call = `${name} ${path}`
    await this.pause(call)
    if (this.#hasEnded) throw new Ended()
    const fault = this.fault(call, this.calls.push(call) - 1)
    if (fault === undefined) return effect()
    if (fault.when === 'during') half()
    if (fault.when === 'after') {
      try {
        effect()
      } catch {
        // The fault prevents the effect.
      }
    }
    if (fault.code !== undefined) return fail(fault.code)
    this.#hasEnded = true
    throw new Ended()
  }
}

/** The process with this id, on a machine where the processes in `alive` are alive. */
export function processOf(pid: number, alive: ReadonlySet<number>): Processes {
  const owner = { host: 'here', machine: 'm', boot: 'b', namespace: 'n' }
  const started = (id: number) => (alive.has(id) ? `at ${id}` : '')
  return {
    self: async () => ({ ...owner, pid, started: `at ${pid}` }),
    look: async id => ({ exists: alive.has(id), started: started(id), isZombie: false }),
  }
}

export const onlyProcess = (pid: number) => processOf(pid, new Set([pid]))

function statOf(inode: Inode): FileStat {
  return {
    dev: 1n,
    ino: inode.ino,
    size: BigInt(inode.live.length),
    mode: 0o600n,
    uid: 0n,
    isFile: () => true,
    isDirectory: () => false,
    isSymbolicLink: () => false,
  }
}

const folderStat: FileStat = {
  dev: 1n,
  ino: 0n,
  size: 0n,
  mode: 0o700n,
  uid: 0n,
  isFile: () => false,
  isDirectory: () => true,
  isSymbolicLink: () => false,
}

function fail(code: string): never {
  throw Object.assign(new Error(`${code}: it fails here`), { code })
}
