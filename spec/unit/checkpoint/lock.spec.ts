import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lock } from '../../../lib/checkpoint/file/lock.ts'
import { isProvenDead, type Owner, type Sighting } from '../../../lib/checkpoint/file/process.ts'
import { CheckpointError } from '../../../lib/index.ts'
import { Disk, Ended, onlyProcess, processOf } from '../../fake/disk.ts'
import { sealOf } from './epochs.ts'
import { location, openOn } from './story.ts'

const claim = (owner: unknown) => Buffer.from(JSON.stringify(owner))
const locked = { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED', location }

describe('a lock', () => {
  it('of a living process is refused with its id, its host and what to do', async () => {
    const disk = Disk.empty()
    const alive = new Set([1, 2])
    await Lock.acquire(disk, location, processOf(1, alive))
    const second = Lock.acquire(disk.forAnother(), location, processOf(2, alive))
    await expect(second).rejects.toMatchObject(locked)
    await expect(second).rejects.toThrow(
      'Checkpoint /data/orders is in use: process 1 on host here has it. If that owner has ended or should end, set ' +
        '`take_over: true`. This takes the checkpoint over at once. The other owner fails when it next records something in it',
    )
    expect(disk.names).toEqual(['/data/orders.lock.1'])
  })

  it('is refused to the process that already has it', async () => {
    const disk = Disk.empty()
    await Lock.acquire(disk, location, onlyProcess(1))
    const second = Lock.acquire(disk, location, onlyProcess(1))
    await expect(second).rejects.toMatchObject(locked)
    await expect(second).rejects.toThrow('in use: another sink or source of this process has it.')
  })

  it('of a dead process is taken over and removed', async () => {
    const disk = Disk.empty()
    await Lock.acquire(disk, location, onlyProcess(1))
    const lock = await Lock.acquire(disk.afterKill(), location, onlyProcess(2))
    expect(disk.names).toEqual(['/data/orders.lock.2'])
    await lock.release()
    expect(disk.names).toEqual([])
  })

  it('that does not name its owner is refused', async () => {
    for (const text of ['', '{}', '{"pid":1}', 'null', '\0\0']) {
      const disk = Disk.empty()
      disk.put(`${location}.lock.1`, Buffer.from(text))
      await expect(Lock.acquire(disk, location, onlyProcess(1))).rejects.toThrow('an unknown process has it')
    }
  })

  it.each([
    ['link', 'EEXIST'],
    ['unlink', 'ENOENT'],
  ])('is taken if the answer to its %s was lost, and the repeat of the call finds %s', async (name, code) => {
    const disk = Disk.empty()
    let isLost = false
    disk.fault = call => {
      if (isLost || !call.startsWith(`${name} `)) return undefined
      isLost = true
      return { when: 'after', code }
    }
    const lock = await Lock.acquire(disk, location, onlyProcess(1))
    expect([isLost, await lock.isHeld()]).toEqual([true, true])
    expect(disk.names).toEqual(['/data/orders.lock.1'])
    await lock.release()
    expect(disk.names).toEqual([])
  })

  it('ignores files with other names', async () => {
    const disk = Disk.empty()
    for (const name of ['.lock', '.lock.0', '.lock.x', '2.lock.1', '.lock.1.bak', '.lockout.1']) {
      disk.put(`${location}${name}`, claim({}))
    }
    await expect(Lock.acquire(disk, location, onlyProcess(1))).resolves.toBeInstanceOf(Lock)
  })

  it('that was removed, or replaced by another, is no longer held and is not released', async () => {
    const disk = Disk.empty()
    const lock = await Lock.acquire(disk, location, onlyProcess(1))
    expect(await lock.isHeld()).toBe(true)
    await disk.unlink(`${location}.lock.1`)
    expect(await lock.isHeld()).toBe(false)
    await Lock.acquire(disk, location, onlyProcess(2))
    expect(await lock.isHeld()).toBe(false)
    await lock.release()
    expect(disk.names).toEqual(['/data/orders.lock.1'])
  })

  it('is never held by two processes, however their calls alternate, and whichever dies in between', async () => {
    const scene = fc.record({
      stale: fc.boolean(),
      deaths: fc.array(fc.option(fc.nat(50), { freq: 1 }), { minLength: 2, maxLength: 4 }),
    })
    let held = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), scene, async (scheduler, { stale, deaths }) => {
        const disk = Disk.empty()
        if (stale) await Lock.acquire(disk, location, onlyProcess(99))
        const alive = new Set(deaths.keys())
        const holders = new Set<number>()
        const contend = async (death: number | null, pid: number) => {
          const own = disk.forAnother()
          own.pause = () => scheduler.schedule(Promise.resolve())
          own.fault = (_call, i) => (i === death ? { when: 'before' } : undefined)
          try {
            const lock = await Lock.acquire(own, location, processOf(pid, alive))
            holders.add(pid)
            held++
            for (let turn = 0; turn < 5; turn++) {
              expect([...holders].filter(id => alive.has(id))).toEqual([pid])
              expect(await lock.isHeld()).toBe(true)
            }
            holders.delete(pid)
            await lock.release()
          } catch (error) {
            if (error instanceof Ended) alive.delete(pid)
            else if (!(error instanceof CheckpointError)) throw error
          }
        }
        const all = Promise.all(deaths.map(contend))
        await scheduler.waitFor(all)
        await expect(Lock.acquire(disk.afterKill(), location, onlyProcess(50))).resolves.toBeInstanceOf(Lock)
      }),
      { numRuns: 500 },
    )
    expect(held).toBeGreaterThan(100)
  }, 300_000)
})

