import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { differences } from '../crash/campaign.ts'
import { stateIn } from '../crash/checkpointState.ts'
import type { Task } from '../crash/child.ts'
import { Programs } from '../crash/program.ts'
import { controls, rowsFrom, tableOfRows } from '../crash/rows.ts'
import { integerBelow } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('micro_batch_processes_spec')
const checkpoints = useCheckpoints()
let programs: Programs
beforeAll(() => {
  programs = new Programs()
})
afterAll(() => programs[Symbol.dispose]())

const SEED = 6

/** The calls of one run are those that the next one leaves out. */
const first = 1 + (Number(process.env['SEED'] ?? integerBelow(2, Math.random)) % 2)

async function taskFor(rows: number, options: Task['options']): Promise<Task> {
  const { host, port, localDataCenter } = inject('cassandra')
  return {
    contactPoint: `${host}:${port}`,
    localDataCenter,
    keyspace: ks.name,
    table: await ks.table(tableOfRows),
    checkpoint_location: checkpoints.location(),
    seed: SEED,
    rows,
    options,
  }
}

/** Continues in this process after the last commit. */
async function finish({ table, checkpoint_location, rows, partition }: Task): Promise<void> {
  const sink = createMicroBatchSink({ ...ks.target, table, checkpoint_location, ...controls })
  const last = await sink.open()
  await pipeline(Readable.from(rowsFrom(SEED, last?.rows_total ?? 0, rows, partition)), sink)
}

async function cleanTable(rows: number): Promise<string> {
  const table = await ks.table(tableOfRows)
  const sink = createCassandraWritable({ ...ks.target, table, ...controls })
  await pipeline(Readable.from(rowsFrom(SEED, 0, rows)), sink)
  return table
}

describe('a process that dies at a call to the file system', () => {
  it(`leaves the table of a clean run, for every second call of two epochs (seed ${first - 1})`, {
    timeout: 600_000,
  }, async () => {
    const options = { rows_per_epoch: 10 }
    const rows = 20
    const task = await taskFor(rows, options)
    const { table } = task

    // Runs share a table, because creating one takes long. Each run has its own partition. The last run finishes before its call.
    const states = new Set<string>()
    let nth = first - 2
    let isThrough = false
    const worker = async () => {
      while (!isThrough) {
        nth += 2
        const die_at_call = nth
        const checkpoint_location = checkpoints.location()
        const doomed = { ...task, checkpoint_location, partition: die_at_call, die_at_call }
        const child = programs.start(doomed)
        if ((await child.ended) !== 'SIGKILL') {
          expect(child.words.at(-1)).toHaveProperty('done')
          isThrough = true
        }
        const { committed, sealed, next } = stateIn(checkpoint_location)
        states.add(`${committed} ${sealed?.epoch_id} ${next?.epoch_id}`)
        await finish(doomed)
      }
    }
    await Promise.all([worker(), worker(), worker()])
    expect(nth).toBeGreaterThan(40)

    const clean = await ks.table(tableOfRows)
    const all = Array.from({ length: (nth - first) / 2 + 1 }, (_, i) => [
      ...rowsFrom(SEED, 0, rows, first + 2 * i),
    ])
    const sink = createCassandraWritable({ ...ks.target, table: clean, ...controls })
    await pipeline(Readable.from(all.flat()), sink)
    expect(await differences(ks.client, ks.name, table, clean)).toEqual([])
    // Each of the two epochs was found sealed and found committed, and both were found sealed at the same time.
    const found = [
      '-1 undefined undefined',
      '-1 0 undefined',
      '-1 0 1',
      '0 1 undefined',
      '1 undefined undefined',
    ]
    expect([...states]).toEqual(expect.arrayContaining(found))
    console.log(`killed at every second of ${nth} calls to the file system, from the ${first}. on`)
  })
})

describe('two processes on one checkpoint', () => {
  it('cannot both own it: the second is refused while the first is suspended, and the first then continues', {
    timeout: 120_000,
  }, async () => {
    const task = await taskFor(2000, { rows_per_epoch: 50, rows_per_batch: 5, concurrency: 1 })
    const first = programs.start(task)
    await new Promise<void>(resolve => first.onWord(word => 'commit' in word && resolve()))
    first.signal('SIGSTOP')
    const second = programs.start(task)
    await second.ended
    expect(second.words).toEqual([{ failed: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' }])
    first.signal('SIGCONT')
    expect(await first.ended).toBeNull()
    expect(first.words.at(-1)).toHaveProperty('done')
    expect(await differences(ks.client, ks.name, task.table, await cleanTable(2000))).toEqual([])
  })
})

describe('a suspended process whose checkpoint is taken over', () => {
  it.each([1, 2, 3])(
    'changes nothing in the table when it continues: run %i',
    { timeout: 120_000 },
    async run => {
      const task = await taskFor(2000, { rows_per_epoch: 50, rows_per_batch: 5, concurrency: 4 })
      const first = programs.start(task)
      let sends = 0
      // At a moment within an epoch with lists, or within one without.
      await new Promise<void>(resolve =>
        first.onWord(word => 'send' in word && ++sends === 41 * run && resolve()),
      )
      first.signal('SIGSTOP')
      const second = programs.start({ ...task, options: { ...task.options, take_over: true } })
      await new Promise<void>(resolve => second.onWord(word => 'commit' in word && resolve()))
      first.signal('SIGCONT')
      expect(await first.ended).toBeNull()
      expect(first.words.at(-1)).toEqual({ failed: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' })
      expect(await second.ended).toBeNull()
      expect(second.words.at(-1)).toHaveProperty('done')
      expect(await differences(ks.client, ks.name, task.table, await cleanTable(2000))).toEqual([])
    },
  )
})

describe('a clock that is set between two runs', () => {
  it.each([5000, -5000])('by %i ms does not make older rows win', { timeout: 120_000 }, async clock_ms => {
    // Far more than the process can commit before the signal reaches it.
    const task = await taskFor(3000, { rows_per_epoch: 100, rows_per_batch: 10 })
    const wrong = programs.start({ ...task, clock_ms })
    let commits = 0
    wrong.onWord(word => {
      if ('commit' in word && ++commits === 3) wrong.signal('SIGKILL')
    })
    expect(await wrong.ended).toBe('SIGKILL')
    const right = programs.start(task)
    expect(await right.ended).toBeNull()
    expect(await differences(ks.client, ks.name, task.table, await cleanTable(3000))).toEqual([])
    expect(stateIn(task.checkpoint_location).last_timestamp).toBeLessThan(Date.now() * 1000)
  })
})
