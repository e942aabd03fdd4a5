import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../../../lib/index.ts'
import { type Cut, cuts, Disk, Ended, type Fault } from '../../fake/disk.ts'
import { location, openOn, run, stepsTo, threeEpochs } from './story.ts'

const steps = threeEpochs()
const states = steps.length + 1

/** Every state of the disk that a power loss may leave. */
function* afterPowerLoss(disk: Disk): Generator<[string, Disk]> {
  const kept: Cut[] = disk.hasUnsyncedBytes ? (Object.keys(cuts) as Cut[]) : ['nothing']
  for (let names = 0; names <= disk.unsyncedNames; names++) {
    for (const cut of kept) yield [`${names} names and ${cut}`, disk.afterPowerLoss(names, cut)]
  }
}

/** Number of steps whose state the next process finds. */
const reachedOn = async (disk: Disk, pid: number) => stepsTo(steps, (await openOn(disk, pid)).state)

describe.each([
  ['appended to one file', undefined],
  ['each in a new file', 1],
])('three epochs, %s', (_title, longFile) => {
  /** Every fault of each call of a run without faults. */
  async function faults(kinds: readonly Fault[]): Promise<[number, Fault, string][]> {
    const disk = Disk.empty()
    expect(await run(disk, steps, 1, { longFile })).toMatchObject({ done: steps.length, error: undefined })
    expect(disk.names).toEqual([location])
    const names = new Set(disk.calls.map(call => call.split(' ')[0]))
    for (const name of [
      'open',
      'write',
      'sync',
      'datasync',
      'rename',
      'link',
      'unlink',
      'close',
      'readdir',
    ]) {
      expect(names).toContain(name)
    }
    return disk.calls.flatMap((call, at) =>
      kinds
        .filter(({ when }) => when !== 'during' || /^(write|sync|datasync) /.test(call))
        .map((fault): [number, Fault, string] => [
          at,
          fault,
          `${fault.code ?? 'end'} ${fault.when} call ${at}, ${call}`,
        ]),
    )
  }

  /** Runs the steps with one fault. */
  async function meet(at: number, fault: Fault) {
    const disk = Disk.empty()
    disk.fault = (_call, i) => (i === at ? fault : undefined)
    return { disk, ...(await run(disk, steps, 1, { longFile })) }
  }

  it('survive the end of the process at any call, with and without a power loss', async () => {
    let checked = 0
    for (const [at, fault, where] of await faults([
      { when: 'before' },
      { when: 'during' },
      { when: 'after' },
    ])) {
      const { disk, done, error } = await meet(at, fault)
      expect(error, where).toSatisfy(
        found => found === undefined || (found instanceof CheckpointError && found.cause instanceof Ended),
      )
      const disks: [string, Disk][] = [...afterPowerLoss(disk), ['everything', disk.afterKill()]]
      for (const [kept, left] of disks) {
        const reached = await reachedOn(left, 2)
        expect([done, done + 1], `${where}; kept: ${kept}`).toContain(reached)
        // Every completed step is durable, and the remaining steps can be done.
        const again = left.afterPowerLoss(0, 'nothing')
        expect(await reachedOn(again, 3), `${where}; kept: ${kept}; power lost again`).toBe(reached)
        const end = await run(again, steps, 4, { from: reached, longFile })
        expect(end, where).toMatchObject({ done: steps.length, error: undefined })
        expect(again.names).toEqual([location])
        checked++
      }
    }
    expect(checked).toBeGreaterThan(1000)
  }, 300_000)

  it('stop at any call that fails, and the next process finds their state', async () => {
    let failed = 0
    const kinds = (['before', 'during', 'after'] as const).map(when => ({ when, code: 'EIO' }))
    for (const [at, fault, where] of await faults(kinds)) {
      const { disk, done, error, checkpoint } = await meet(at, fault)
      expect(error, where).toBeInstanceOf(CheckpointError)
      expect(error, where).toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO', cause: { code: 'EIO' } })
      if (checkpoint !== undefined && done < steps.length) {
        // No call is retried.
        const calls = disk.calls.length
        await expect(steps[done]?.act(checkpoint), where).rejects.toBe(error)
        expect(disk.calls.length, where).toBe(calls)
        await checkpoint.close()
        expect(
          disk.names.filter(name => name.includes('lock')),
          where,
        ).toEqual([])
      }
      if (fault.when !== 'after' || !where.includes(', open ')) expect(disk.openFiles, where).toBe(0)
      for (const [kept, left] of [...afterPowerLoss(disk), ['everything', disk.afterKill()] as const]) {
        const reached = await reachedOn(left, 2)
        expect([done, done + 1], `${where}; kept: ${kept}`).toContain(reached)
        const again = left.afterPowerLoss(0, 'nothing')
        expect(await reachedOn(again, 3), `${where}; kept: ${kept}; power lost again`).toBe(reached)
      }
      failed++
    }
    expect(failed).toBeGreaterThan(100)
  }, 300_000)

  it.each([1, 7, 100])(
    'are written completely by a file system that accepts %i bytes per write',
    async most => {
      const disk = Disk.empty()
      disk.most = most
      expect(await run(disk, steps, 1, { longFile })).toMatchObject({ done: steps.length })
      expect(await reachedOn(disk.afterPowerLoss(0, 'nothing'), 2)).toBe(steps.length)
    },
  )

  it('stop when the disk is full, at any byte, and continue when there is space', async () => {
    const whole = Disk.empty()
    whole.room = 1_000_000
    await run(whole, steps, 1, { longFile })
    const needed = 1_000_000 - whole.room
    const seen = new Set<number>()
    for (let room = 0; room < needed; room += 7) {
      const disk = Disk.empty()
      disk.room = room
      const { done, error, checkpoint } = await run(disk, steps, 1, { longFile })
      expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO', cause: { code: 'ENOSPC' } })
      await checkpoint?.close()
      disk.room = 1_000_000
      const next = disk.afterKill()
      const reached = await reachedOn(next, 2)
      expect(reached, `room for ${room} bytes`).toBe(done)
      expect(await run(next.afterKill(), steps, 3, { from: reached, longFile })).toMatchObject({
        done: steps.length,
      })
      seen.add(done)
    }
    // The disk was full at each seal and each commit, or only at seals if these create new files.
    expect([...seen].sort()).toEqual(Array.from({ length: states - 1 }, (_, i) => i))
  }, 300_000)
})
