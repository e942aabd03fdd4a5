import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import process from 'node:process'
import { hasShape, isCount, isText, type Shape } from '../../json.ts'

/** One process, past or present, so that it is told from every other. Empty text: this system does not tell. */
export interface Owner {
  readonly host: string
  /** Stays when the machine starts again. */
  readonly machine: string
  /** Changes when the machine starts again. */
  readonly boot: string
  /** Where process ids and start times have their meaning: differs between containers. */
  readonly namespace: string
  readonly pid: number
  /** Tells it from a later process with the same id. */
  readonly started: string
}

const shape: Shape<Owner> = {
  host: isText,
  machine: isText,
  boot: isText,
  namespace: isText,
  pid: isCount,
  started: isText,
}

export const isOwner = (value: unknown): value is Owner => hasShape(shape, value)

export const isSame = (one: Owner, other: Owner) =>
  (Object.keys(shape) as (keyof Owner)[]).every(name => one[name] === other[name])

/** What the system knows of a process id. */
export interface Sighting {
  readonly exists: boolean
  readonly started: string
  /** It has ended, and its parent has not asked for its exit code yet. */
  readonly isZombie: boolean
}

/** What is asked of the system, so that specs can be on another one. */
export interface Processes {
  self(): Promise<Owner>
  look(pid: number): Promise<Sighting>
}

/** The first namespace of a Linux kernel has this number: a process there is in no container. */
const OUTSIDE_CONTAINERS = 'pid:[4026531836]'

/**
 * True only when nobody can doubt it. On another host, in another container, or where the system tells too little, a
 * process counts as alive.
 */
export async function isProvenDead(owner: Owner, processes: Processes): Promise<boolean> {
  const self = await processes.self()
  if (owner.host !== self.host || owner.machine !== self.machine || owner.namespace !== self.namespace)
    return false
  if (owner.boot !== self.boot) {
    // In a container the name and the machine id may be those of the image, on any number of machines.
    const isOutside = self.namespace.startsWith(OUTSIDE_CONTAINERS)
    return isOutside && self.machine !== '' && owner.boot !== '' && self.boot !== ''
  }
  const { exists, started, isZombie } = await processes.look(owner.pid)
  if (!exists || isZombie) return true
  return owner.started !== '' && started !== '' && owner.started !== started
}

export const realProcesses: Processes = {
  async self() {
    const [machine, boot, pids, times, itself] = await Promise.all([
      readFile('/etc/machine-id', 'utf8').catch(() => ''),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
      readlink('/proc/self/ns/pid').catch(() => ''),
      readlink('/proc/self/ns/time').catch(() => ''),
      readStat(process.pid),
    ])
    return {
      host: hostname(),
      machine: machine.trim(),
      boot: boot.trim(),
      namespace: `${pids} ${times}`.trim(),
      pid: process.pid,
      started: itself?.started ?? '',
    }
  },

  async look(pid) {
    const stat = await readStat(pid)
    return { exists: exists(pid), started: stat?.started ?? '', isZombie: stat?.isZombie ?? false }
  },
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and belongs to somebody else.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** Linux only. /proc may be hidden, or that of another container, which shows in the link to this process. */
async function readStat(pid: number): Promise<{ started: string; isZombie: boolean } | undefined> {
  try {
    if ((await readlink('/proc/self')) !== String(process.pid)) return undefined
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name before these may hold spaces and brackets of its own.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const threads = Number(fields[16])
    return { started: fields[18] ?? '', isZombie: /^[ZX]$/.test(state) && threads <= 1 }
  } catch {
    return undefined
  }
}
