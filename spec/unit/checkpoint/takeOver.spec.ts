import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { Lock } from '../../../lib/checkpoint/file/lock.ts'
import { CheckpointError } from '../../../lib/index.ts'
import { Disk, processOf } from '../../fake/disk.ts'
import { sealOf, target } from './epochs.ts'
import { location } from './story.ts'

const locked = { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' }

/** A process that can never be proven dead, as between containers. */
const processNobodyKnows = (pid: number) =>
  processOf(pid, { has: () => true } as unknown as ReadonlySet<number>)

const openAs = (disk: Disk, pid: number, takesOver: boolean, longFile?: number) =>
  openCheckpoint(location, target, { fs: disk, processes: processNobodyKnows(pid), takesOver, longFile })

const takeAs = (disk: Disk, pid: number, takesOver = true) =>
  Lock.acquire(disk, location, processNobodyKnows(pid), takesOver)

/** Suspends a process before calls with this beginning until it is released. */
function stopBefore(disk: Disk, beginning: string, isMeant = () => true) {
  let go = () => {}
  const going = new Promise<void>(resolve => {
    go = resolve
  })
  const stopped = new Promise<void>(resolve => {
    disk.pause = async call => {
      if (!call.startsWith(beginning) || !isMeant()) return
      resolve()
      await going
    }
  })
  return { stopped, go }
}

describe('a lock that is taken over', () => {
  it('belongs only to the new owner, although the old one may be alive', async () => {
    const disk = Disk.empty()
    const old = await takeAs(disk, 1)
    await expect(takeAs(disk.forAnother(), 2, false)).rejects.toMatchObject(locked)
    const lock = await takeAs(disk.forAnother(), 2)
    expect([await old.isHeld(), await lock.isHeld()]).toEqual([false, true])
    expect(disk.names).toEqual(['/data/orders.lock.2'])
    await old.release()
    expect(await lock.isHeld()).toBe(true)
  })

  it('need not name its owner', async () => {
    const disk = Disk.empty()
    disk.put(`${location}.lock.1`, Buffer.from(''))
    await takeAs(disk, 1)
    expect(disk.names).toEqual(['/data/orders.lock.2'])
  })

  it('is held by at most one process, however many take it over at once', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.boolean(), { minLength: 2, maxLength: 4 }),
        async (s, all) => {
          const disk = Disk.empty()
          await takeAs(disk, 99)
          const locks: Lock[] = []
          const contend = async (takesOver: boolean, pid: number) => {
            const own = disk.forAnother()
            own.pause = () => s.schedule(Promise.resolve())
            try {
              const lock = await takeAs(own, pid, takesOver)
              locks.push(lock)
            } catch (error) {
              if (!(error instanceof CheckpointError)) throw error
            }
            own.pause = async () => {}
          }
          await s.waitFor(Promise.all(all.map(contend)))
          const held = await Promise.all(locks.map(lock => lock.isHeld()))
          expect(held.filter(Boolean).length).toBeLessThanOrEqual(1)
          expect(disk.names.length).toBe(1)
          if (all.includes(true)) expect(held).toContain(true)
          taken += locks.length
          const next = await takeAs(disk.forAnother(), 50)
          expect(await next.isHeld()).toBe(true)
        },
      ),
      { numRuns: 250 },
    )
    expect(taken).toBeGreaterThan(100)
  }, 60_000)
})

