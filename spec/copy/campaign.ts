import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import type { Programs } from '../crash/program.ts'
import { integerBelow, randomFrom } from '../random.ts'
import type { Task } from './child.ts'

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
  /** Rows that an earlier run had committed, summed over all runs. 0 if the source keeps the position. */
  readonly resumed_rows: number
  readonly differences: readonly string[]
}

/** Slow enough to kill a copy several times. */
const ROWS_PER_SECOND = 4000

/** Longest time in milliseconds from the opening of a run to its kill. */
const MOST_MS = 800

/** Copies a table several times. Kills each copy again and again until it completes, and compares both tables. */
export async function killCopies(campaign: Campaign): Promise<Outcome> {
  const { client, seed, kills, keyspace, to, checkpoint_location, tell } = campaign
  const random = randomFrom(seed)
  const differences: string[] = []
  let [killed, copies, resumed_rows] = [0, 0, 0]
  let isWhole = false
  while (killed < kills || !isWhole) {
    const after_ms = killed < kills ? integerBelow(MOST_MS, random) : Number.POSITIVE_INFINITY
    const { opened, isDone } = await run(campaign, after_ms)
    isWhole = isDone
    if (opened !== undefined) resumed_rows += opened
    if (!isDone) {
      killed++
      continue
    }
    copies++
    differences.push(...(await compare(campaign)))
    tell(`copy ${copies} complete after ${killed} kills, ${differences.length} differences`)
    await client.execute(`TRUNCATE ${keyspace}.${to}`)
    rmSync(checkpoint_location)
  }
  return { killed, copies, resumed_rows, differences }
}

async function run(
  { programs, client: _client, tell: _tell, ...task }: Campaign,
  after_ms: number,
): Promise<{ readonly opened: number | undefined; readonly isDone: boolean }> {
  const told: Task = { ...task, max_rows_per_second: ROWS_PER_SECOND }
  const [program = '', ...rest] = programs.command(told)
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let opened: number | undefined
  let isDone = false
  const closed = new Promise<number | null>(resolve => child.once('close', resolve))
  for await (const line of createInterface(child.stdout)) {
    const word = JSON.parse(line) as { readonly open?: number; readonly done?: boolean }
    isDone ||= word.done === true
    opened ??= word.open
    if (word.open !== undefined && Number.isFinite(after_ms))
      delay(after_ms).then(() => child.kill('SIGKILL'))
  }
  const code = await closed
  if (code !== null && !isDone) throw new Error(`A copy failed with code ${code}, seed ${task.seed}`)
  return { opened, isDone }
}

/** Rows that only one of the tables has, as text. */
async function compare({ client, keyspace, from, to }: Campaign): Promise<string[]> {
  const [wanted, found] = await Promise.all([from, to].map(table => rowsIn(client, `${keyspace}.${table}`)))
  const missing = [...(wanted ?? [])].filter(row => !found?.has(row)).map(row => `missing: ${row}`)
  const added = [...(found ?? [])].filter(row => !wanted?.has(row)).map(row => `added: ${row}`)
  return [...missing, ...added]
}

async function rowsIn(client: Client, table: string): Promise<Set<string>> {
  const rows = new Set<string>()
  const answer = await client.execute(`SELECT JSON * FROM ${table}`, [], { prepare: true, fetchSize: 5000 })
  for await (const row of answer) rows.add(String(row.get(0)))
  return rows
}