describe('a checkpoint', () => {
  it('whose lock was removed by hand appends nothing more', async () => {
    const disk = Disk.empty()
    const first = await openOn(disk, 1)
    await first.seal(sealOf(0))
    await disk.unlink(`${location}.lock.1`)
    const second = await openOn(disk.forAnother(), 2)
    const before = disk.get(location)
    const calls = disk.calls.length
    await expect(first.commit()).rejects.toMatchObject(locked)
    await expect(first.commit()).rejects.toThrow('process 2 on host here took it over')
    expect(disk.get(location)).toEqual(before)
    expect(disk.calls.slice(calls).filter(call => call.startsWith('write'))).toEqual([])
    await second.commit()
    await first.close()
    expect(disk.names).toContain('/data/orders.lock.1')
  })

  it('that another process wrote, moved or removed is not appended to', async () => {
    for (const change of ['put', 'append', 'unlink', 'rename'] as const) {
      const disk = Disk.empty()
      const checkpoint = await openOn(disk, 1)
      await checkpoint.seal(sealOf(0))
      if (change === 'put') disk.put(location, disk.get(location) ?? Buffer.alloc(0))
      else if (change === 'append') disk.append(location, Buffer.from('x'))
      else await disk[change](location, `${location}.moved`)
      await expect(checkpoint.commit()).rejects.toMatchObject(locked)
    }
  })

  it('whose owner is suspended before its write and then fenced does not reach the new owner’s file', async () => {
    const disk = Disk.empty()
    const first = await openOn(disk, 1)
    await first.seal(sealOf(0))
    let go = () => {}
    const stopped = new Promise<void>(resolve => {
      go = resolve
    })
    const stopping = new Promise<void>(resolve => {
      disk.pause = async call => {
        if (!call.startsWith('write ')) return
        resolve()
        await stopped
      }
    })
    const stale = first.commit()
    await stopping
    await disk.forAnother().unlink(`${location}.lock.1`)
    const second = await openOn(disk.forAnother(), 2)
    go()
    await expect(stale).rejects.toMatchObject(locked)
    expect(second.state.committed).toBeUndefined()
    await second.commit()
    expect(second.state.committed?.epoch_id).toBe(0)
  })
})

describe('a process', () => {
  const self: Owner = {
    host: 'a',
    machine: 'm',
    boot: 'b',
    namespace: 'pid:[4026531836] time:[4026531834]',
    pid: 7,
    started: '70',
  }
  const gone: Sighting = { exists: false, started: '', isZombie: false }
  const there: Sighting = { exists: true, started: '50', isZombie: false }
  const owner: Owner = { ...self, pid: 5, started: '50' }
  const unknown = { machine: '', boot: '', namespace: '', started: '' }
  const container = { namespace: 'pid:[4026532001] time:[4026531834]' }

  it.each<[string, boolean, Partial<Owner>, Sighting, Partial<Owner>?]>([
    ['whose id is free', true, {}, gone],
    ['whose id and start time match a living process', false, {}, there],
    ['whose id another process has now', true, {}, { ...there, started: '51' }],
    ['that is a zombie', true, {}, { ...there, isZombie: true }],
    ['without a known start time, whose id is in use', false, { started: '' }, there],
    ['whose id is in use by a process without a known start time', false, {}, { ...there, started: '' }],
    ['on another host', false, { host: 'z', boot: 'z' }, gone],
    ['on a host that has got another name in the same boot', true, { host: 'z' }, gone],
    ['that lives on a host that has got another name in the same boot', false, { host: 'z' }, there],
    ['on another host, without ids of boots', false, { host: 'z', boot: '' }, gone, { boot: '' }],
    ['on another host, without namespaces', false, { host: 'z', namespace: '' }, gone, { namespace: '' }],
    ['on another machine with the same name', false, { machine: 'z' }, gone],
    ['on another machine with another boot', false, { machine: 'z', boot: 'z' }, gone],
    ['in another container', false, { namespace: 'pid:[1] time:[4026531834]' }, gone],
    ['from an earlier boot of the machine', true, { boot: 'earlier' }, there],
    [
      'from an earlier boot, in a container, which may run on another machine',
      false,
      { ...container, boot: 'earlier' },
      gone,
      container,
    ],
    [
      'from an earlier boot, on a machine without an id',
      false,
      { boot: 'earlier', machine: '' },
      gone,
      { machine: '' },
    ],
    ['from an unknown boot', false, { boot: '' }, gone],
    ['on a system without such facts, whose id is free', true, unknown, gone, unknown],
    ['on a system without such facts, whose id is in use', false, unknown, there, unknown],
    ['with facts that the system no longer reports', false, {}, gone, unknown],
  ])('%s: proven dead is %s', async (_name, isDead, change, sighting, ownChange = {}) => {
    const processes = { self: async () => ({ ...self, ...ownChange }), look: async () => sighting }
    expect(await isProvenDead({ ...owner, ...change }, processes)).toBe(isDead)
  })
})
