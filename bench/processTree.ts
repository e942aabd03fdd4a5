import { readdir, readFile } from 'node:fs/promises'

/** Unit of the times in /proc. */
const TICKS_PER_SECOND = 100

const SAMPLE_MS = 100

/** CPU seconds and peak memory of a process and its descendants, from /proc. Without /proc they stay NaN. */
export class ProcessTree implements Disposable {
  readonly #root: number
  readonly #cpu = new Map<number, number>()
  readonly #timer: NodeJS.Timeout
  #peakBytes = Number.NaN

  constructor(root: number) {
    this.#root = root
    this.#timer = setInterval(() => void this.sample(), SAMPLE_MS)
  }

  /** CPU seconds so far, including processes that have ended. */
  get cpuSeconds(): number {
    if (this.#cpu.size === 0) return Number.NaN
    return [...this.#cpu.values()].reduce((sum, seconds) => sum + seconds, 0)
  }

  get peakMib(): number {
    return this.#peakBytes / 2 ** 20
  }

  async sample(): Promise<void> {
    const found = await processes()
    const below = new Set([this.#root])
    let bytes = 0
    // Children have higher process ids than their parents unless ids wrapped around. The second turn finds those children.
    for (let turn = 0; turn < 2; turn++) {
      for (const { pid, parent } of found) if (below.has(parent)) below.add(pid)
    }
    for (const { pid, seconds, resident } of found) {
      if (!below.has(pid)) continue
      this.#cpu.set(pid, seconds)
      bytes += resident
    }
    if (bytes > 0) this.#peakBytes = Math.max(bytes, this.#peakBytes || 0)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

async function processes() {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.map(Number).filter(Number.isInteger)
  const all = await Promise.all(pids.map(readProcess))
  return all.filter(found => found !== undefined).sort((a, b) => a.pid - b.pid)
}

async function readProcess(pid: number) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The name is in brackets and may contain anything. Fields 3 and up follow it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return {
    pid,
    parent: field(4),
    seconds: (field(14) + field(15)) / TICKS_PER_SECOND,
    resident: field(24) * 4096,
  }
}
