import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts'
import { decide } from '../../../lib/checkpoint/epoch.ts'
import { type Cut, cuts, Disk } from '../../fake/disk.ts'
import { sealOf } from './epochs.ts'
import { location, openOn } from './story.ts'

/** What a checkpoint has to know, in the plainest form. */
interface Model {
  /** Committed epochs. */
  done: number
  /** First timestamps of the epochs that are sealed. */
  seals: number[]
  /** Highest timestamp that a committed epoch used. */
  committed: number
  /** Highest timestamp in use. */
  last: number
}

interface Real {
  disk: Disk
  checkpoint: Checkpoint
  pid: number
}

type Command = fc.AsyncCommand<Model, Real>

/** Long enough for a few epochs, so that files are appended to and begun anew. */
const LONG_FILE = 2500

const spanAfter = ({ last }: Model) => ({ timestamp: String(last + 1), last_timestamp: String(last + 10) })

function agree({ done, seals, last }: Model, { checkpoint: { state } }: Real): void {
  expect(state.committed?.epoch_id ?? -1).toBe(done - 1)
  expect(state.committed?.rows_total ?? 0).toBe(3 * done)
  expect(state.committed?.position).toEqual(done === 0 ? undefined : { offset: done - 1 })
  expect(state.sealed?.epoch_id).toBe(seals.length === 0 ? undefined : done)
  expect(state.next?.epoch_id).toBe(seals.length < 2 ? undefined : done + 1)
  expect([state.sealed, state.next].flatMap(seal => (seal ? [Number(seal.timestamp)] : []))).toEqual(seals)
  expect(state.high_water).toBe(BigInt(last))
  expect(decide(state, done)).toBe(seals.length === 0 ? 'new' : 'replay')
  if (done > 0) expect(decide(state, done - 1)).toBe('skip')
  expect(() => decide(state, done + 1)).toThrow(`Expected epoch ${done}`)
}

const always = () => true
/** An epoch that was sealed before the one before it was sealed again has to be sealed again, too. */
const canCommit = ({ seals: [first], committed }: Readonly<Model>) => first !== undefined && first > committed
const command = (
  name: string,
  act: (model: Model, real: Real) => Promise<void>,
  check = always as (model: Readonly<Model>) => boolean,
): Command => ({
  check,
  async run(model, real) {
    await act(model, real)
    agree(model, real)
  },
  toString: () => name,
})

const reopen = (name: string, leave: (real: Real) => Promise<Disk> | Disk) =>
  command(name, async (_model, real) => {
    real.disk = await leave(real)
    real.pid++
    real.checkpoint = await openOn(real.disk, real.pid, LONG_FILE)
  })

const commands = [
  command(
    'seal',
    async (model, { checkpoint }) => {
      await checkpoint.seal(sealOf(model.done + model.seals.length, spanAfter(model)))
      model.seals.push(model.last + 1)
      model.last += 10
    },
    model => model.seals.length < 2,
  ),
  command(
    'reseal',
    async (model, { checkpoint }) => {
      await checkpoint.reseal(spanAfter(model))
      model.seals[0] = model.last + 1
      model.last += 10
    },
    model => model.seals.length > 0,
  ),
  command(
    'commit',
    async (model, { checkpoint }) => {
      await checkpoint.commit()
      model.done++
      model.committed = (model.seals.shift() ?? 0) + 9
    },
    canCommit,
  ),
  command('refused calls', async (model, { checkpoint }) => {
    const refused = { code: 'ERR_CASSANDRA_EPOCH' }
    const after = model.done + model.seals.length
    await expect(checkpoint.seal(sealOf(after + 1, spanAfter(model)))).rejects.toMatchObject(refused)
    const again = { timestamp: String(model.last), last_timestamp: String(model.last + 5) }
    await expect(checkpoint.reseal(again)).rejects.toMatchObject(refused)
    if (!canCommit(model)) await expect(checkpoint.commit()).rejects.toMatchObject(refused)
    if (model.seals.length > 0)
      await expect(checkpoint.seal(sealOf(model.done, spanAfter(model)))).rejects.toMatchObject(refused)
    if (model.seals.length > 1)
      await expect(checkpoint.seal(sealOf(after, spanAfter(model)))).rejects.toMatchObject(refused)
  }),
  reopen('close and open', async ({ checkpoint, disk }) => {
    await checkpoint.close()
    expect(disk.names.filter(name => name !== location)).toEqual([])
    return disk
  }),
  reopen('kill and open', ({ disk }) => disk.afterKill()),
].map(each => fc.constant(each))

const powerLoss = fc
  .constantFrom(...(Object.keys(cuts) as Cut[]))
  .map(cut =>
    reopen(`lose power, keep ${cut}, and open`, ({ disk }) => disk.afterPowerLoss(disk.unsyncedNames, cut)),
  )

describe('a checkpoint', () => {
  it('knows what a simple model knows, whatever is done with it and whatever ends its process', async () => {
    let epochs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.commands([...commands, powerLoss], { maxCommands: 60, size: 'max' }),
        async plan => {
          const model: Model = { done: 0, seals: [], committed: -1, last: -1 }
          await fc.asyncModelRun(async () => {
            const disk = Disk.empty()
            return { model, real: { disk, checkpoint: await openOn(disk, 1, LONG_FILE), pid: 1 } }
          }, plan)
          epochs += model.done
        },
      ),
      { numRuns: 200 },
    )
    expect(epochs).toBeGreaterThan(100)
  }, 300_000)
})
