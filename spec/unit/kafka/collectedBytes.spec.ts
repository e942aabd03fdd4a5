import { describe, expect, it } from 'vitest'
import { CollectedBytes } from '../../../lib/kafka/collectedBytes.ts'
import { settled } from '../../stream/support.ts'

function scene(partitions: number, most = 100) {
  const all = new CollectedBytes(most)
  const cuts: number[] = []
  const replaying = new Set<number>()
  const shares = Array.from({ length: partitions }, (_, i) =>
    all.open({
      cut: () => void cuts.push(i),
      get isReplaying() {
        return replaying.has(i)
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
  return { all, a, b, c, cuts, replaying, isOver }
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
