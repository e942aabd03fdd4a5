import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cut, cuts, Disk } from '../../fake/disk.ts'
import { callsOf, command, emptyModel, type Real } from './model.ts'
import { location, openOn } from './story.ts'

interface OnDisk extends Real {
  disk: Disk
  pid: number
}

/** Bytes of a long file. Enough for a few epochs, so that files are both appended to and replaced. */
const LONG_FILE = 2500

const reopen = (name: string, leave: (real: OnDisk) => Promise<Disk> | Disk) =>
  command<OnDisk>(name, async (_model, real) => {
    real.disk = await leave(real)
    real.pid++
    real.checkpoint = await openOn(real.disk, real.pid, LONG_FILE)
  })

const commands = [
  ...callsOf<OnDisk>(),
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
  it('has the state of a simple model after any calls and any end of its process', async () => {
    let epochs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.commands([...commands, powerLoss], { maxCommands: 60, size: 'max' }),
        async plan => {
          const model = emptyModel()
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
