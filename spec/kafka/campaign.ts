import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { createCassandraWritable } from '../../lib/index.ts'
import type { Kafka } from '../../lib/testing/index.ts'
import { integerBelow, randomFrom } from '../random.ts'
import type { ClientKind, Task, Word } from './child.ts'
import { keyTextOf, type MessageRow, messageAt, tableOfMessages, valueTextOf } from './rows.ts'
import { Topics } from './topics.ts'

/** Messages of a partition per request of the producer. */
const SENT_AT_ONCE = 100

/** Mean milliseconds between two events. Messages are sent for as long. */
const EVENT_MS = 1_100

/** Milliseconds for the members to catch up after the last event. */
const CATCH_UP_MS = 180_000

/** Number of failed members at which a round is given up. */
const MOST_FAULTS = 5

/** Milliseconds between two checks of the group. */
const LOOK_MS = 250

export type Store = 'folder' | 'table'

export interface Round {
  readonly client: Client
  readonly contactPoint: string
  readonly localDataCenter: string
  readonly keyspace: string
  readonly brokers: readonly string[]
  /** The broker, if it is restarted during the round. */
  readonly kafka?: Kafka | undefined
  /** The command that starts the program with its task. */
  readonly command: (task: object) => string[]
  readonly kind: ClientKind
  /** Where the checkpoints are kept. */
  readonly store: Store
  readonly seed: number
  readonly messages: number
  readonly partitions: number
  readonly members: number
  /** Number of kills, pauses, joins and leaves. */
  readonly events: number
  readonly tell?: (line: string) => void
}

export interface Outcome {
  readonly kills: number
  readonly pauses: number
  readonly leaves: number
  readonly restarts: number
  /** Epochs that a member wrote again, because they had been begun and not finished. */
  readonly replays: number
  /** How often a member that was alive at the end had lost a partition's checkpoint to another one. */
  readonly fenced: number
  /** Number of rows in the table of the clean run. */
  readonly rows: number
  readonly seconds: number
  /** Violations of what must hold. */
  readonly faults: readonly string[]
}

/** Runs a group whose members are killed, paused, added and removed while messages arrive. Compares the table with a clean run. */
export async function consume(round: Round): Promise<Outcome> {
  const { client, keyspace, seed, messages, partitions, members, events } = round
  const random = randomFrom(seed)
  const name = randomBytes(4).toString('hex')
  const [table, clean] = [`consumed_${name}`, `clean_${name}`]
  for (const each of [table, clean]) {
    await client.execute(`CREATE TABLE ${keyspace}.${each} (${tableOfMessages})`)
  }
  // KafkaJS clients never stop asking for a deleted topic.
  const topics = new Topics(round.brokers)
  await topics.open()
  const topic = await topics.make('campaign', partitions)
  const group_id = `group-${name}`
  const folder = await mkdtemp(join(tmpdir(), 'kafka-checkpoints-'))
  const task: Task = {
    brokers: round.brokers,
    client: round.kind,
    group_id,
    topic,
    checkpoint: round.store === 'table' ? { keyspace, table: 'checkpoints' } : folder,
    contactPoint: round.contactPoint,
    localDataCenter: round.localDataCenter,
    keyspace,
    table,
    rows_per_epoch: 100 + integerBelow(1_000, random),
    epoch_interval_ms: 50 + integerBelow(300, random),
    max_buffered_bytes: random() < 0.3 ? 65_536 : 16 * 1024 * 1024,
  }
  const from = performance.now()
  const group = new Group(round, task)
  try {
    for (let i = 0; i < members; i++) group.start()
    const sent = async () => {
      const half = Math.ceil(messages / partitions / 2)
      await send(round, topics, topic, 0, half)
      const restarts = await restart(round, topics, random)
      await send(round, topics, topic, half, Math.ceil(messages / partitions))
      return restarts
    }
    const [counts, restarts] = await Promise.all([disturb(group, events, randomFrom(seed + 1)), sent()])
    const faults = await untilCaughtUp(topics, group, group_id, topic)
    faults.push(...(await group.stop()))
    const { replays, fenced } = group
    await writeClean(round, clean)
    const { rows, differences } = await compare(client, keyspace, table, clean)
    faults.push(...differences.slice(0, 20))
    if (rows < messages / 1000) faults.push(`the clean table has ${rows} rows only`)
    const seconds = Math.round((performance.now() - from) / 1000)
    return { ...counts, restarts, replays, fenced, rows, seconds, faults }
  } finally {
    group.kill()
    await rm(folder, { recursive: true, force: true })
    for (const each of [table, clean]) await client.execute(`DROP TABLE ${keyspace}.${each}`)
    await topics.admin.deleteTopics({ topics: [topic] }).catch(() => {})
    await topics.close()
  }
}

