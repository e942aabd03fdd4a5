import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Group } from '../../../lib/batch/group.ts'
import { Outbox, type OutboxBounds } from '../../../lib/write/outbox.ts'
import { settled } from '../../stream/support.ts'

/** An outbox whose groups are in flight until they are answered. Of a group only its number of rows and bytes count. */
function scene(bounds: Partial<OutboxBounds> = {}) {
  const inFlight = new Map<Group, () => void>()
  const sent: Group[] = []
  const outbox = new Outbox(
    { requests: () => 1, bytes: 100, waitingRows: 0, waitingBytes: 1_000, ...bounds },
    group => {
      sent.push(group)
      return new Promise(resolve => inFlight.set(group, resolve))
    },
  )
  const answer = async (...groups: Group[]) => {
    for (const group of groups) {
      inFlight.get(group)?.()
      inFlight.delete(group)
    }
    await settled()
  }
  return { outbox, sent, inFlight, answer }
}

function groupOf(bytes = 1, rows = 1): Group {
  return { bytes, rows: Array.from({ length: rows }) }
}

/** Whether a promise has been resolved by now; nothing to wait for counts as well. */
async function isOver(wait: undefined | Promise<void>): Promise<boolean> {
  let over = wait === undefined
  wait?.then(() => {
    over = true
  })
  await settled()
  return over
}

describe('groups', () => {
  it('leave at once while there is room in flight, and nobody has to wait', () => {
    const { outbox, sent } = scene({ requests: () => 2 })
    const groups = [groupOf(), groupOf()]
    outbox.push(groups)
    expect(sent).toEqual(groups)
    expect(outbox).toMatchObject({ isWaiting: false, isShortOfRequests: false })
    expect(outbox.room()).toBeUndefined()
  })

  it('leave in the order they came, one for each that is answered', async () => {
    const { outbox, sent, answer } = scene()
    const [a, b, c] = [groupOf(), groupOf(), groupOf()]
    outbox.push([a, b])
    outbox.push([c])
    expect(sent).toEqual([a])
    expect(outbox).toMatchObject({ isWaiting: true, isShortOfRequests: true })
    await answer(a)
    expect(sent).toEqual([a, b])
    await answer(b)
    expect(sent).toEqual([a, b, c])
    expect(outbox.isWaiting).toBe(false)
  })

  it('do not overtake one that is too large for now', async () => {
    const { outbox, sent, answer } = scene({ requests: () => 9 })
    const [first, large, small] = [groupOf(60), groupOf(60), groupOf(1)]
    outbox.push([first, large, small])
    expect(sent).toEqual([first])
    expect(outbox).toMatchObject({ isWaiting: true, isShortOfRequests: false })
    await answer(first)
    expect(sent).toEqual([first, large, small])
  })

  it('fill the bytes in flight to the last', () => {
    const { outbox, sent } = scene({ requests: () => 9 })
    outbox.push([groupOf(60), groupOf(40), groupOf(1)])
    expect(sent.map(({ bytes }) => bytes)).toEqual([60, 40])
  })

  it('above the byte bound leave alone', async () => {
    const { outbox, sent, answer } = scene({ requests: () => 9 })
    const [small, huge, next] = [groupOf(1), groupOf(1_000), groupOf(1)]
    outbox.push([small, huge, next])
    expect(sent).toEqual([small])
    await answer(small)
    expect(sent).toEqual([small, huge])
    await answer(huge)
    expect(sent).toEqual([small, huge, next])
  })

  it('follow a bound that moves', async () => {
    let most = 1
    const { outbox, sent, answer } = scene({ requests: () => most })
    const [a, b, c, d] = [groupOf(), groupOf(), groupOf(), groupOf()]
    outbox.push([a, b, c, d])
    most = 2
    await answer(a)
    expect(sent).toEqual([a, b, c])
    most = 1
    await answer(b)
    expect(sent).toEqual([a, b, c])
    await answer(c)
    expect(sent).toEqual([a, b, c, d])
  })

  it('leave even when the bounds are zero, so that nothing stands still', () => {
    const { outbox, sent } = scene({ requests: () => 0, bytes: 0 })
    outbox.push([groupOf(5)])
    expect(sent.length).toBe(1)
  })
})

