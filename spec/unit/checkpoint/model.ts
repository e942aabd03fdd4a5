import type fc from 'fast-check'
import { expect } from 'vitest'
import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts'
import { decide } from '../../../lib/checkpoint/epoch.ts'
import { sealOf } from './epochs.ts'

/** The state that a checkpoint must have, in the simplest form. */
export interface Model {
  /** Number of committed epochs. */
  done: number
  /** First timestamps of the sealed epochs. */
  seals: number[]
  /** Highest timestamp of a committed epoch. */
  committed: number
  /** Highest timestamp of any epoch. */
  last: number
}

export const emptyModel = (): Model => ({ done: 0, seals: [], committed: -1, last: -1 })

/** An open checkpoint and its storage. */
export interface Real {
  checkpoint: Checkpoint
}

export type Command<Kept extends Real> = fc.AsyncCommand<Model, Kept>

export const spanAfter = ({ last }: Model) => ({
  timestamp: String(last + 1),
  last_timestamp: String(last + 10),
})

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
/** Whether the epoch may be committed. If the previous epoch was sealed again, this one must be sealed again first. */
const canCommit = ({ seals: [first], committed }: Readonly<Model>) => first !== undefined && first > committed

/** Calls something on a checkpoint, which must then have the state of the model. */
export function command<Kept extends Real>(
  name: string,
  act: (model: Model, real: Kept) => Promise<void>,
  check = always as (model: Readonly<Model>) => boolean,
): Command<Kept> {
  return {
    check,
    async run(model, real) {
      await act(model, real)
      agree(model, real)
    },
    toString: () => name,
  }
}

/** All calls of an open checkpoint. */
export function callsOf<Kept extends Real>(): readonly Command<Kept>[] {
  return [
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
  ]
}
