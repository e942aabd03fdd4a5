import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Group } from '../../../lib/batch/group.ts'
import type { Fault } from '../../../lib/cluster/fault.ts'
import { everywhere } from '../../../lib/cluster/ring.ts'
import { byteLengthOf, type EncodedRow, writeTimeOf } from '../../../lib/row/encodedRow.ts'
import { Outbox } from '../../../lib/write/outbox.ts'
import type { Permit } from '../../../lib/write/permit.ts'
import { settled } from '../../stream/support.ts'
import { encodeAll } from '../batch/rows.ts'

const { signal } = new AbortController()
setMaxListeners(0, signal)

/** A group in flight. */
interface Sent {
  readonly group: Group
  readonly permit: Permit
  readonly end: () => void
}

/** An outbox with one lane, whose groups stay in flight until the spec ends them. */
function scene({ requests = 8, waitingRows = 2, bytes = 100_000 } = {}) {
  const sent: Sent[] = []
  const told: string[] = []
  const window = {
    limit: requests,
    answered: () => told.push('answered'),
    overloaded: () => told.push('overloaded'),
  }
  const outbox = new Outbox({ window, bytes, waitingBytes: 1_000 })
  const lane = outbox.open(waitingRows, (group, permit) => {
    return new Promise(resolve => sent.push({ group, permit, end: resolve }))
  })
  const push = (...names: string[]) => lane.push(names.map(replicas => groupOf(replicas)))
  const namesOf = () => sent.map(({ group }) => group.replicas)
  const nth = (at: number) => sent[at] as Sent
  /** Fails a request, which waits for this time before its next attempt. */
  const fail = (at: number, wait_ms = 100_000, fault: Fault = 'retry') => {
    const { permit } = nth(at)
    permit.failed(fault, performance.now())
    return permit.pause(wait_ms, false, signal)
  }
  /** Fails a request twice, which ends if the signal aborts its wait. */
  const sleep = ({ permit, end }: Sent, wait_ms: number, signal: AbortSignal) => {
    for (let fault = 0; fault < 2; fault++) permit.failed('retry', performance.now())
    return permit.pause(wait_ms, false, signal).catch(end)
  }
  const acknowledge = async (at: number) => {
    nth(at).permit.succeeded(1, 0)
    nth(at).end()
    await settled()
  }
  return { outbox, lane, sent, told, push, namesOf, fail, sleep, acknowledge }
}

const isOf =
  (name: string) =>
  ({ group }: Sent) =>
    group.replicas === name

function groupOf(replicas: string): Group {
  const rows = encodeAll([{ p: 1, c: 1 }])
  return { rows, bytes: byteLengthOf(rows[0] as EncodedRow), replicas }
}

const isOver = async (wait: Promise<unknown> | undefined) => {
  let over = false
  void wait?.then(() => {
    over = true
  })
  await settled()
  return over
}

describe('a request between two attempts', () => {
  it('gives its permit to others, and continues before groups that have not been sent', async () => {
    const { push, namesOf, fail, acknowledge } = scene({ requests: 1 })
    push('a', 'a', 'a')
    const again = fail(0, 0)
    expect(namesOf()).toEqual(['a', 'a'])
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(await isOver(again)).toBe(false)
    await acknowledge(1)
    expect(await isOver(again)).toBe(true)
    expect(namesOf()).toEqual(['a', 'a'])
  })

  it('is told how long it waited for a permit that another kept for `on_bad_row`', async () => {
    const { push, sent, fail, acknowledge } = scene({ requests: 1 })
    push('a', 'a')
    const again = fail(0, 0)
    // Until its wait is over, and it needs a permit.
    await delay(5)
    const from = performance.now()
    let handled = () => {}
    const handling = sent[1]?.permit.aside(new Promise(resolve => (handled = resolve)))
    await delay(300)
    handled()
    await handling
    const held_ms = performance.now() - from
    await delay(50)
    await acknowledge(1)
    const waited_ms = await again
    expect(waited_ms).toBeGreaterThan(150)
    expect(waited_ms).toBeLessThanOrEqual(held_ms)
  })

  it('of a failing replica set is told nothing of that, because it does not wait for those permits', async () => {
    const { push, sent, sleep } = scene({ requests: 8 })
    push('dead', 'dead', 'dead', 'dead', 'alive')
    const wakes = sent.filter(isOf('dead')).map(each => sleep(each, 0, signal))
    const handling = sent.find(isOf('alive'))?.permit.aside(delay(100))
    await handling
    const [first, second] = await Promise.all(wakes.slice(0, 2))
    expect([first, second]).toEqual([0, 0])
  })

  it('fails with the reason of a signal', async () => {
    const { push, sent } = scene()
    push('a')
    const closing = new AbortController()
    const again = sent[0]?.permit.pause(100_000, false, closing.signal)
    closing.abort(new Error('enough'))
    await expect(again).rejects.toThrow('enough')
  })
})

