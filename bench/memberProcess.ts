import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { KafkaJob, KafkaReport } from './kafkaMember.ts'

/** A member of a consumer group in its own process. */
export class MemberProcess {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(job: KafkaJob) {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'kafkaMember.ts'), JSON.stringify(job)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.#process = child
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  async next(): Promise<KafkaReport> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('A process ended before all was written')
    return JSON.parse(value) as KafkaReport
  }

  async end(): Promise<void> {
    const closed = once(this.#process, 'close')
    this.#process.kill('SIGTERM')
    this.#process.stdout?.resume()
    await closed
  }
}
