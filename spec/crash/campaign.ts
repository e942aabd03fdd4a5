import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { createCassandraWritable } from '../../lib/index.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { flawAt, withFlaws } from './badRows.ts'
import { stateIn } from './checkpointState.ts'
import type { Task, Word } from './child.ts'
import type { Child, Programs } from './program.ts'
import { type CrashRow, controls, rowsFrom, tableOfRows } from './rows.ts'

/** Upper bound for the average number of rows sent again per refused row: its batch is sent again in parts. */
const SENT_FOR_A_REFUSAL = 20

/** Rows of the source per kill. A run writes fewer before it is killed. */
const ROWS_A_KILL = 250

export interface Campaign {
  readonly client: Client
  readonly contactPoint: string
  readonly localDataCenter: string
  readonly keyspace: string
  readonly programs: Programs
  readonly checkpoint_location: string
  readonly seed: number
  readonly kills: number
  readonly tell?: (line: string) => void
}

export interface Outcome {
  readonly rows: number
  readonly kills: number
  /** Kills during a replay. */
  readonly inReplay: number
  /** Kills while an epoch was sealed and not committed. */
  readonly sealed: number
  /** Of these, kills while the next epoch was sealed too. */
  readonly twoSealed: number
  /** Replays with new write times because of lists, as far as the checkpoint file still has them. */
  readonly reseals: number
  /** Rows of the source that cannot be stored. */
  readonly bad: number
  readonly epochs: number
  /** Rows of all requests of all runs. */
  readonly sent: number
  /** Upper bound for `sent`: each row once, and each epoch that a kill left unfinished once more. */
  readonly allowed: number
  /** Violations of what must hold. */
  readonly faults: readonly string[]
}

/** Kills a load at random moments for the given number of times, lets it finish, and compares the table with a clean run. */
export async function crash(campaign: Campaign): Promise<Outcome> {
  const { client, keyspace, programs, checkpoint_location, seed, kills } = campaign
  const random = randomFrom(seed)
  const rows = kills * ROWS_A_KILL
  for (const table of ['killed', 'clean']) {
    await client.execute(`CREATE TABLE ${keyspace}.${table} (${tableOfRows})`)
    await client.execute(`CREATE INDEX ON ${keyspace}.${table} (t)`)
  }
  const faults: string[] = []
  const aside = new Set<number>()
  const count = { kills: 0, inReplay: 0, sealed: 0, twoSealed: 0, sent: 0, allowed: rows }
  for (;;) {
    const before = stateIn(checkpoint_location)
    const child = programs.start(taskOf(campaign, rows, random))
    const isLast = count.kills >= kills
    if (!isLast) killSometime(child, before.sealed !== undefined, random)
    const signal = await child.ended
    const after = stateIn(checkpoint_location)
    checkRun(child.words, before, faults)
    for (const word of child.words) if ('aside' in word) aside.add(word.aside)
    const begun = (after.sealed?.rows ?? 0) + (after.next?.rows ?? 0)
    count.allowed += SENT_FOR_A_REFUSAL * refusalsIn(child.words, begun, seed)
    count.sent += sum(child.words, word => ('send' in word ? word.send : 0))
    if (signal !== 'SIGKILL') {
      const done = child.words.find(word => 'done' in word)
      if (done === undefined) faults.push(`a run ended with ${JSON.stringify(child.words.at(-1))}`)
      if (!isLast && done !== undefined) faults.push(`the source ended after ${count.kills} kills`)
      break
    }
    count.kills++
    count.allowed += begun
    if (after.sealed !== undefined) count.sealed++
    if (after.next !== undefined) count.twoSealed++
    const replayed = before.sealed !== undefined && after.sealed?.epoch_id === before.sealed.epoch_id
    if (replayed && child.words.some(word => 'send' in word)) count.inReplay++
    campaign.tell?.(
      `kill ${count.kills}: epoch ${after.committed} committed, ${count.inReplay} kills in a replay`,
    )
  }
  const { contactPoint } = campaign
  const [host = '', port] = contactPoint.split(':')
  const clean = createCassandraWritable<CrashRow>({
    host,
    port: Number(port),
    keyspace,
    table: 'clean',
    ...controls,
    on_bad_row: ({ row_index }) => {
      if (!aside.delete(row_index)) faults.push(`row ${row_index} is bad and was never told`)
    },
  })
  await pipeline(Readable.from(withFlaws(rowsFrom(seed, 0, rows), seed, 0)), clean)
  for (const index of aside) faults.push(`row ${index} was set aside and is not bad`)
  faults.push(...(await differences(client, keyspace, 'killed', 'clean')))
  const { committed, reseals } = stateIn(checkpoint_location)
  return { rows, bad: clean.stats.rows_set_aside, epochs: committed + 1, reseals, faults, ...count }
}