describe('a replica set that fails three times in a row', () => {
  it('is probed with requests that failed before, and the others get all other permits', async () => {
    const { push, namesOf, fail } = scene({ requests: 6 })
    push('dead', 'dead', 'dead')
    const again = [fail(0, 0), fail(1, 0), fail(2, 0)]
    push('dead', 'dead', 'dead', 'dead', 'alive', 'alive', 'alive', 'alive')
    expect(namesOf().slice(3)).toEqual(['alive', 'alive', 'alive', 'alive'])
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(await Promise.all(again.map(isOver))).toEqual([true, true, false])
    // Each probe that fails makes room for the next.
    void fail(0)
    expect(await isOver(again[2])).toBe(true)
    expect(namesOf()).toHaveLength(7)
  })

  it('is probed with new requests if no failed ones are left', async () => {
    const { push, namesOf, sent, fail } = scene({ requests: 6 })
    push('dead', 'dead', 'dead')
    for (const { permit } of sent) permit.failed('retry', 0)
    push('dead', 'dead', 'dead')
    expect(namesOf()).toHaveLength(3)
    for (const { end } of sent.slice(0, 3)) end()
    await settled()
    expect(namesOf()).toHaveLength(5)
    void fail(3)
    expect(namesOf()).toHaveLength(5)
  })

  it('is probed with a group that waits when all requests that slept have ended', async () => {
    const { push, namesOf, sent, sleep } = scene({ requests: 8 })
    const closing = new AbortController()
    push('dead', 'dead', 'dead', 'alive')
    const sleeping = sent.filter(isOf('dead')).map(flight => sleep(flight, 100_000, closing.signal))
    push('dead')
    expect(namesOf()).toHaveLength(4)
    closing.abort()
    await Promise.all(sleeping)
    await settled()
    expect(namesOf().slice(4)).toEqual(['dead'])
  })

  it('is probed as soon as a probe of another one ends', async () => {
    const { push, namesOf, sent, sleep } = scene({ requests: 99, waitingRows: 99 })
    const closing = new AbortController()
    push('dead', 'dead')
    const sleeping = sent.map(flight => sleep(flight, 100_000, closing.signal))
    // Eight others use all sixteen probes.
    for (let i = 0; i < 8; i++) {
      push(`other ${i}`, `other ${i}`)
      for (const flight of sent.filter(isOf(`other ${i}`))) void sleep(flight, 0, signal)
    }
    await new Promise(resolve => setTimeout(resolve, 10))
    push('dead')
    closing.abort()
    await Promise.all(sleeping)
    await settled()
    expect(namesOf().filter(name => name === 'dead')).toHaveLength(2)
    sent.find(isOf('other 3'))?.end()
    await settled()
    expect(namesOf().filter(name => name === 'dead')).toHaveLength(3)
  })

  it('makes nobody wait until its rows fill the bytes that may be in flight', async () => {
    const { lane, push, fail } = scene({ bytes: 10 * (groupOf('dead').bytes + 256) })
    push('dead', 'dead', 'dead')
    for (const at of [0, 1, 2]) void fail(at)
    // Sent rows count with their bytes. Waiting rows also count with their overhead.
    for (let row = 0; row < 9; row++) push('dead')
    expect(lane.room()).toBeUndefined()
    expect(lane.isWaiting).toBe(false)
    push('dead', 'dead')
    const room = lane.room()
    expect(room).toBeInstanceOf(Promise)
    lane.close()
    await room
  })

  it('keeps the source waiting if there are no others', async () => {
    const { lane, fail } = scene({ waitingRows: 2 })
    const push = (count: number) =>
      lane.push(Array.from({ length: count }, () => ({ ...groupOf(''), replicas: everywhere })))
    push(3)
    for (const at of [0, 1, 2]) void fail(at)
    push(2)
    expect(lane.room()).toBeUndefined()
    push(1)
    const room = lane.room()
    expect(room).toBeInstanceOf(Promise)
    expect(lane.isWaiting).toBe(true)
    lane.close()
    await room
  })

  it('gets its waiting groups as soon as it answers, and sleeping retries are made at once', async () => {
    const { lane, push, namesOf, fail, acknowledge } = scene({ requests: 8 })
    push('dead', 'dead', 'dead')
    const again = [0, 1, 2].map(at => fail(at))
    const soon = fail(0, 1)
    push('dead', 'dead', 'dead', 'dead')
    expect(namesOf()).toHaveLength(3)
    await soon
    await acknowledge(0)
    expect(await Promise.all(again.map(isOver))).toEqual([true, true, true])
    expect(namesOf()).toHaveLength(7)
    for (const at of [1, 2, 3, 4, 5, 6]) await acknowledge(at)
    expect(lane.answered()).toBeUndefined()
  })

  it('does not shrink the window if there are others, and shrinks it if it is the only one', async () => {
    const { push, fail, told } = scene()
    push('dead', 'dead', 'dead')
    push('alive')
    for (const at of [0, 1, 2, 0, 1]) void fail(at, 100_000, 'slow')
    expect(told).toEqual(['overloaded', 'overloaded', 'overloaded'])
    const only = scene()
    only.push('a', 'a', 'a')
    for (const at of [0, 1, 2, 0, 1]) void only.fail(at, 100_000, 'slow')
    expect(only.told).toHaveLength(5)
  })

  it('keeps no memory of other rows alive with its waiting rows', async () => {
    const rows = encodeAll(Array.from({ length: 100 }, (_, c) => ({ p: 1, c, v: 'x'.repeat(100) })))
    const { push, lane, fail } = scene({ bytes: 100_000 })
    push('dead', 'dead', 'dead')
    const [before, after, alive] = rows as [EncodedRow, EncodedRow, EncodedRow]
    const contents = [before, after].map(row => [
      row.slab.toString('hex', row.start, row.end),
      writeTimeOf(row),
    ])
    const groupWith = (row: EncodedRow, replicas: string) => ({
      rows: [row],
      bytes: byteLengthOf(row),
      replicas,
    })
    lane.push(Array.from({ length: 9 }, () => groupOf('dead')))
    lane.push([groupWith(before, 'dead')])
    for (const at of [0, 1, 2]) void fail(at)
    lane.push([groupWith(after, 'dead'), groupWith(alive, 'alive')])
    for (const row of [before, after]) expect(row.slab.buffer.byteLength).toBe(byteLengthOf(row))
    expect(alive.slab.buffer.byteLength).toBeGreaterThan(byteLengthOf(alive))
    const moved = [before, after].map(row => [row.slab.toString('hex', row.start, row.end), writeTimeOf(row)])
    expect(moved).toEqual(contents)
  })
})

