import { spawn } from 'node:child_process'
import type { Word } from '../crash/child.ts'
import { Child, type Programs } from '../crash/program.ts'
import { ClockProxy } from '../proxy/clockProxy.ts'
import { CqlProxy, type Fate, type ProxiedWrite } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { integerBelow } from '../random.ts'
import type { Task } from './child.ts'

/** How an owner of the checkpoint loses it. */
export interface Plan {
  /** SIGKILL ends it. SIGSTOP suspends it until it continues beside its successors. */
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  /**
   * The kind of write at which it happens: a change of the checkpoint, or rows. An owner is suspended only after it has taken
   * the checkpoint. Otherwise it would later take it from its successor.
   */
  readonly at: 'change' | 'rows'
  readonly nth: number
  /** What happens to that write. */
  readonly fate: Fate
  /** Error of its machine's clock, and apparent error of the node's clock, in milliseconds. */
  readonly clock_ms: number
  readonly node_ms: number
}

/** Counts of what happened to its requests. */
export interface Weather {
  /** Changes of the checkpoint with a lost answer. */
  lostAnswers: number
  /** Changes of the checkpoint that arrived after their sender had given them up. */
  lateChanges: number
  lateRows: number
}

const HOUR_MS = 3_600_000
const timedOut = { code: faultCodes.writeTimeout, message: 'Operation timed out' }

const changeFates: readonly (readonly [number, Fate])[] = [
  [0.04, { answer: 'nothing' }],
  [0.04, { answer: 'close' }],
  [0.1, { answer: timedOut }],
  [0.02, { delivery: 'never', answer: 'nothing' }],
  [0.06, { delivery: 'never', answer: timedOut }],
  [0.04, { delivery: 'late', answer: timedOut }],
  [0.03, { delivery: 'late', answer: timedOut, after_writes: 1 }],
  [0.05, { delivery: 'twice' }],
]
/** No request arrives twice unchanged. No network does that, and Cassandra would double a list (CASSANDRA-11368). */
const rowFates: readonly (readonly [number, Fate])[] = [
  [0.03, { delivery: 'late', answer: timedOut }],
  [0.03, { answer: timedOut }],
  [0.01, { answer: 'close' }],
]
/** Fates of the write at which an owner is killed or suspended. Its answer never comes in time. */
const lastFates: readonly (readonly [number, Fate])[] = [
  [0.45, {}],
  [0.4, { delivery: 'late', answer: 'nothing' }],
  [0.15, { delivery: 'never', answer: 'nothing' }],
]

export function planOf(random: () => number): Plan {
  const signal = random() < 0.5 ? 'SIGKILL' : 'SIGSTOP'
  const at = random() < 0.45 ? 'change' : 'rows'
  return {
    signal,
    at,
    nth: 1 + integerBelow(at === 'change' ? 5 : 22, random),
    fate: drawn(lastFates, random),
    clock_ms: [0, 0, HOUR_MS, -HOUR_MS][integerBelow(4, random)] ?? 0,
    // More than the start of the next process takes, so only the checkpoint tells which write times were used.
    node_ms: [0, 0, 0, 3000, -1000][integerBelow(5, random)] ?? 0,
  }
}

function drawn(fates: readonly (readonly [number, Fate])[], random: () => number): Fate {
  let draw = random()
  for (const [share, fate] of fates) {
    if (draw < share) return fate
    draw -= share
  }
  return {}
}

/** A process that owns the checkpoint and writes through its own proxies. */
export class Owner {
  readonly plan: Plan | undefined
  readonly child: Child
  /** Resolves to the last committed epoch when it reports that it is open. Resolves to undefined if it ended before. */
  readonly opened: Promise<number | undefined>
  /** Resolves when it was killed or suspended, or ended by itself. */
  readonly lost: Promise<void>
  isEnded = false
  #isOpen = false
  #isLost = false
  readonly #proxy: CqlProxy
  readonly #clock: ClockProxy

  /** @param plan undefined for the owner that reaches the end of the source */
  static async start(
    programs: Programs,
    target: { readonly host: string; readonly port: number },
    task: Omit<Task, 'host' | 'port' | 'clock_ms'>,
    plan: Plan | undefined,
    weather: Weather,
    random: () => number,
  ): Promise<Owner> {
    const proxy = await CqlProxy.start(target)
    const clock = await ClockProxy.start(proxy, plan?.node_ms ?? 0)
    const { host, port } = clock
    const told: Task = { ...task, host, port, clock_ms: plan?.clock_ms ?? 0 }
    const [program = '', ...rest] = programs.command(told)
    // Hides the warnings of a wrong clock.
    const env = { ...process.env, NODE_NO_WARNINGS: '1' }
    const child = new Child(spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'], env }))
    return new Owner(proxy, clock, child, plan, weather, random)
  }

  private constructor(
    proxy: CqlProxy,
    clock: ClockProxy,
    child: Child,
    plan: Plan | undefined,
    weather: Weather,
    random: () => number,
  ) {
    this.#proxy = proxy
    this.#clock = clock
    this.child = child
    this.plan = plan
    const ended = child.ended.then(() => {
      this.isEnded = true
    })
    this.opened = new Promise(resolve => {
      child.onWord(word => {
        if (!('open' in word)) return
        this.#isOpen = true
        resolve(word.open?.epoch_id ?? -1)
      })
      ended.then(() => resolve(undefined))
    })
    this.lost = new Promise(resolve => {
      const signal = () => {
        if (plan === undefined) return
        child.signal(plan.signal)
        resolve()
      }
      proxy.decide = this.#decide(weather, random, signal)
      ended.then(resolve)
    })
  }

  /** Its last report. */
  get lastWord(): Word | undefined {
    return this.child.words.at(-1)
  }

  /** Epochs that it reported as committed. */
  get commits(): readonly number[] {
    return this.child.words.flatMap(word => ('commit' in word ? [word.commit.epoch_id] : []))
  }

  goOn(): void {
    this.child.signal('SIGCONT')
  }

  /** Delivers its late requests. */
  deliverLate(): Promise<void> {
    return this.#proxy.deliverLate()
  }

  async stop(): Promise<void> {
    if (!this.isEnded) this.child.signal('SIGKILL')
    await this.child.ended
    await this.#clock.stop()
    await this.#proxy.stop()
  }

  #decide(
    weather: Weather,
    random: () => number,
    signal: () => void,
  ): (write: ProxiedWrite) => Fate | undefined {
    const { plan } = this
    if (plan === undefined) return () => undefined
    const count = { change: 0, rows: 0 }
    return ({ cql }) => {
      const kind = cql.includes('"checkpoints"') ? 'change' : 'rows'
      if (this.#isOpen || plan.signal === 'SIGKILL') count[kind]++
      const isLast = kind === plan.at && count[kind] === plan.nth && !this.#isLost
      const fate = isLast ? plan.fate : drawn(kind === 'change' ? changeFates : rowFates, random)
      const { delivery, answer = 'server' } = fate
      if (delivery === 'late' || delivery === 'twice')
        weather[kind === 'change' ? 'lateChanges' : 'lateRows']++
      if (kind === 'change' && answer !== 'server') weather.lostAnswers++
      if (isLast) {
        this.#isLost = true
        signal()
      }
      return fate
    }
  }
}