function taskOf(campaign: Campaign, rows: number, random: () => number): Task {
  const { contactPoint, localDataCenter, keyspace, checkpoint_location, seed } = campaign
  const options = {
    rows_per_epoch: 20 + integerBelow(200, random),
    rows_per_batch: 5 + integerBelow(40, random),
    concurrency: 1 + integerBelow(8, random),
  }
  return {
    contactPoint,
    localDataCenter,
    keyspace,
    table: 'killed',
    checkpoint_location,
    seed,
    rows,
    flaws: true,
    late: random() < 0.5 ? 0.2 : 0,
    options,
  }
}

/** Number of rows of a run that only Cassandra refuses, up to the end of its last epoch. */
function refusalsIn(words: readonly Word[], sealed: number, seed: number): number {
  const from = words.flatMap(word => ('open' in word ? [word.open?.rows_total ?? 0] : []))[0] ?? 0
  const to = from + sealed + sum(words, word => ('commit' in word ? word.commit.rows : 0))
  let refusals = 0
  for (let index = from; index < to; index++) if (flawAt(seed, index) === 'too long') refusals++
  return refusals
}

/** Kills the child at a random moment. Most kills come while rows are in flight, and during a replay if there is one. */
function killSometime(child: Child, isReplay: boolean, random: () => number): void {
  const event =
    isReplay && random() < 0.6
      ? 'send'
      : (['send', 'send', 'commit', 'open'] as const)[integerBelow(4, random)]
  let left = 1 + integerBelow(event === 'send' ? (isReplay ? 4 : 20) : 3, random)
  if (event === 'open') left = 1
  const wait = random() * 4
  child.onWord(word => {
    if (event !== undefined && event in word && --left === 0)
      void delay(wait).then(() => child.signal('SIGKILL'))
  })
}

/** Checks that epochs come in order, and that an unfinished epoch comes first with the number of rows that was sealed. */
function checkRun(words: readonly Word[], before: ReturnType<typeof stateIn>, faults: string[]): void {
  const commits = words.flatMap(word => ('commit' in word ? [word.commit] : []))
  for (const [i, { epoch_id, rows }] of commits.entries()) {
    const expected = before.committed + 1 + i
    if (epoch_id !== expected) faults.push(`epoch ${epoch_id} was committed in place of ${expected}`)
    const begun = [before.sealed, before.next][i]
    if (begun !== undefined && rows !== begun.rows) {
      faults.push(`epoch ${epoch_id} was sealed with ${begun.rows} rows and committed with ${rows}`)
    }
  }
}

/** Rows that differ between the tables, including whether their values expire. */
export async function differences(
  client: Client,
  keyspace: string,
  table: string,
  cleanTable: string,
): Promise<string[]> {
  const [killed, clean] = await Promise.all(
    [table, cleanTable].map(name => contentsOf(client, keyspace, name)),
  )
  const keys = new Set([...(killed?.keys() ?? []), ...(clean?.keys() ?? [])])
  return [...keys]
    .filter(key => killed?.get(key) !== clean?.get(key))
    .map(key => `row ${key} is ${killed?.get(key)} and should be ${clean?.get(key)}`)
}

async function contentsOf(client: Client, keyspace: string, table: string): Promise<Map<string, string>> {
  const cql = `SELECT p, c, v, t, s, numbers, tags, items, fixed, ttl(v) AS v_ttl, ttl(t) AS t_ttl, ttl(fixed) AS fixed_ttl
    FROM ${keyspace}.${table}`
  const contents = new Map<string, string>()
  for await (const row of await client.execute(cql, [], { prepare: true, fetchSize: 1000 })) {
    const { p, c, v_ttl, t_ttl, fixed_ttl, ...values } = row
    // The remaining seconds tell which time to live it was: of 50,000 and 90,000 seconds, few have passed.
    const ttls = [v_ttl, t_ttl, fixed_ttl].map(ttl =>
      ttl === null ? 'forever' : ttl > 50_000 ? 'long' : 'short',
    )
    contents.set(`${p}/${c}`, JSON.stringify([values, ttls]))
  }
  return contents
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