describe('room', () => {
  it.each([
    ['rows', { waitingRows: 4 }, groupOf(0, 3)],
    ['bytes', { waitingBytes: 4, waitingRows: 9 }, groupOf(3)],
  ])('is there until more %s wait than may, and again when enough have left', async (_, bounds, group) => {
    const { outbox, sent, answer } = scene(bounds)
    const again = () => outbox.push([{ ...group }])
    again()
    again()
    expect(outbox.room()).toBeUndefined()
    again()
    const rooms = [outbox.room(), outbox.room()]
    expect(await Promise.all(rooms.map(isOver))).toEqual([false, false])
    await answer(...sent)
    expect(await Promise.all(rooms.map(isOver))).toEqual([true, true])
    expect(outbox.room()).toBeUndefined()
  })

  it('is told after groups that left were written, which the driver does in a turn of its own', async () => {
    const order: string[] = []
    let answerFirst: () => void = () => {}
    const first = new Promise<void>(resolve => {
      answerFirst = resolve
    })
    const bounds = { requests: () => 1, bytes: 100, waitingRows: 0, waitingBytes: 100 }
    const outbox = new Outbox(bounds, async () => {
      setImmediate(() => order.push('written'))
      await first
    })
    outbox.push([groupOf(), groupOf()])
    outbox.room()?.then(() => order.push('room'))
    answerFirst()
    await settled()
    expect(order).toEqual(['written', 'written', 'room'])
  })
})

describe('idle', () => {
  it('is at once when there is nothing, and else when the last is answered', async () => {
    const { outbox, sent, answer } = scene()
    expect(outbox.idle()).toBeUndefined()
    const groups = [groupOf(), groupOf()]
    outbox.push(groups)
    const idle = outbox.idle()
    expect(await isOver(idle)).toBe(false)
    await answer(...sent)
    expect(await isOver(idle)).toBe(false)
    await answer(...sent)
    expect(await isOver(idle)).toBe(true)
    expect(outbox.idle()).toBeUndefined()
  })
})

describe('close()', () => {
  it('drops what waits and what comes, makes room, and is idle when what is in flight is answered', async () => {
    const { outbox, sent, answer } = scene()
    const [a, b, c] = [groupOf(), groupOf(), groupOf()]
    outbox.push([a, b])
    const [room, idle] = [outbox.room(), outbox.idle()]
    outbox.close()
    outbox.push([c])
    expect(await isOver(room)).toBe(true)
    expect(await isOver(idle)).toBe(false)
    expect(outbox.isWaiting).toBe(false)
    await answer(a)
    expect(await isOver(idle)).toBe(true)
    expect(sent).toEqual([a])
  })
})

describe('abandon()', () => {
  it('waits for nothing', async () => {
    const { outbox, sent, answer } = scene()
    const [a, b] = [groupOf(), groupOf()]
    outbox.push([a, b])
    const [room, idle] = [outbox.room(), outbox.idle()]
    outbox.abandon()
    expect(await isOver(room)).toBe(true)
    expect(await isOver(idle)).toBe(true)
    expect(outbox.idle()).toBeUndefined()
    await answer(a)
    expect(sent).toEqual([a])
  })
})

describe('whatever the order of groups and answers', () => {
  it('every group leaves, in order, within the bounds', async () => {
    const acts = fc.array(fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant('answer' as const)))
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 5 }), async (list, most) => {
        const { outbox, sent, inFlight } = scene({ requests: () => most })
        const pushed: Group[] = []
        const answer = async () => {
          const [first] = inFlight
          first?.[1]()
          if (first !== undefined) inFlight.delete(first[0])
          for (let turn = 0; turn < 4; turn++) await Promise.resolve()
        }
        for (const act of list) {
          if (act === 'answer') await answer()
          else {
            pushed.push(groupOf(act))
            outbox.push(pushed.slice(-1))
          }
          expect(inFlight.size).toBeLessThanOrEqual(most)
          const bytes = [...inFlight.keys()].reduce((sum, group) => sum + group.bytes, 0)
          if (inFlight.size > 1) expect(bytes).toBeLessThanOrEqual(100)
          expect(outbox.isWaiting).toBe(sent.length < pushed.length)
        }
        while (inFlight.size > 0) await answer()
        expect(sent).toEqual(pushed)
        expect(outbox.idle()).toBeUndefined()
      }),
    )
  })
})
