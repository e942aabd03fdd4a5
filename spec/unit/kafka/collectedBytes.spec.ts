import { describe, expect, it } from 'vitest'
import { CollectedBytes } from '../../../lib/kafka/collectedBytes.ts'
import { settled } from '../../stream/support.ts'

function scene(partitions: number, most = 100) {
  const all = new CollectedBytes(most)
  const cuts: number[] = []
  const replaying = new Set<number>()
  const waiting = new Set<number>()
  const shares = Array.from({ length: partitions }, (_, i) =>
    all.open({
      cut: () => void cuts.push(i),
      get isReplaying() {
        return replaying.has(i)
      },
      get isWaiting() {
        return waiting.has(i)
      },
    }),
  )
  const [a, b, c] = shares
  if (a === undefined || b === undefined) throw new Error('Expected two shares')
  const isOver = async (wait: undefined | Promise<void>) => {
    let over = wait === undefined
    void wait?.then(() => {
      over = true
    })
    await settled()
    return over
  }
  return { all, a, b, c, cuts, replaying, waiting, isOver }
}

describe('the bytes of all partitions', () => {
  it('may grow up to the bound', () => {
    const { all, a, b, cuts } = scene(2)
    expect(a.collected(60)).toBeUndefined()
    expect(b.collected(40)).toBeUndefined()
    expect(all.bytes).toBe(100)
    expect(cuts).toEqual([])
  })

  it('beyond the bound end the largest epoch, and wait until it is sent', async () => {
    const { all, a, b, cuts, isOver } = scene(2)
    a.collected(80)
    const wait = b.collected(30)
    expect(cuts).toEqual([0])
    expect(await isOver(wait)).toBe(false)
    a.begin(80, 0)
    expect(await isOver(wait)).toBe(false)
    a.left(80)
    expect(await isOver(wait)).toBe(true)
    expect(all.bytes).toBe(30)
  })

  it('end no second epoch while one waits to be sent', () => {
    const { a, b, c, cuts } = scene(3)
    a.collected(50)
    b.collected(49)
    c?.collected(20)
    c?.collected(21)
    expect(cuts).toEqual([0])
  })

  it('may exceed the bound by one replay at a time, because a replay cannot be cut', async () => {
    const { a, b, cuts, replaying, isOver } = scene(2)
    replaying.add(0).add(1)
    a.collected(90)
    expect(b.collected(20)).toBeUndefined()
    const wait = a.collected(91)
    expect(await isOver(wait)).toBe(false)
    expect(b.collected(500)).toBeUndefined()
    expect(cuts).toEqual([])
    b.begin(500, 0)
    expect(await isOver(wait)).toBe(false)
    b.left(500)
    expect(await isOver(wait)).toBe(true)
  })

  it('end the largest epoch also if they exceed the bound only when another one is sent', async () => {
    const { a, b, cuts, replaying, isOver } = scene(2)
    a.begin(70, 0)
    b.collected(90)
    replaying.add(0)
    expect(cuts).toEqual([])
    const wait = a.collected(20)
    a.left(60)
    expect(cuts).toEqual([])
    a.keep(10)
    await settled()
    expect(cuts).toEqual([1])
    b.begin(90, 0)
    b.left(90)
    expect(await isOver(wait)).toBe(true)
  })

  it('may not be exceeded by a partition that has nothing to replay, which may stay without messages', async () => {
    const { a, b, c, replaying, isOver } = scene(3)
    a.collected(60)
    const own = a.collected(140)
    a.begin(140, 0)
    a.left(10)
    a.keep(130)
    await settled()
    a.committed(130)
    expect(await isOver(own)).toBe(true)
    replaying.add(1).add(2)
    b.collected(90)
    const waits = [c?.collected(20), b.collected(91)]
    expect(await Promise.all(waits.map(isOver))).toEqual([true, false])
  })

  it('may be exceeded by the next replay when one without bytes is complete', async () => {
    const { a, b, c, replaying, isOver } = scene(3)
    replaying.add(0).add(1)
    c?.collected(120)
    c?.begin(120, 0)
    const waits = [b.collected(0), a.collected(101)]
    c?.keep(120)
    await settled()
    c?.committed(120)
    expect(await Promise.all(waits.map(isOver))).toEqual([true, false])
    // Rows that are set aside have no bytes.
    b.begin(0, 0)
    replaying.delete(1)
    b.left(0)
    expect(await isOver(waits[1])).toBe(true)
  })

  it('of an epoch that waits for `on_bad_row` do not keep other epochs from being sent', async () => {
    const { a, b, cuts, waiting, isOver } = scene(2)
    a.collected(60)
    waiting.add(0)
    const wait = b.collected(50)
    expect(cuts).toEqual([1])
    b.begin(50, 0)
    b.left(50)
    expect(await isOver(wait)).toBe(true)
  })

  it('of an epoch that waits for `on_bad_row` after it was asked to end do not either', async () => {
    const { a, b, cuts, waiting, isOver } = scene(2)
    a.collected(60)
    const wait = b.collected(50)
    expect(cuts).toEqual([0])
    waiting.add(0)
    a.waits()
    await settled()
    expect(cuts).toEqual([0, 1])
    b.begin(50, 0)
    b.left(50)
    expect(await isOver(wait)).toBe(true)
  })

  it('of a revoked partition no longer count, and nobody waits for them', async () => {
    const { all, a, b, isOver } = scene(2)
    a.collected(80)
    a.begin(80, 0)
    const wait = b.collected(90)
    expect(await isOver(wait)).toBe(false)
    a.close()
    expect(await isOver(wait)).toBe(true)
    expect(all.bytes).toBe(90)
    b.close()
    expect(all.bytes).toBe(0)
  })

  it('of a revoked partition do not count, even if more are added', () => {
    const { all, a } = scene(2)
    a.collected(50)
    a.close()
    expect(a.collected(500)).toBeUndefined()
    a.begin(500, 0)
    a.left(500)
    a.close()
    expect(all.bytes).toBe(0)
  })

  it('do not keep a revoked partition waiting', async () => {
    const { a, b, isOver } = scene(2)
    a.collected(80)
    a.begin(80, 0)
    const wait = b.collected(90)
    b.close()
    expect(await isOver(wait)).toBe(true)
  })
})