describe('the owner of a checkpoint that was taken over', () => {
  it.each([
    ['appended to', undefined],
    ['begun anew', 1],
  ])('records nothing more in a file that is %s, and its error names the new owner', async (_, longFile) => {
    const disk = Disk.empty()
    const old = await openAs(disk, 1, false, longFile)
    await old.seal(sealOf(0))
    const next = await openAs(disk.forAnother(), 2, true, longFile)
    expect(next.state.sealed?.epoch_id).toBe(0)
    const before = disk.get(location)
    await expect(old.commit()).rejects.toMatchObject(locked)
    await expect(old.commit()).rejects.toThrow(
      'process 2 on host here took it over. Nothing more is recorded in it',
    )
    expect(disk.get(location)).toEqual(before)
    await old.close()
    await next.commit()
    await next.seal(sealOf(1))
  })

  it.each(['write', 'datasync', 'open', 'rename', 'fstat'])(
    'reports no success if it was suspended before its %s',
    async call => {
      for (const longFile of [undefined, 1]) {
        const disk = Disk.empty()
        const old = await openAs(disk, 1, false, longFile)
        await old.seal(sealOf(0))
        await old.commit()
        const { stopped, go } = stopBefore(disk, `${call} `)
        const record = old.seal(sealOf(1, { timestamp: '1005000', last_timestamp: '1005002' }))
        const outcome = record.then(
          () => 'sealed',
          (error: CheckpointError) => error.code,
        )
        const isStopped = await Promise.race([stopped.then(() => true), outcome.then(() => false)])
        if (!isStopped) continue
        const next = await openAs(disk.forAnother(), 2, true, longFile)
        if (next.state.sealed === undefined) await next.seal(sealOf(1))
        const { sealed } = next.state
        await next.commit()
        go()
        expect(await outcome).toBe(locked.code)
        await next.seal(sealOf(2, { timestamp: '1006000', last_timestamp: '1006002' }))
        const third = await openAs(disk.forAnother(), 3, true)
        expect(third.state.committed).toMatchObject({ epoch_id: 1, last_timestamp: sealed?.last_timestamp })
        expect(third.state.sealed?.epoch_id).toBe(2)
      }
    },
  )
})

describe('an owner that is suspended while another takes over', () => {
  it('removes no file of the other when it continues to open', async () => {
    const disk = Disk.empty()
    await (await openAs(disk, 1, false)).seal(sealOf(0))
    const [slow, quick] = [disk.forAnother(), disk.forAnother()]
    let listings = 0
    const atItsDrafts = stopBefore(slow, 'readdir', () => ++listings === 3)
    const opening = openAs(slow, 2, true)
    opening.catch(() => {})
    await atItsDrafts.stopped
    const atTheRename = stopBefore(quick, 'rename')
    const opened = openAs(quick, 3, true)
    await atTheRename.stopped
    atItsDrafts.go()
    await expect(opening).rejects.toMatchObject(locked)
    atTheRename.go()
    expect((await opened).state.sealed?.epoch_id).toBe(0)
  })

  it('closes without an error', async () => {
    const disk = Disk.empty()
    const old = await openAs(disk, 1, false)
    const { stopped, go } = stopBefore(disk, 'unlink')
    const closing = old.close()
    await stopped
    const next = await openAs(disk.forAnother(), 2, true)
    go()
    await closing
    await next.seal(sealOf(0))
  })
})

describe('a checkpoint that many processes take over at once', () => {
  it('keeps everything that any of them reported, wherever they are suspended or die', async () => {
    const lives = fc.array(
      fc.record({
        takesOver: fc.boolean(),
        death: fc.option(fc.nat(90), { freq: 3 }),
        longFile: fc.constantFrom(undefined, 1),
      }),
      { minLength: 2, maxLength: 4 },
    )
    let reports = 0
    let owners = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), lives, async (scheduler, all) => {
        const disk = Disk.empty()
        const first = await openAs(disk, 99, false)
        await first.seal(sealOf(0))
        const seals = new Map<number, string>([[0, sealOf(0).timestamp]])
        const reporters: number[] = []
        let committed = -1
        const live = async ({ takesOver, death, longFile }: (typeof all)[number], pid: number) => {
          const own = disk.forAnother()
          own.pause = () => scheduler.schedule(Promise.resolve())
          own.fault = (_call, i) => (i === death ? { when: 'before' } : undefined)
          try {
            const checkpoint = await openAs(own, pid, takesOver, longFile)
            for (let epochs = 0; epochs < 2; epochs++) await oneEpoch(checkpoint, pid)
            await checkpoint.close()
          } catch (error) {
            // The process may die while it finds out why a call failed.
            if (death !== null && own.calls.length > death) return
            expect(error).toMatchObject(locked)
          }
        }
        const oneEpoch = async (checkpoint: Checkpoint, pid: number) => {
          if (checkpoint.state.sealed === undefined) {
            const id = (checkpoint.state.committed?.epoch_id ?? -1) + 1
            const timestamp = String(checkpoint.state.high_water + 1n + BigInt(pid))
            await checkpoint.seal(sealOf(id, { timestamp, last_timestamp: timestamp }))
            // From now on the table may have rows with these write times, so no other seal of this epoch may follow.
            expect(seals.get(id) ?? timestamp).toBe(timestamp)
            seals.set(id, timestamp)
            report(pid)
          }
          await checkpoint.commit()
          const { epoch_id } = checkpoint.state.committed ?? { epoch_id: -1 }
          expect(epoch_id).toBeGreaterThan(committed)
          committed = epoch_id
          report(pid)
        }
        const report = (pid: number) => {
          if (reporters.at(-1) === pid) return
          expect(reporters).not.toContain(pid)
          reporters.push(pid)
        }
        await scheduler.waitFor(Promise.all(all.map(live)))
        const { state } = await openAs(disk.forAnother(), 50, true)
        expect(state.committed?.epoch_id ?? -1).toBeGreaterThanOrEqual(committed)
        const last = Math.max(...seals.keys())
        if (last > (state.committed?.epoch_id ?? -1)) {
          expect(state.sealed).toMatchObject({ epoch_id: last, timestamp: seals.get(last) })
        }
        reports += seals.size + committed
        owners += reporters.length
      }),
      { numRuns: 250 },
    )
    expect(reports).toBeGreaterThan(50)
    expect(owners).toBeGreaterThan(50)
  }, 60_000)
})

