import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { createCassandraWritable } from '../../lib/index.ts'
import { differences } from '../crash/campaign.ts'
import type { Programs } from '../crash/program.ts'
import { type CrashRow, controls, tableOfRows } from '../crash/rows.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { Owner, planOf, type Weather } from './owner.ts'
import { windowedRows } from './rows.ts'

/** Rows of the source per owner. An owner writes fewer before it loses the checkpoint. */
const ROWS_A_RUN = 300

/** Maximum number of owners that open while a suspended one sleeps. */
const MOST_SUCCESSORS = 2

/** Ends a hang, in milliseconds. */
const MOST_MS = 120_000

export interface Campaign {
  readonly client: Client
  readonly target: { readonly host: string; readonly port: number }
  readonly keyspace: string
  readonly programs: Programs
  readonly seed: number
  /** Number of times that the checkpoint is taken from an owner. */
  readonly runs: number
  readonly tell?: (line: string) => void
}

export interface Outcome extends Weather {
  readonly rows: number
  readonly runs: number
  readonly kills: number
  /** Number of suspended owners that continued after another one had taken the checkpoint. */
  readonly zombies: number
  /** Number of owners that were killed or suspended while a change of the checkpoint was in flight. */
  readonly inChange: number
  /** Number of owners with a clock that was wrong by an hour. */
  readonly wrongClocks: number
  readonly epochs: number
  /** Violations of what must hold. */
  readonly faults: readonly string[]
}

/** A suspended owner, and the number of owners that open before it continues. */
interface Sleeper {
  readonly owner: Owner
  readonly run: number
  readonly random: () => number
  left: number
  /** Last committed epoch when its first successor had the checkpoint. */
  committed: number | undefined
}

/**
 * Takes the checkpoint from one owner after the other, each killed or suspended at a random request. Suspended owners
 * continue beside their successors, and requests in flight arrive late. Compares the table with a clean run.
 */
export async function takeOver(campaign: Campaign): Promise<Outcome> {
  const { client, keyspace, target, programs, seed, runs, tell } = campaign
  const random = randomFrom(seed)
  const rows = (runs + 1) * ROWS_A_RUN
  for (const table of ['taken', 'clean'])
    await client.execute(`CREATE TABLE ${keyspace}.${table} (${tableOfRows})`)
  const place = { keyspace, table: 'checkpoints', name: 'orders' }
  const faults: string[] = []
  const count = {
    kills: 0,
    zombies: 0,
    inChange: 0,
    wrongClocks: 0,
    lostAnswers: 0,
    lateChanges: 0,
    lateRows: 0,
  }
  const told = new Map<number, number>()
  let sleepers: Sleeper[] = []
  const ending = new Set<Promise<void>>()

  const settle = async (owner: Owner, run: number) => {
    for (const epoch of owner.commits) {
      if (told.has(epoch)) faults.push(`epoch ${epoch} was committed in runs ${told.get(epoch)} and ${run}`)
      told.set(epoch, run)
    }
    await owner.deliverLate()
    await owner.stop()
  }
  /** Resumes a suspended owner, and checks what it still does. */
  const wake = async ({ owner, run, random, committed = -1 }: Sleeper) => {
    await delay(random() * 40)
    if (random() < 0.5) await owner.deliverLate()
    owner.goOn()
    const isEnded = await Promise.race([
      owner.child.ended.then(() => true),
      delay(MOST_MS, false, { ref: false }),
    ])
    const { lastWord = {} } = owner
    if (!isEnded || !('failed' in lastWord) || lastWord.failed !== 'ERR_CASSANDRA_FENCED')
      faults.push(`run ${run} went on and ended with ${JSON.stringify(lastWord)}`)
    const late = owner.commits.filter(epoch => epoch > committed)
    if (late.length > 0) faults.push(`run ${run} committed epochs ${late} when it was fenced`)
    await settle(owner, run)
  }
  const keep = (work: Promise<void>) => {
    const kept = work.catch(error => {
      faults.push(String(error))
    })
    ending.add(kept)
    kept.finally(() => ending.delete(kept))
  }

  for (let run = 0; ; run++) {
    const plan = run < runs ? planOf(random) : undefined
    const options = {
      rows_per_epoch: 20 + integerBelow(200, random),
      rows_per_batch: 5 + integerBelow(40, random),
      concurrency: 1 + integerBelow(8, random),
      request_timeout_ms: 1000,
      wait_for_server_ms: 30_000,
      max_clock_skew_ms: 7_200_000,
    }
    const task = { keyspace, table: 'taken', checkpoint_location: place, seed, rows, options }
    // Each run has its own random numbers, so that a seed repeats the plans whatever happens in other runs.
    const own = randomFrom(seed ^ Math.imul(run + 1, 0x85ebca6b))
    const from = performance.now()
    const owner = await Owner.start(programs, target, task, plan, count, own)
    const most_ms = plan === undefined ? 10 * MOST_MS : MOST_MS
    const isLost = Promise.race([owner.lost.then(() => true), delay(most_ms, false, { ref: false })])
    keep(
      owner.opened.then(committed => {
        if (committed === undefined) return
        for (const sleeper of sleepers) {
          sleeper.committed ??= committed
          sleeper.left--
        }
        const woken = sleepers.filter(({ left }) => left <= 0)
        sleepers = sleepers.filter(({ left }) => left > 0)
        for (const sleeper of woken) keep(wake(sleeper))
      }),
    )
    if (!(await isLost)) faults.push(`run ${run} did not come to its end in time`)
    if (plan === undefined || owner.isEnded) {
      const word = JSON.stringify(owner.lastWord)
      if (plan !== undefined) faults.push(`run ${run} ended before it was lost, with ${word}`)
      if (plan === undefined && !word?.includes('done')) faults.push(`the last run ended with ${word}`)
      await settle(owner, run)
      if (plan === undefined || word?.includes('done')) break
      continue
    }
    if (plan.at === 'change') count.inChange++
    if (plan.clock_ms !== 0) count.wrongClocks++
    if (plan.signal === 'SIGSTOP') {
      count.zombies++
      const left = 1 + integerBelow(MOST_SUCCESSORS, random)
      sleepers.push({ owner, run, random: own, left, committed: undefined })
    } else {
      count.kills++
      await owner.child.ended
      // Late requests of a dead owner arrive while the next owner writes.
      keep(delay(own() * 1500).then(() => settle(owner, run)))
    }
    const took_ms = Math.round(performance.now() - from)
    tell?.(
      `run ${run + 1}: ${plan.signal} at ${plan.at} ${plan.nth} after ${took_ms} ms, ${sleepers.length} asleep`,
    )
  }
  for (const sleeper of sleepers.splice(0)) keep(wake(sleeper))
  while (ending.size > 0) await Promise.all(ending)

  const [host, port] = [target.host, target.port]
  const clean = createCassandraWritable<CrashRow>({ host, port, keyspace, table: 'clean', ...controls })
  await pipeline(Readable.from(windowedRows(seed, 0, rows)), clean)
  faults.push(...(await differences(client, keyspace, 'taken', 'clean')))
  const { rows: found } = await client.execute(`SELECT committed FROM ${keyspace}.checkpoints`)
  const committed = JSON.parse(String(found[0]?.['committed']))
  if (committed?.rows_total !== rows) faults.push(`${committed?.rows_total} rows are committed, not ${rows}`)
  return { rows, runs, epochs: (committed?.epoch_id ?? -1) + 1, faults, ...count }
}