/** Kills the broker and starts it again, while the members go on. Returns how often. */
async function restart({ kafka, tell }: Round, topics: Topics, random: () => number): Promise<number> {
  if (kafka === undefined) return 0
  // KafkaJS clients end the process when their broker goes away.
  await topics.close()
  tell?.('the broker is killed and started again')
  await kafka.kill()
  await delay(integerBelow(2_000, random))
  await kafka.start()
  await topics.open()
  return 1
}

/** Sends the messages of all partitions, about as long as events happen. Those of one partition keep their order. */
async function send(
  { seed, partitions, messages, events }: Round,
  topics: Topics,
  topic: string,
  first: number,
  end: number,
): Promise<void> {
  const wait_ms = (events * EVENT_MS * SENT_AT_ONCE * partitions) / messages
  for (let from = first; from < end; from += SENT_AT_ONCE) {
    const next = delay(wait_ms)
    const batch = Array.from({ length: partitions }, (_, partition) =>
      Array.from({ length: Math.min(SENT_AT_ONCE, end - from) }, (_, i) => {
        const message = messageAt(seed, partition, from + i)
        return { partition, key: keyTextOf(message), value: valueTextOf(message) }
      }),
    ).flat()
    // Waits for the broker's acknowledgement. A batch without one is sent again, and may then be in the log twice.
    await topics.producer.send({ topic, messages: batch, acks: -1 })
    await next
  }
}

/** Kills, pauses, adds and removes members at random moments. */
async function disturb(group: Group, events: number, random: () => number) {
  const counts = { kills: 0, pauses: 0, leaves: 0 }
  for (let event = 0; event < events; event++) {
    await delay(integerBelow(2 * EVENT_MS, random))
    const draw = random()
    if (draw < 0.5) {
      counts.kills++
      group.killOne(integerBelow(1000, random))
      if (random() < 0.5) await delay(integerBelow(1_500, random))
      group.start()
    } else if (draw < 0.75) {
      counts.pauses++
      group.pauseOne(integerBelow(1000, random), 200 + integerBelow(12_000, random))
    } else {
      counts.leaves++
      if (random() < 0.5) group.start()
      group.leaveOne(integerBelow(1000, random))
      group.start()
    }
  }
  return counts
}

/** Resumes paused members, and waits until the group has committed everything. */
async function untilCaughtUp(
  topics: Topics,
  group: Group,
  group_id: string,
  topic: string,
): Promise<string[]> {
  group.resumeAll()
  const ends = await topics.ends(topic)
  const until = performance.now() + CATCH_UP_MS
  for (;;) {
    const committed = await topics.committed(group_id, topic).catch(() => [])
    if (committed.length === ends.length && ends.every((end, i) => committed[i] === end)) return []
    if (performance.now() > until) return [`the group committed ${committed} of ${ends}`]
    if (group.replaceFailed() > MOST_FAULTS) return []
    await delay(LOOK_MS)
  }
}

/** Writes the table of a run without failures. */
async function writeClean(
  { contactPoint, keyspace, seed, messages, partitions }: Round,
  table: string,
): Promise<void> {
  const [host = '', port] = contactPoint.split(':')
  const each = Math.ceil(messages / partitions)
  function* rows() {
    for (let index = 0; index < each; index++) {
      for (let partition = 0; partition < partitions; partition++) {
        const { key, rows } = messageAt(seed, partition, index)
        if (rows === null) yield { ...key, op: 'delete' }
        else for (const row of rows) yield { ...row, op: 'insert' }
      }
    }
  }
  const options = { host, port: Number(port), keyspace, table, operation_column: 'op' }
  await pipeline(Readable.from(rows()), createCassandraWritable<MessageRow>(options))
}