describe('a checkpoint whose owner is alive while another takes it over', () => {
  const acts = {
    'makes the file': (checkpoint: Checkpoint) => checkpoint.seal(sealOf(0)),
    'makes the file, commits and ends': async (checkpoint: Checkpoint) => {
      await checkpoint.seal(sealOf(0))
      await checkpoint.commit()
      await checkpoint.close()
    },
    ends: (checkpoint: Checkpoint) => checkpoint.close(),
  }

  it.each(Object.entries(acts))('opens, before whichever call of that the owner %s', async (_, act) => {
    let calls = 0
    let told = 0
    for (let hasActed = true; hasActed; calls++) {
      const disk = Disk.empty()
      const owner = await openAs(disk, 1, false)
      const other = disk.forAnother()
      let failure: unknown
      hasActed = false
      other.pause = async () => {
        if (hasActed || other.calls.length < calls) return
        hasActed = true
        failure = await act(owner).then(
          () => undefined,
          error => error,
        )
      }
      const { state } = await openAs(other, 2, true)
      if (failure !== undefined) expect(failure, `call ${calls}`).toMatchObject(locked)
      else if (hasActed && act !== acts.ends) {
        // The owner may have sent rows by then.
        expect((state.committed ?? state.sealed)?.epoch_id, `call ${calls}`).toBe(0)
        told++
      }
    }
    expect(calls).toBeGreaterThan(10)
    if (act !== acts.ends) expect(told).toBeGreaterThan(3)
  })
})

describe('a process that cannot use a checkpoint', () => {
  const other = { ...target, table_id: 'b-2' }
  const refusal = new RangeError('not in this state')
  const check = () => {
    throw refusal
  }
  it.each([
    ['which belongs to another table', { of: other }, { code: 'ERR_CASSANDRA_CHECKPOINT_TARGET' }],
    ['whose state it refuses', { check }, { cause: refusal }],
    ['which is of a newer release', { version: 3 }, { code: 'ERR_CASSANDRA_CHECKPOINT_VERSION' }],
    ['which is damaged', { version: 'x' }, { code: 'ERR_CASSANDRA_CHECKPOINT_CORRUPT' }],
  ])('leaves it to its owner, %s', async (_, { of = target, check, version }: Wrong, error) => {
    const disk = Disk.empty()
    const owner = await openAs(disk, 1, false)
    await owner.seal(sealOf(0))
    const { names } = disk
    const another = disk.forAnother()
    if (version !== undefined) {
      const text = disk
        .get(location)
        ?.toString('latin1')
        .replace(/checkpoint \d/, `checkpoint ${version}`)
      another.put(location, Buffer.from(text ?? '', 'latin1'))
    }
    const options = { fs: another, processes: processNobodyKnows(2), takesOver: true, check }
    await expect(openCheckpoint(location, of, options)).rejects.toMatchObject(error)
    expect(disk.names).toEqual(names)
    expect(another.calls.some(call => /^(?:link|unlink|rename|write)/.test(call))).toBe(false)
    if (version === undefined) await owner.commit()
  })

  interface Wrong {
    readonly of?: typeof target
    readonly check?: () => never
    readonly version?: number | string
  }
})
