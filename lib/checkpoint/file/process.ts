import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import process from 'node:process'
import { hasShape, isCount, isText, type Shape } from '../../json.ts'
import { codeIn } from '../../realm.ts'

/** Identifies a process, past or present. A property is empty where the operating system does not provide it. */
export interface Owner {
  readonly host: string
  /** Id of the machine. It stays the same after a reboot. */
  readonly machine: string
  /** Id of the boot. It changes with every reboot. */
  readonly boot: string
  /** Namespaces in which `pid` and `started` are valid. Containers have their own. */
  readonly namespace: string
  readonly pid: number
  /** Start time in clock ticks since the boot. A later process with the same id has another one. */
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

/** What the operating system reports about a process id. */
export interface Sighting {
  readonly exists: boolean
  readonly started: string
  /** The process has ended, but its parent has not read its exit code yet. */
  readonly isZombie: boolean
}

/** The calls to the operating system. Specs replace them to simulate other systems. */
export interface Processes {
  self(): Promise<Owner>
  look(pid: number): Promise<Sighting>
}

/** The first pid namespace of every Linux kernel. A process in it runs in no container. */
const OUTSIDE_CONTAINERS = 'pid:[4026531836]'

/**
 * True only if the process has certainly ended. It counts as alive if it is on another host or in another container, or if the
 * operating system reports too little.
 */
export async function isProvenDead(owner: Owner, processes: Processes): Promise<boolean> {
  const self = await processes.self()
  if (owner.machine !== self.machine || owner.namespace !== self.namespace) return false
  // DHCP may change the name of a host while it runs. The id of a boot is unique.
  const isSameBoot = owner.boot === self.boot && self.boot !== '' && self.namespace !== ''
  if (owner.host !== self.host && !isSameBoot) return false
  if (owner.boot !== self.boot) {
    // In a container, the host name and the machine id may come from the image, and other machines may have the same.
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
    // EPERM: the process exists and belongs to another user.
    return codeIn(error) !== 'ESRCH'
  }
}

/** Linux only. Undefined if `/proc` is hidden or shows another container: `/proc/self` then does not lead to this process. */
async function readStat(pid: number): Promise<{ started: string; isZombie: boolean } | undefined> {
  try {
    if ((await readlink('/proc/self')) !== String(process.pid)) return undefined
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name of the process precedes these fields, and may contain spaces and parentheses.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const threads = Number(fields[16])
    return { started: fields[18] ?? '', isZombie: /^[ZX]$/.test(state) && threads <= 1 }
  } catch {
    return undefined
  }
}
