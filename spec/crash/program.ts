import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Task, Word } from './child.ts'

const root = resolve(import.meta.dirname, '../..')

/** Compiled programs of a folder of specs. Children start often, and plain JavaScript starts fastest. */
export class Programs implements Disposable {
  readonly #folder: string

  constructor(folder = 'crash') {
    this.#folder = mkdtempSync(join(root, '.crash-'))
    const config = {
      extends: '../tsconfig.json',
      compilerOptions: { noEmit: false, outDir: '.', rootDir: '..' },
      include: [`../spec/${folder}/*.ts`],
    }
    writeFileSync(join(this.#folder, 'tsconfig.json'), JSON.stringify(config))
    const { status, stdout } = spawnSync('npx', ['tsc', '-p', this.#folder], { cwd: root, encoding: 'utf8' })
    if (status !== 0) throw new Error(stdout)
  }

  start(task: Task, command: readonly string[] = []): Child {
    const [program = '', ...rest] = [...command, ...this.command('spec/crash/child.js', task)]
    return new Child(spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] }))
  }

  /** The command that starts a program with its task. */
  command(program: string, task: object): string[] {
    return [process.execPath, join(this.#folder, program), JSON.stringify(task)]
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
