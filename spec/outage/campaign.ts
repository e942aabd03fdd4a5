import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { OutageProxy } from '../proxy/outageProxy.ts'
import { randomFrom } from '../random.ts'
import type { Ended, Task, Word } from './child.ts'
import { type Pattern, type Phase, randomPattern } from './pattern.ts'

const ROWS = 200

/** Patterns per process. After them the process must end by itself. */
const PATTERNS_A_PROCESS = 10

/** Longest time in milliseconds from the end of the outages to the end of a load, on a busy machine. */
const DEADLINE_MS = 60_000

/** Milliseconds within which a process must end when it has nothing left to do. */
const EXIT_MS = 10_000

export interface Campaign {
  readonly client: Client
  readonly target: { readonly host: string; readonly port: number; readonly keyspace: string }
  /** A table with `pattern int, id int, PRIMARY KEY (pattern, id)`. */
  readonly table: string
  readonly patterns: number
  readonly seed: number
  /** Number of concurrent patterns. */
  readonly lanes: number
  readonly tell?: (line: string) => void
}

export interface Outcome {
  /** Number of loads per end: `finished`, or an error code. */
  readonly ends: Readonly<Record<string, number>>
  /** Longest time in milliseconds from the end of the outages to the end of a load. */
  readonly slowest_ms: number
  /** Violations of what must hold, each with the seed that repeats it. */
  readonly faults: readonly string[]
}

/** Runs loads through random outages. The seed of a pattern is that of the campaign plus its number. */
export async function goThroughOutages(campaign: Campaign): Promise<Outcome> {
  const ends: Record<string, number> = {}
  const faults: string[] = []
  let slowest_ms = 0
  let next = 0
  const lane = async () => {
    while (next < campaign.patterns) {
      const program = new Program()
      for (let count = 0; count < PATTERNS_A_PROCESS && next < campaign.patterns; count++) {
        const seed = campaign.seed + next++
        const found: string[] = []
        const { end, took_ms } = await goThrough(campaign, seed, program, found)
        ends[end] = (ends[end] ?? 0) + 1
        slowest_ms = Math.max(slowest_ms, took_ms)
        faults.push(...found.map(fault => `seed ${seed}: ${fault}`))
        campaign.tell?.(
          `${next} of ${campaign.patterns}: seed ${seed} ${end} after ${Math.round(took_ms)} ms`,
        )
        if (end === 'process ended' || end === 'nothing in time') break
      }
      const fault = await program.end()
      if (fault !== undefined) faults.push(`up to seed ${campaign.seed + next - 1}: ${fault}`)
    }
  }
  await Promise.all(Array.from({ length: campaign.lanes }, lane))
  return { ends, slowest_ms, faults }
}

async function goThrough(
  { client, target, table }: Campaign,
  seed: number,
  program: Program,
  faults: string[],
): Promise<{ readonly end: string; readonly took_ms: number }> {
  const random = randomFrom(seed)
  const pattern = randomPattern(random)
  const proxies = await startProxies(target, pattern)
  const told = (word: 'open' | 'given') => Promise.race([program.next(word), program.next('ended')])
  const ended = program.next('ended')
  const [first] = proxies
  const host = ['127.0.0.1', '127.0.0.2'].slice(0, proxies.length)
  const load = { ...pattern.options, ...target, host, port: first?.port ?? 0, table, flush_interval_ms: 5 }
  const start = () => program.send({ options: load, pattern: seed, rows: ROWS })
  await program.ready
  if (pattern.begins === 'before opening') start()
  else {
    const begun = told(pattern.begins === 'at the end' ? 'given' : 'open')
    start()
    await begun
  }
  for (const phase of pattern.phases) await goThroughPhase(proxies, phase, random)
  await Promise.all(proxies.map(proxy => proxy.clear()))
  const fine = performance.now()
  const inTime = new AbortController()
  const end = await Promise.race([
    ended,
    delay(DEADLINE_MS, 'nothing in time' as const, { signal: inTime.signal }).catch(() => undefined),
  ])
  inTime.abort()
  const took_ms = performance.now() - fine
  const about = JSON.stringify(pattern)
  if (typeof end !== 'object') {
    faults.push(`${end} ${program.errors} ${about}`)
    for (const proxy of proxies) await proxy.stop()
    return { end: end ?? 'process ended', took_ms }
  }
  // The other side of a socket notices its end a moment later.
  for (let turn = 0; turn < 50 && openIn(proxies) > 0; turn++) await delay(20)
  if (openIn(proxies) > 0) faults.push(`${openIn(proxies)} connections stay open ${about}`)
  if (end.left.length > 0) faults.push(`left after the end: ${end.left} ${about}`)
  for (const proxy of proxies) await proxy.stop()
  faults.push(
    ...(await wrongIn(client, `${target.keyspace}.${table}`, seed, end)).map(fault => `${fault} ${about}`),
  )
  return { end: end.outcome.split(':')[0] ?? '', took_ms }
}