async function compare(client: Client, keyspace: string, table: string, clean: string) {
  const [found, wanted] = await Promise.all([table, clean].map(name => contentsOf(client, keyspace, name)))
  const keys = new Set([...(found?.keys() ?? []), ...(wanted?.keys() ?? [])])
  const differences = [...keys]
    .filter(key => found?.get(key) !== wanted?.get(key))
    .map(key => `row ${key} is ${found?.get(key)} and should be ${wanted?.get(key)}`)
  return { rows: wanted?.size ?? 0, differences }
}

async function contentsOf(client: Client, keyspace: string, table: string): Promise<Map<string, string>> {
  const contents = new Map<string, string>()
  const cql = `SELECT * FROM ${keyspace}.${table}`
  for await (const { p, c, ...values } of await client.execute(cql, [], { prepare: true, fetchSize: 1000 })) {
    contents.set(`${p}/${c}`, JSON.stringify(values))
  }
  return contents
}

interface Member {
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  readonly words: Word[]
  readonly ended: Promise<void>
  /** How the process ended. `undefined` while it runs. */
  end: NodeJS.Signals | 'exit' | undefined
  isLeaving: boolean
  isKilled: boolean
}

/** The processes of a round. */
class Group {
  readonly #round: Round
  readonly #task: Task
  readonly #members = new Set<Member>()
  readonly #faults: string[] = []
  replays = 0
  fenced = 0

  constructor(round: Round, task: Task) {
    this.#round = round
    this.#task = task
  }

  start(): void {
    const [program = '', ...args] = this.#round.command(this.#task)
    // Its input ends when this process does, however that happens.
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const words: Word[] = []
    const lines = createInterface(child.stdout)
    lines.on('line', line => {
      const word = JSON.parse(line) as Word
      words.push(word)
      if ('replayed' in word) this.replays++
      if ('ended' in word) this.fenced += word.ended.fenced
    })
    const read = new Promise<void>(resolve => lines.once('close', resolve))
    const ended = new Promise<void>(resolve =>
      child.once('close', (_, signal) => {
        member.end = signal ?? 'exit'
        void read.then(resolve)
      }),
    )
    const member: Member = { process: child, words, ended, end: undefined, isLeaving: false, isKilled: false }
    this.#members.add(member)
  }

  killOne(draw: number): void {
    const member = this.#pick(draw)
    if (member === undefined) return
    member.isKilled = true
    member.process.kill('SIGKILL')
  }

  /** Suspends a member for so long that others may have its partitions when it continues. */
  pauseOne(draw: number, wait_ms: number): void {
    const member = this.#pick(draw)
    member?.process.kill('SIGSTOP')
    setTimeout(() => member?.process.kill('SIGCONT'), wait_ms)
  }

  leaveOne(draw: number): void {
    const member = this.#pick(draw)
    if (member === undefined) return
    member.isLeaving = true
    member.process.kill('SIGTERM')
  }

  resumeAll(): void {
    for (const { process } of this.#members) process.kill('SIGCONT')
  }

  /** Records each failed member as a fault, and replaces it so that the round continues. */
  replaceFailed(): number {
    for (const member of this.#members) {
      if (member.end === undefined) continue
      this.#members.delete(member)
      const failed = member.words.find(word => 'failed' in word)
      if (failed !== undefined) {
        this.#faults.push(`a member failed: ${JSON.stringify(failed)}`)
        this.start()
      }
    }
    return this.#faults.length
  }

  /** Stops all members. Resolves to what was wrong. */
  async stop(): Promise<string[]> {
    this.replaceFailed()
    for (const { process } of this.#members) process.kill('SIGTERM')
    const late = setTimeout(() => {
      this.#faults.push('a member did not leave within 60 s')
      this.kill()
    }, 60_000)
    await Promise.all([...this.#members].map(({ ended }) => ended))
    clearTimeout(late)
    for (const { words, end, isKilled } of this.#members) {
      if (isKilled) continue
      // While a process exits, it no longer handles the signal. It may also get it before its first line.
      const hasEnded = words.some(word => 'ended' in word)
      if ((end === 'exit' && hasEnded) || (end === 'SIGTERM' && (hasEnded || words.length === 0))) continue
      this.#faults.push(`a member ended with ${end} and ${JSON.stringify(words.at(-1))}`)
    }
    return this.#faults
  }

  kill(): void {
    for (const { process } of this.#members) process.kill('SIGKILL')
  }

  #pick(draw: number): Member | undefined {
    const running = [...this.#members].filter(({ end, isLeaving }) => end === undefined && !isLeaving)
    return running[draw % running.length]
  }
}
