import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CyclesEnd, LoadEnd, Sample, Task, Word } from './child.ts'

/** Milliseconds within which a process must end when it has nothing left to do. */
const EXIT_MS = 10_000

/** Runs the load in its own process, so that the memory of the process is that of the load. */
export class Loader {
  readonly samples: Sample[] = []
  readonly #process: ChildProcess
  readonly #words = new EventEmitter()
  readonly #exited: Promise<never>
  #status: number | string | undefined
  #errors = ''

  constructor(task: Task) {
    this.#process = fork(resolve(import.meta.dirname, 'child.ts'), {
      // Counting live objects is experimental in Node.js; no other warning is expected.
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', '--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr?.on('data', data => {
      this.#errors += data
    })
    this.#process.on('message', (word: Word) => {
      if (word.kind === 'sample') this.samples.push(word.sample)
      else this.#words.emit(word.kind, word.end)
    })
    this.#exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.#status = code ?? signal
      throw new Error(`The loader ended with ${this.#status}: ${this.#errors}`)
    })
    this.#exited.catch(() => {})
    this.#process.send(task)
  }

  /** Resolves when the load begins. */
  readonly begun: () => Promise<undefined> = () => this.#next<undefined>('begun')

  /** Resolves when the load is over. Rejects when the process ends first. */
  readonly loaded: () => Promise<LoadEnd> = () => this.#next<LoadEnd>('load')

  /** Resolves when the last sink is closed. Rejects when the process ends first. */
  readonly cycled: () => Promise<CyclesEnd> = () => this.#next<CyclesEnd>('cycles')

  stop(): void {
    this.#process.send('stop')
  }

  /** @returns what is wrong if the process does not end by itself, with status 0 and without a word on stderr */
  async end(): Promise<string | undefined> {
    await Promise.race([this.#exited.catch(() => {}), delay(EXIT_MS, undefined, { ref: false })])
    if (this.#status === undefined) return 'the loader does not end by itself'
    if (this.#status === 0 && this.#errors === '') return undefined
    return `the loader ended with ${this.#status}: ${this.#errors}`
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async #next<End>(kind: Word['kind']): Promise<End> {
    const said = once(this.#words, kind).then(([end]) => end as End)
    return Promise.race([said, this.#exited])
  }
}
