import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import type { Programs } from '../crash/program.ts'
import { integerBelow, randomFrom } from '../random.ts'
import type { Task, Word } from './child.ts'

export interface Campaign extends Omit<Task, 'max_rows_per_second'> {
  readonly client: Client
  readonly programs: Programs
  readonly seed: number
  readonly kills: number
  readonly tell: (line: string) => void
}

export interface Outcome {
  /** Runs that were killed after they opened. */
  readonly killed: number
  /** Copies that completed and were compared. */
  readonly copies: number
  /** Rows that the last run of a copy did not read because earlier runs had copied them, summed over all copies. */
  readonly resumed_rows: number
  readonly differences: readonly string[]
}

/** Slow enough to kill a copy several times, and to keep positions long before its end. */
const ROWS_PER_SECOND = 2000

/** Longest time in milliseconds from the opening of a run, or from its first durable position, to its kill. */
const MOST_MS = { open: 800, kept: 100 }

/** Copies a table several times. Kills each copy again and again until it completes, and compares both tables. */
export async function killCopies(campaign: Campaign): Promise<Outcome> {
  const { client, seed, kills, keyspace, to, checkpoint_location, tell } = campaign
  const random = randomFrom(seed)
  const differences: string[] = []
  let [killed, copies, resumed_rows] = [0, 0, 0]
  let [isWhole, kept_rows] = [false, 0]
  while (killed < kills || !isWhole) {
    // Every second kill comes after a durable position, so that the next run has rows to skip.
    const since = killed % 2 === 0 ? 'open' : 'kept'
    const after_ms = killed < kills ? integerBelow(MOST_MS[since], random) : Number.POSITIVE_INFINITY
    const { kept, done } = await run(campaign, since, after_ms)
    isWhole = done !== undefined
    if (done === undefined) {
      killed++
      kept_rows += kept
      continue
    }
    copies++
    const { rows, differences: found } = await compare(campaign)
    differences.push(...found)
    if (done > rows - kept_rows)
      differences.push(`the last run read ${done} of ${rows} rows, although ${kept_rows} were kept before it`)
    resumed_rows += rows - done
    tell(`copy ${copies} complete after ${killed} kills, ${differences.length} differences`)
    kept_rows = 0
    await client.execute(`TRUNCATE ${keyspace}.${to}`)
    rmSync(checkpoint_location)
  }
  return { killed, copies, resumed_rows, differences }
}

interface Run {
  readonly kept: number
  /** Undefined if it was killed. */
  readonly done: number | undefined
}

async function run(
  { programs, client: _client, tell: _tell, ...task }: Campaign,
  since: 'open' | 'kept',
  after_ms: number,
): Promise<Run> {
  const told: Task = { ...task, max_rows_per_second: ROWS_PER_SECOND }
  const [program = '', ...rest] = programs.command(told)
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let [isEnding, kept] = [!Number.isFinite(after_ms), 0]
  let done: number | undefined
  const closed = new Promise<number | null>(resolve => child.once('close', resolve))
  for await (const line of createInterface(child.stdout)) {
    const word = JSON.parse(line) as Word
    kept = word.kept ?? kept
    done = word.done ?? done
    if (isEnding || word[since] === undefined) continue
    isEnding = true
    delay(after_ms).then(() => child.kill('SIGKILL'))
  }
  const code = await closed
  if (code !== null && done === undefined)
    throw new Error(`A copy failed with code ${code}, seed ${task.seed}`)
  return { kept, done }
}

/** Number of rows to copy, and the rows that only one of the tables has, as text. */
async function compare({ client, keyspace, from, to }: Campaign) {
  const [wanted, found] = await Promise.all([from, to].map(table => rowsIn(client, `${keyspace}.${table}`)))
  const missing = [...(wanted ?? [])].filter(row => !found?.has(row)).map(row => `missing: ${row}`)
  const added = [...(found ?? [])].filter(row => !wanted?.has(row)).map(row => `added: ${row}`)
  return { rows: wanted?.size ?? 0, differences: [...missing, ...added] }
}

async function rowsIn(client: Client, table: string): Promise<Set<string>> {
  const rows = new Set<string>()
  const answer = await client.execute(`SELECT JSON * FROM ${table}`, [], { prepare: true, fetchSize: 5000 })
  for await (const row of answer) rows.add(String(row.get(0)))
  return rows
}
