import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts'
import { commit, type EpochState, reseal, seal, stateAfter } from '../../../lib/checkpoint/epoch.ts'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { type Disk, onlyProcess } from '../../fake/disk.ts'
import { sealOf, target } from './epochs.ts'

export const location = '/data/orders'

/** A call of a checkpoint, and the expected state afterwards. */
interface Step {
  readonly name: string
  readonly act: (checkpoint: Checkpoint) => Promise<void>
  readonly state: EpochState
}

/** Three epochs. The second is sealed before the first is committed, and both are sealed twice, as with lists. */
export function threeEpochs(): readonly Step[] {
  const seals = [sealOf(0), sealOf(1), sealOf(2)] as const
  const later = { timestamp: '1001500', last_timestamp: '1001502' }
  const latest = { timestamp: '1001600', last_timestamp: '1001602' }
  const sealed0 = seal(stateAfter(undefined), seals[0])
  const sealed1 = seal(sealed0, seals[1])
  const resealed0 = reseal(sealed1, later)
  const committed0 = commit(resealed0)
  const resealed1 = reseal(committed0, latest)
  const committed1 = commit(resealed1)
  const sealed2 = seal(committed1, seals[2])
  return [
    { name: 'seal 0', act: checkpoint => checkpoint.seal(seals[0]), state: sealed0 },
    { name: 'seal 1', act: checkpoint => checkpoint.seal(seals[1]), state: sealed1 },
    { name: 'reseal 0', act: checkpoint => checkpoint.reseal(later), state: resealed0 },
    { name: 'commit 0', act: checkpoint => checkpoint.commit(), state: committed0 },
    { name: 'reseal 1', act: checkpoint => checkpoint.reseal(latest), state: resealed1 },
    { name: 'commit 1', act: checkpoint => checkpoint.commit(), state: committed1 },
    { name: 'seal 2', act: checkpoint => checkpoint.seal(seals[2]), state: sealed2 },
    { name: 'commit 2', act: checkpoint => checkpoint.commit(), state: commit(sealed2) },
  ]
}

export interface Run {
  /** Number of completed steps. */
  readonly done: number
  /** Undefined if all steps completed. */
  readonly error: unknown
  readonly checkpoint: Checkpoint | undefined
}

/** Opens the checkpoint as process `pid`. With a small `longFile`, every seal starts a new file. */
export const openOn = (disk: Disk, pid: number, longFile?: number) =>
  openCheckpoint(location, target, { fs: disk, processes: onlyProcess(pid), longFile })

/** Opens the checkpoint as process `pid` and runs the steps from `from` on until one fails. */
export async function run(
  disk: Disk,
  steps: readonly Step[],
  pid: number,
  { from = 0, longFile }: { from?: number; longFile?: number | undefined } = {},
): Promise<Run> {
  let done = from
  let checkpoint: Checkpoint | undefined
  try {
    checkpoint = await openOn(disk, pid, longFile)
    for (const step of steps.slice(from)) {
      await step.act(checkpoint)
      done++
    }
    await checkpoint.close()
  } catch (error) {
    return { done, error, checkpoint }
  }
  return { done, error: undefined, checkpoint }
}

/** Number of steps after which the checkpoint has `state`. */
export function stepsTo(steps: readonly Step[], state: EpochState): number {
  const states = [stateAfter(undefined), ...steps.map(step => step.state)]
  return states.findIndex(each => textOf(each) === textOf(state))
}

const textOf = (state: EpochState) =>
  JSON.stringify(state, (_name, value) => (typeof value === 'bigint' ? String(value) : value))
