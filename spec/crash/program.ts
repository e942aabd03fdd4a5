import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { bundle } from '../bundle.ts'
import type { Task, Word } from './child.ts'

const root = resolve(import.meta.dirname, '../..')

/** The child program of a folder of specs. It starts often, and one file of JavaScript starts fastest. */
export class Programs implements Disposable {
  readonly #folder: string

  constructor(folder = 'crash') {
    this.#folder = mkdtempSync(join(root, '.crash-'))
    bundle([join(root, 'spec', folder, 'child.ts')], join(root, 'spec', folder), this.#folder)
  }

  start(task: Task, command: readonly string[] = []): Child {
    const [program = '', ...rest] = [...command, ...this.command(task)]
    return new Child(spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] }))
  }

  /** The command that starts the program with its task. */
  command(task: object): string[] {
    return [process.execPath, this.#file, JSON.stringify(task)]
  }

  get #file(): string {
    return join(this.#folder, 'child.mjs')
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export class Child {
  readonly words: Word[] = []
  /** Resolves to the signal that ended the process, or null. */
  readonly ended: Promise<NodeJS.Signals | null>
  readonly #process: ChildProcessByStdio<null, Readable, null>
  readonly #listeners = new Set<(word: Word) => void>()

  constructor(process: ChildProcessByStdio<null, Readable, null>) {
    this.#process = process
    const closed = new Promise<NodeJS.Signals | null>(done =>
      process.once('close', (_, signal) => done(signal)),
    )
    const lines = createInterface(process.stdout)
    const read = new Promise<void>(done => lines.once('close', done))
    lines.on('line', line => {
      const word = JSON.parse(line) as Word
      this.words.push(word)
      for (const listener of this.#listeners) listener(word)
    })
    this.ended = Promise.all([closed, read]).then(([signal]) => signal)
  }

  onWord(listener: (word: Word) => void): void {
    this.#listeners.add(listener)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }
}
