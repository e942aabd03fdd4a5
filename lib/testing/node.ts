import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cassandraYaml, logbackXml, logFiles, type NodeSettings, type Yaml } from './config.ts'
import { CassandraStartError } from './error.ts'
import { type Guarded, isStopped, runGuarded } from './guard.ts'
import { type Access, waitForPort } from './readiness.ts'

const LOG_TAIL_LINES = 25

const STOP_POLL_MS = 10

/** One node of Cassandra: its folder, and the JVM that runs it. */
export class CassandraNode {
  readonly access: Access
  readonly folder: string
  readonly #command: readonly string[]
  #process: Guarded | undefined
  #paused = false

  constructor(folder: string, access: Access, command: readonly string[]) {
    this.folder = folder
    this.access = access
    this.#command = command
  }

  /** Writes the node's folder. {@link start} starts the node. */
  static async create(
    settings: NodeSettings,
    access: Access,
    command: readonly string[],
    overrides?: Yaml,
  ): Promise<CassandraNode> {
    const { folder } = settings
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'cassandra.yaml'), cassandraYaml(settings, overrides))
    await writeFile(join(folder, 'logback.xml'), logbackXml(folder))
    return new CassandraNode(folder, access, command)
  }

  get isRunning(): boolean {
    return this.#process?.isRunning() ?? false
  }

  /** Running and not paused. */
  get isAnswering(): boolean {
    return this.isRunning && !this.#paused
  }

  /** Resolves when the CQL port is open. Rejects when the JVM ends, or when the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.isRunning) throw new CassandraStartError(`Cassandra at ${this.access.address} is running`)
    this.#paused = false
    this.#process = await runGuarded(this.#command, logFiles(this.folder).output)
    await this.whileRunning(signal, running => waitForPort(this.access, running))
  }

  /** Runs `work`. Rejects when the JVM ends, and then aborts the signal of `work`. */
  async whileRunning<T>(signal: AbortSignal, work: (running: AbortSignal) => Promise<T>): Promise<T> {
    const gone = new AbortController()
    const ended = (this.#process?.ended ?? Promise.resolve(0)).then(code => {
      throw new CassandraStartError(`Cassandra at ${this.access.address} ended with exit code ${code}`)
    })
    try {
      return await Promise.race([work(AbortSignal.any([signal, gone.signal])), ended])
    } finally {
      gone.abort()
    }
  }

  /** Ends the JVM at once, even if it is paused. */
  async kill(): Promise<void> {
    await this.#process?.end()
    this.#paused = false
  }

  /** Resolves when every thread is stopped. On a busy machine, some continue for a while after the signal. */
  async pause(): Promise<void> {
    const pid = this.#signal('SIGSTOP')
    this.#paused = true
    while (this.isRunning && !(await isStopped(pid))) await delay(STOP_POLL_MS)
  }

  /** @returns false when the node was not paused. */
  resume(): boolean {
    this.#signal('SIGCONT')
    const wasPaused = this.#paused
    this.#paused = false
    return wasPaused
  }

  #signal(name: NodeJS.Signals): number {
    if (this.#process === undefined || !this.isRunning) {
      throw new CassandraStartError(`Cassandra at ${this.access.address} is down`)
    }
    const { pid } = this.#process
    process.kill(pid, name)
    return pid
  }

  /** The last lines of both logs. */
  async logTail(): Promise<string> {
    const { system, output } = logFiles(this.folder)
    const tails = await Promise.all([system, output].map(readTail))
    return tails.filter(Boolean).join('\n')
  }
}

async function readTail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
}