describe('a replica set that hangs', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('gives its permits back after others were answered for a second, and keeps nobody waiting', async () => {
    const { lane, push, namesOf, acknowledge } = scene({ requests: 4, waitingRows: 2 })
    push('alive', 'hung', 'hung', 'hung', 'hung', 'hung')
    const permits = (name: string) => namesOf().filter(other => other === name).length
    expect([permits('alive'), permits('hung')]).toEqual([1, 2])
    const room = lane.room() as Promise<void>
    for (let look = 0; look < 10; look++) vi.advanceTimersByTime(250)
    // While no replica set answers, all may be slow.
    expect(await isOver(room)).toBe(false)
    await acknowledge(0)
    vi.advanceTimersByTime(250)
    expect(await isOver(room)).toBe(true)
    push('alive', 'alive', 'alive', 'alive', 'alive')
    expect([permits('alive'), permits('hung')]).toEqual([5, 2])
    expect(lane.isWaiting).toBe(true)
    lane.close()
  })

  it('is none whose requests were answered and wait for `on_bad_row`', async () => {
    const { push, namesOf, sent, acknowledge } = scene({ requests: 8, waitingRows: 99 })
    push('alive', 'slow', 'slow')
    const handling = sent.slice(1).map(({ permit }) => permit.aside(new Promise(() => {})))
    expect(handling).toHaveLength(2)
    for (let look = 0; look < 10; look++) vi.advanceTimersByTime(250)
    await acknowledge(0)
    for (let look = 0; look < 10; look++) {
      push('alive')
      await acknowledge(namesOf().length - 1)
      vi.advanceTimersByTime(250)
    }
    // A hanging one would get two requests at a time.
    push('slow', 'slow', 'alive')
    expect(namesOf().filter(name => name === 'slow')).toHaveLength(4)
  })

  it('has nothing held any more after all its requests were answered', async () => {
    const { lane, push, namesOf, acknowledge } = scene({ requests: 2, bytes: 1_000 })
    push('alive', 'hung', 'hung', 'hung')
    for (let look = 0; look < 10; look++) vi.advanceTimersByTime(250)
    await acknowledge(0)
    // A probe is sent beside the request that hangs.
    vi.advanceTimersByTime(250)
    expect(namesOf()).toEqual(['alive', 'hung', 'hung'])
    for (const at of [1, 2, 3]) await acknowledge(at)
    expect(lane.answered()).toBeUndefined()
    // A group may exceed the bound only if nothing is held.
    lane.push([{ ...groupOf('alive'), bytes: 5_000 }])
    expect(namesOf()).toHaveLength(5)
  })

  it('holds nobody up after it answers, although groups wait for bytes of requests without a permit', async () => {
    const { lane, sent, acknowledge } = scene({ requests: 16, bytes: 301, waitingRows: 99 })
    const group = (name: string, bytes: number) => ({ ...groupOf(name), bytes })
    lane.push([group('alive', 1), group('hung', 100), group('hung', 100), group('hung', 100)])
    for (let look = 0; look < 10; look++) vi.advanceTimersByTime(250)
    await acknowledge(0)
    vi.advanceTimersByTime(250)
    lane.push([group('hung', 250)])
    for (const at of [1, 2, 3]) await acknowledge(at)
    expect(sent).toHaveLength(5)
    await acknowledge(4)
    expect(lane.answered()).toBeUndefined()
  })

  it('gets no more requests in flight after it answers one than any other, however often it does', async () => {
    const { push, namesOf, sent, acknowledge } = scene({ requests: 8, waitingRows: 99, bytes: 1e9 })
    const slow = () => sent.flatMap(({ group }, at) => (group.replicas === 'slow' ? [at] : []))
    push('alive', ...Array.from({ length: 40 }, () => 'slow'))
    let answered = 0
    for (let second = 0; second < 6; second++) {
      for (let look = 0; look < 8; look++) {
        push('alive')
        await acknowledge(namesOf().lastIndexOf('alive'))
        vi.advanceTimersByTime(250)
      }
      await acknowledge(slow()[answered++] as number)
      expect(slow().length - answered, `after ${answered} answers`).toBeLessThanOrEqual(6)
    }
  })

  it('is none of many if all are slow, beyond as many requests as the window has permits', async () => {
    const { push, sent, acknowledge } = scene({ requests: 8, waitingRows: 999, bytes: 1e9 })
    push(...Array.from({ length: 100 }, (_, i) => `slow ${i}`))
    for (let answered = 0; answered < 30; answered++) {
      for (let look = 0; look < 8; look++) vi.advanceTimersByTime(250)
      await acknowledge(answered)
      vi.advanceTimersByTime(250)
      expect(sent.length - answered, `after ${answered + 1} answers`).toBeLessThanOrEqual(8 + 8 + 1)
    }
  })

  it('is treated like the others after it answers', async () => {
    const { push, namesOf, acknowledge } = scene({ requests: 4 })
    push('alive', 'hung', 'hung', 'hung', 'hung')
    for (let look = 0; look < 10; look++) vi.advanceTimersByTime(250)
    await acknowledge(0)
    vi.advanceTimersByTime(250)
    expect(namesOf()).toEqual(['alive', 'hung', 'hung'])
    await acknowledge(1)
    expect(namesOf()).toEqual(['alive', 'hung', 'hung', 'hung', 'hung'])
  })

  it('gets at most half of the permits while there are others', async () => {
    const { push, namesOf, acknowledge } = scene({ requests: 4, waitingRows: 99 })
    push('alive', 'hung', 'hung', 'hung', 'hung', 'alive', 'alive')
    expect(namesOf()).toEqual(['alive', 'hung', 'alive', 'hung'])
    await acknowledge(0)
    await acknowledge(2)
    expect(namesOf().slice(4)).toEqual(['alive'])
    await acknowledge(4)
    // No other replica set has groups any more.
    push('hung')
    expect(namesOf().filter(name => name === 'hung')).toHaveLength(4)
  })
})