const openIn = (proxies: readonly OutageProxy[]) =>
  proxies.reduce((sum, { connections }) => sum + connections, 0)

async function startProxies(
  target: Campaign['target'],
  { proxies, delay_ms }: Pattern,
): Promise<OutageProxy[]> {
  const started = [await OutageProxy.start(target)]
  if (proxies === 2) started.push(await OutageProxy.start(target, '127.0.0.2', started[0]?.port))
  for (const proxy of started) proxy.delay_ms = delay_ms
  return started
}

async function goThroughPhase(
  proxies: readonly OutageProxy[],
  { fault, meets, lasts_ms, clears, ...phase }: Phase,
  random: () => number,
): Promise<void> {
  const proxy = proxies[phase.proxy] as OutageProxy
  const hits = () => meets === 'all' || (meets === 'half of the open connections' && random() < 0.5)
  if (fault === 'cut') proxy.cut(hits)
  else if (fault === 'refuse' || fault === 'hang up') {
    await proxy.setDoor(fault)
    proxy.cut(hits)
  } else {
    proxy.strike(fault, hits)
    if (meets !== 'half of the open connections') proxy.weather = fault
  }
  await delay(lasts_ms)
  if (clears) await proxy.clear()
}

/** Compares the report of a load with the table. */
async function wrongIn(client: Client, table: string, pattern: number, end: Ended): Promise<string[]> {
  const { rows } = await client.execute(`SELECT id FROM ${table} WHERE pattern = ?`, [pattern], {
    prepare: true,
    fetchSize: 2 * ROWS,
  })
  const { outcome, rows_accepted, rows_written, rows_failed } = end
  const faults: string[] = []
  if (outcome === 'finished' && rows_written !== ROWS) faults.push(`finished with ${rows_written} rows`)
  if (rows.length < rows_written) faults.push(`${rows_written} rows written, ${rows.length} in the table`)
  if (rows_written + rows_failed !== rows_accepted)
    faults.push(`counts do not add up: ${JSON.stringify(end)}`)
  if (!/^(?:finished|ERR_CASSANDRA_(?:CONNECT|CONNECT_TIMEOUT|RETRY_TIMEOUT)\b)/.test(outcome))
    faults.push(outcome)
  return faults
}

/** A process that runs one load after the other. */
class Program {
  /** The output on standard error. */
  errors = ''
  readonly #process: ChildProcess
  readonly #words = new EventEmitter()
  /** Resolves when the process has loaded its modules or ended. */
  readonly ready: Promise<unknown>
  readonly #exited: Promise<undefined>
  #status: number | string | undefined

  constructor() {
    this.#process = fork(resolve(import.meta.dirname, 'child.ts'), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr?.on('data', data => {
      this.errors += data
    })
    this.#process.on('message', (word: Word) => {
      if (typeof word === 'string') this.#words.emit(word)
      else this.#words.emit('ended', word)
    })
    // A listener for a word that never comes stays registered.
    this.#words.setMaxListeners(0)
    this.#exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.#status = code ?? signal
      return undefined
    })
    this.ready = this.next('ready')
  }

  send(task: Task): void {
    if (this.#process.connected) this.#process.send(task)
  }

  /** Resolves at the next word of this kind. Resolves to undefined when the process has ended. */
  async next(word: 'ready' | 'open' | 'given' | 'ended'): Promise<Ended | undefined> {
    const said = once(this.#words, word).then(([ended]) => ended)
    return Promise.race([said, this.#exited])
  }

  /** Lets the process end. @returns what is wrong if it does not end by itself, with status 0 and without a warning */
  async end(): Promise<string | undefined> {
    if (this.#process.connected) this.#process.disconnect()
    await Promise.race([this.#exited, delay(EXIT_MS, undefined, { ref: false })])
    if (this.#status === 0 && this.errors === '') return undefined
    if (this.#status !== undefined) return `the process ended with ${this.#status}: ${this.errors}`
    this.#process.kill('SIGKILL')
    return 'the process did not end'
  }
}
