import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KafkaStartError } from './error.ts'
import { type Guarded, isStopped, removeAtEnd, runGuarded } from './guard.ts'
import type { Kafka, KafkaOptions } from './kafka.ts'
import { brokerCommand, formatCommand, serverProperties } from './kafkaProperties.ts'
import { waitForBroker } from './kafkaReadiness.ts'
import { reservePorts } from './ports.ts'

const HOST = '127.0.0.1'

/** Longest time in milliseconds for a start, also on a busy machine. */
const START_TIMEOUT_MS = 180_000

const STOP_POLL_MS = 10

const LOG_TAIL_LINES = 40

/** What a broker is started with. */
export interface BrokerStart extends Required<KafkaOptions> {
  readonly java: string
  readonly jars: string
}

/**
 * Formats a folder, starts a broker on it as a child process, and waits until it answers.
 * @throws KafkaStartError with the end of its log
 */
export async function startBroker(start: BrokerStart): Promise<Kafka> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-kafka-'))
  const removeFolder = removeAtEnd(folder)
  const ports = await reservePorts([HOST], KAFKA_PORTS)
  const { native: port, storage: controllerPort } = ports
  const file = join(folder, 'server.properties')
  const broker = new Broker(folder, port, brokerCommand(start.java, start.jars, file))
  const end = async () => {
    await broker.kill()
    ports.release()
    await removeFolder()
  }
  try {
    await writeFile(file, serverProperties({ ...start, folder, port, controllerPort }))
    await run(formatCommand(start.java, start.jars, file, newClusterId()))
    await broker.start()
  } catch (error) {
    await end()
    throw error
  }
  return { brokers: [`${HOST}:${port}`], log: broker.log, source: 'maven', ...controls(broker, end) }
}

/** Kafka's usual port for clients, and the next one for the controller. */
const KAFKA_PORTS = { native: 9092, storage: 9093 }

class Broker {
  readonly log: string
  readonly #folder: string
  readonly #port: number
  readonly #command: readonly string[]
  #process: Guarded | undefined

  constructor(folder: string, port: number, command: readonly string[]) {
    this.log = join(folder, 'kafka.log')
    this.#folder = folder
    this.#port = port
    this.#command = command
  }

  get isRunning(): boolean {
    return this.#process?.isRunning() ?? false
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new KafkaStartError('The broker is running')
    const started = await runGuarded(this.#command, this.log)
    this.#process = started
    try {
      await this.untilReady()
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** Resolves when the broker answers. */
  async untilReady(): Promise<void> {
    const gone = new AbortController()
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(START_TIMEOUT_MS)])
    const ended = (this.#process?.ended ?? Promise.resolve(0)).then(code => {
      throw new Error(`it ended with exit code ${code}`)
    })
    try {
      await Promise.race([waitForBroker(HOST, this.#port, signal), ended])
    } catch (error) {
      throw await this.#explained(error)
    } finally {
      gone.abort()
    }
  }

  async kill(): Promise<void> {
    await this.#process?.end()
  }

  /** Resolves when every thread is stopped. */
  async pause(): Promise<void> {
    const pid = this.#signal('SIGSTOP')
    while (this.isRunning && !(await isStopped(pid))) await delay(STOP_POLL_MS)
  }

  async resume(): Promise<void> {
    this.#signal('SIGCONT')
    await this.untilReady()
  }

  #signal(name: NodeJS.Signals): number {
    if (this.#process === undefined || !this.isRunning) throw new KafkaStartError('The broker is down')
    const { pid } = this.#process
    process.kill(pid, name)
    return pid
  }

  async #explained(cause: unknown): Promise<KafkaStartError> {
    const kept = join(await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-logs-')), 'kafka.log')
    await cp(this.log, kept).catch(() => {})
    const text = await readFile(this.log, 'utf8').catch(() => '')
    const tail = text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
    const why = (cause as Partial<Error> | undefined)?.message ?? String(cause)
    const message = `Kafka did not start in ${this.#folder}: ${why}\n--- end of its log ---\n${tail}\n--- the complete log is ${kept} ---`
    return new KafkaStartError(message, { cause })
  }
}

function controls(broker: Broker, end: () => Promise<void>) {
  let stopped: Promise<void> | undefined
  const whileThere = async (act: () => Promise<void>) => {
    if (stopped !== undefined) throw new KafkaStartError('This Kafka was stopped')
    await act()
  }
  const stop = () => {
    stopped ??= end()
    return stopped
  }
  return {
    stop,
    [Symbol.asyncDispose]: stop,
    kill: () => whileThere(() => broker.kill()),
    pause: () => whileThere(() => broker.pause()),
    resume: () => whileThere(() => broker.resume()),
    start: () => whileThere(() => broker.start()),
  }
}

function run([command = '', ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: START_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) return resolve()
      const output = (stdout + stderr).trim().split('\n').slice(-LOG_TAIL_LINES).join('\n')
      reject(new KafkaStartError(`Kafka could not format its folder:\n${output}`, { cause: error }))
    })
  })
}

/** 16 random bytes as base64url. The format tool would read an id that begins with a hyphen as an option. */
function newClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
