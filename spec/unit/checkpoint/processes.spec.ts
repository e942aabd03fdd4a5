import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { realProcesses } from '../../../lib/checkpoint/file/process.ts'
import { isStopped } from '../../../lib/testing/guard.ts'
import { target } from './epochs.ts'

// On a busy machine, a process starts slowly.
vi.setConfig({ testTimeout: 120_000 })
const patience = { timeout: 60_000 }

const locked = 'ERR_CASSANDRA_CHECKPOINT_LOCKED'
const running: ChildProcess[] = []
let folder: string
let location: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  location = join(folder, 'orders')
})
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

/** @param keepsZombies whether its parent never waits for it, so that it becomes a zombie when it ends */
async function startOwner(keepsZombies = false) {
  const command = [process.execPath, '--import', 'tsx', resolve(import.meta.dirname, 'owner.ts'), location]
  const [program = '', ...args] = keepsZombies
    ? ['/bin/sh', '-c', '"$@" <&3 & exec sleep 600', 'sh', ...command]
    : command
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] })
  running.push(child)
  const [stdin, stdout, , third] = child.stdio
  const input = keepsZombies ? third : stdin
  if (!(input instanceof Writable) || !(stdout instanceof Readable)) throw new Error('there are no pipes')
  input.on('error', () => {})
  const lines = createInterface(stdout)[Symbol.asyncIterator]()
  const pid = Number((await lines.next()).value)
  expect(pid).toBeGreaterThan(0)
  return {
    pid,
    async says(word: string): Promise<unknown> {
      input.write(`${word}\n`)
      return JSON.parse((await lines.next()).value)
    },
    async stop(): Promise<void> {
      process.kill(pid, 'SIGSTOP')
      await expect.poll(() => isStopped(pid), patience).toBe(true)
    },
    go: () => process.kill(pid, 'SIGCONT'),
    async killAndWait(): Promise<void> {
      process.kill(pid, 'SIGKILL')
      if (!keepsZombies) await once(child, 'exit')
    },
  }
}

/** Opens the checkpoint in this process. Returns the state or the code of the error. */
async function opened(): Promise<unknown> {
  const checkpoint = await openCheckpoint(location, target).catch((error: { code: string }) => error.code)
  if (typeof checkpoint === 'string') return checkpoint
  await checkpoint.close()
  return { committed: checkpoint.state.committed?.epoch_id, sealed: checkpoint.state.sealed?.epoch_id }
}

describe('of two processes on one checkpoint', () => {
  it('the second is refused, even while the first is suspended, and the first then continues', async () => {
    const first = await startOwner()
    expect(await first.says('open')).toEqual({})
    expect(await first.says('seal')).toEqual({ sealed: 0 })
    const second = await startOwner()
    expect(await second.says('open')).toBe(locked)
    await first.stop()
    expect(await second.says('open')).toBe(locked)
    first.go()
    expect(await first.says('commit')).toEqual({ committed: 0 })
    expect(await first.says('close')).toEqual({ committed: 0 })
    expect(await second.says('open')).toEqual({ committed: 0 })
  })

  it('the one whose lock was removed while it was suspended appends nothing when it continues', async () => {
    const first = await startOwner()
    await first.says('open')
    await first.says('seal')
    await first.stop()
    await rm(`${location}.lock.1`)
    const second = await startOwner()
    expect(await second.says('open')).toEqual({ sealed: 0 })
    expect(await second.says('commit')).toEqual({ committed: 0 })
    expect(await second.says('seal')).toEqual({ committed: 0, sealed: 1 })
    const file = await readFile(location)
    first.go()
    expect(await first.says('commit')).toBe(locked)
    await first.says('close')
    expect(await readFile(location)).toEqual(file)
    expect(await second.says('commit')).toEqual({ committed: 1 })
  })

  it('the second takes over while the first is suspended, and the first appends nothing when it continues', async () => {
    const first = await startOwner()
    await first.says('open')
    await first.says('seal')
    await first.stop()
    const second = await startOwner()
    expect(await second.says('open')).toBe(locked)
    expect(await second.says('take over')).toEqual({ sealed: 0 })
    expect(await second.says('commit')).toEqual({ committed: 0 })
    expect(await second.says('seal')).toEqual({ committed: 0, sealed: 1 })
    const file = await readFile(location)
    first.go()
    expect(await first.says('commit')).toBe(locked)
    await first.says('close')
    expect(await readFile(location)).toEqual(file)
    expect(await second.says('commit')).toEqual({ committed: 1 })
  })

  it('at most one continues when both take over at once, and nothing that it reported is lost', async () => {
    const processes = await Promise.all([startOwner(), startOwner(), startOwner()])
    const [first, ...others] = processes
    await first?.says('open')
    await first?.says('seal')
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(others.map(other => other.says('take over')))
      const commits = await Promise.all(
        others.map(async (other, i) => {
          if (answers[i] === locked) return locked
          const sealed = answers[i] as { sealed?: number }
          if (sealed.sealed === undefined && (await other.says('seal')) === locked) return locked
          return other.says('commit')
        }),
      )
      const done = commits.filter(commit => commit !== locked) as { committed: number }[]
      expect(new Set(done.map(each => each.committed)).size).toBe(done.length)
      for (const other of others) await other.says('close')
      const { committed } = (await opened()) as { committed?: number }
      expect(committed ?? -1).toBeGreaterThanOrEqual(Math.max(-1, ...done.map(each => each.committed)))
    }
    expect(await first?.says('commit')).toBe(locked)
  })

  it('the second takes over the state of the first after that was killed', async () => {
    const first = await startOwner()
    await first.says('open')
    await first.says('seal')
    await first.killAndWait()
    expect(await readdir(folder)).toEqual(['orders', 'orders.lock.1'])
    expect(await opened()).toEqual({ sealed: 0 })
    expect(await readdir(folder)).toEqual(['orders'])
  })

  it.runIf(process.platform === 'linux')('the first counts as dead if it is a zombie', async () => {
    const first = await startOwner(true)
    await first.says('open')
    await first.killAndWait()
    await expect.poll(async () => (await realProcesses.look(first.pid)).isZombie, patience).toBe(true)
    expect(process.kill(first.pid, 0)).toBe(true)
    expect(await opened()).toEqual({})
  })
})

describe.runIf(process.platform === 'linux')('a lock that names a living process', () => {
  it.each([
    ['with its start time is refused', false, locked],
    ['with another start time belongs to a dead process whose id was used again', true, {}],
  ])('%s', async (_title, isReused, answer) => {
    const { pid } = await startOwner()
    const { started } = await realProcesses.look(pid)
    expect(started).toMatch(/^\d+$/)
    const self = await realProcesses.self()
    const owner = { ...self, pid, started: isReused ? String(Number(started) - 1) : started }
    await writeFile(`${location}.lock.1`, JSON.stringify(owner))
    expect(await opened()).toEqual(answer)
  })

  it('has all facts about it', async () => {
    const self = await realProcesses.self()
    expect(self).toMatchObject({ pid: process.pid, boot: expect.stringMatching(/^[\da-f-]{36}$/) })
    expect(self.namespace).toMatch(/^pid:\[\d+\]/)
    expect(await realProcesses.look(process.pid)).toEqual({
      exists: true,
      started: self.started,
      isZombie: false,
    })
    expect(await realProcesses.look(2 ** 30)).toEqual({ exists: false, started: '', isZombie: false })
  })
})
