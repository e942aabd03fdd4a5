import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Group } from '../../../lib/batch/group.ts'
import { Outbox } from '../../../lib/write/outbox.ts'
import type { OutboxBounds } from '../../../lib/write/outboxBounds.ts'
import { settled } from '../../stream/support.ts'

interface Bounds extends Omit<OutboxBounds, 'window'> {
  /** Maximum number of requests in flight. */
  readonly requests: () => number
  /** Maximum number of waiting rows of a lane. */
  readonly waitingRows: number
}

/** An outbox whose groups are in flight until the spec answers them. Only the rows and bytes of a group matter. */
function scene({ waitingRows = 0, requests = () => 1, ...bounds }: Partial<Bounds> = {}) {
  const inFlight = new Map<Group, () => void>()
  const sent: Group[] = []
  const outbox = new Outbox({ window: windowOf(requests), bytes: 100, waitingBytes: 1_000, ...bounds })
  const open = (rows = waitingRows) =>
    outbox.open(rows, group => {
      sent.push(group)
      return new Promise(resolve => inFlight.set(group, resolve))
    })
  const answer = async (...groups: Group[]) => {
    for (const group of groups) {
      inFlight.get(group)?.()
      inFlight.delete(group)
    }
    await settled()
  }
  return { outbox, lane: open(), open, sent, inFlight, answer }
}

/** A window with this size that never adapts. */
function windowOf(requests: () => number): OutboxBounds['window'] {
  return {
    get limit() {
      return requests()
    },
    answered: () => {},
    overloaded: () => {},
  }
}

function groupOf(bytes = 1, rows = 1, replicas: unknown = 'all'): Group {
  return { bytes, rows: Array.from({ length: rows }), replicas }
}

/** Whether a promise has resolved by now. Undefined counts as resolved. */
async function isOver(wait: undefined | Promise<void>): Promise<boolean> {
  let over = wait === undefined
  wait?.then(() => {
    over = true
  })
  await settled()
  return over
}

describe('groups', () => {
  it('are sent at once while there is room in flight, and nobody has to wait', () => {
    const { outbox, lane, sent } = scene({ requests: () => 2 })
    const groups = [groupOf(), groupOf()]
    lane.push(groups)
    expect(sent).toEqual(groups)
    expect(lane.isWaiting).toBe(false)
    expect(outbox.isShortOfRequests).toBe(false)
    expect(lane.room()).toBeUndefined()
  })

  it('are sent in the order in which they came, one per answer', async () => {
    const { outbox, lane, sent, answer } = scene()
    const [a, b, c] = [groupOf(), groupOf(), groupOf()]
    lane.push([a, b])
    lane.push([c])
    expect(sent).toEqual([a])
    expect(lane.isWaiting).toBe(true)
    expect(outbox.isShortOfRequests).toBe(true)
    await answer(a)
    expect(sent).toEqual([a, b])
    await answer(b)
    expect(sent).toEqual([a, b, c])
    expect(lane.isWaiting).toBe(false)
  })

  it('do not overtake one that is too large for now', async () => {
    const { outbox, lane, sent, answer } = scene({ requests: () => 9 })
    const [first, large, small] = [groupOf(60), groupOf(60), groupOf(1)]
    lane.push([first, large, small])
    expect(sent).toEqual([first])
    expect(lane.isWaiting).toBe(true)
    expect(outbox.isShortOfRequests).toBe(false)
    await answer(first)
    expect(sent).toEqual([first, large, small])
  })

  it('use all bytes in flight', () => {
    const { lane, sent } = scene({ requests: () => 9 })
    lane.push([groupOf(60), groupOf(40), groupOf(1)])
    expect(sent.map(({ bytes }) => bytes)).toEqual([60, 40])
  })

  it('that exceed the bound on bytes are sent alone', async () => {
    const { lane, sent, answer } = scene({ requests: () => 9 })
    const [small, huge, next] = [groupOf(1), groupOf(1_000), groupOf(1)]
    lane.push([small, huge, next])
    expect(sent).toEqual([small])
    await answer(small)
    expect(sent).toEqual([small, huge])
    await answer(huge)
    expect(sent).toEqual([small, huge, next])
  })

  it('follow a bound that moves', async () => {
    let most = 1
    const { lane, sent, answer } = scene({ requests: () => most })
    const [a, b, c, d] = [groupOf(), groupOf(), groupOf(), groupOf()]
    lane.push([a, b, c, d])
    most = 2
    await answer(a)
    expect(sent).toEqual([a, b, c])
    most = 1
    await answer(b)
    expect(sent).toEqual([a, b, c])
    await answer(c)
    expect(sent).toEqual([a, b, c, d])
  })

  it('are sent even if the bounds are zero, so that nothing stops', () => {
    const { lane, sent } = scene({ requests: () => 0, bytes: 0 })
    lane.push([groupOf(5)])
    expect(sent.length).toBe(1)
  })
})

describe('room', () => {
  it.each([
    ['rows', { waitingRows: 4 }, groupOf(0, 3)],
    ['bytes', { waitingBytes: 4, waitingRows: 9 }, groupOf(3)],
  ])('exists until more %s wait than allowed, and again when enough are sent', async (_, bounds, group) => {
    const { lane, sent, answer } = scene(bounds)
    const again = () => lane.push([{ ...group }])
    again()
    again()
    expect(lane.room()).toBeUndefined()
    again()
    const rooms = [lane.room(), lane.room()]
    expect(await Promise.all(rooms.map(isOver))).toEqual([false, false])
    await answer(...sent)
    expect(await Promise.all(rooms.map(isOver))).toEqual([true, true])
    expect(lane.room()).toBeUndefined()
  })

  it('is reported after sent groups were written, which the driver does in a later turn', async () => {
    const order: string[] = []
    let answerFirst: () => void = () => {}
    const first = new Promise<void>(resolve => {
      answerFirst = resolve
    })
    const lane = new Outbox({ window: windowOf(() => 1), bytes: 100, waitingBytes: 100 }).open(
      0,
      async () => {
        setImmediate(() => order.push('written'))
        await first
      },
    )
    lane.push([groupOf(), groupOf()])
    lane.room()?.then(() => order.push('room'))
    answerFirst()
    await settled()
    expect(order).toEqual(['written', 'written', 'room'])
  })
})

describe('idle', () => {
  it('comes at once if there is nothing, and otherwise with the last answer', async () => {
    const { lane, sent, answer } = scene()
    expect(lane.answered()).toBeUndefined()
    const groups = [groupOf(), groupOf()]
    lane.push(groups)
    const idle = lane.answered()
    expect(await isOver(idle)).toBe(false)
    await answer(...sent)
    expect(await isOver(idle)).toBe(false)
    await answer(...sent)
    expect(await isOver(idle)).toBe(true)
    expect(lane.answered()).toBeUndefined()
  })
})

describe('close()', () => {
  it('drops waiting and new groups, makes room, and is idle when the groups in flight are answered', async () => {
    const { lane, sent, answer } = scene()
    const [a, b, c] = [groupOf(), groupOf(), groupOf()]
    lane.push([a, b])
    const [room, idle] = [lane.room(), lane.answered()]
    lane.close()
    lane.push([c])
    expect(await isOver(room)).toBe(true)
    expect(await isOver(idle)).toBe(false)
    expect(lane.isWaiting).toBe(false)
    await answer(a)
    expect(await isOver(idle)).toBe(true)
    expect(sent).toEqual([a])
  })
})

describe('abandon()', () => {
  it('waits for nothing', async () => {
    const { lane, sent, answer } = scene()
    const [a, b] = [groupOf(), groupOf()]
    lane.push([a, b])
    const [room, idle] = [lane.room(), lane.answered()]
    lane.abandon()
    expect(await isOver(room)).toBe(true)
    expect(await isOver(idle)).toBe(true)
    expect(lane.answered()).toBeUndefined()
    await answer(a)
    expect(sent).toEqual([a])
  })
})

describe('lanes of one outbox', () => {
  it('share the requests and the bytes in flight', async () => {
    const { open, sent, answer } = scene({ requests: () => 3 })
    const [one, other] = [open(9), open(9)]
    const [a, b, c, d] = [groupOf(50), groupOf(50), groupOf(40), groupOf(1)]
    one.push([a])
    other.push([b, c])
    expect(sent).toEqual([a, b])
    one.push([d])
    await answer(a)
    expect(sent).toEqual([a, b, c, d])
  })

  it('take turns, however many groups one lane has', async () => {
    const { open, sent, answer } = scene()
    const [one, other] = [open(9), open(9)]
    const long = [groupOf(), groupOf(), groupOf(), groupOf()]
    const short = [groupOf(), groupOf()]
    one.push(long)
    other.push(short)
    for (let turn = 0; turn < 6; turn++) await answer(...sent)
    expect(sent).toEqual([long[0], long[1], short[0], long[2], short[1], long[3]])
  })

  it('share the bound on waiting bytes, and each has its own bound on waiting rows', async () => {
    const { open, sent, answer } = scene({ waitingBytes: 10 })
    const [one, other] = [open(9), open(0)]
    one.push([groupOf(1), groupOf(20)])
    // The first group is sent at once, and the bytes of the second keep both lanes waiting.
    const rooms = [one.room(), other.room()]
    expect(await Promise.all(rooms.map(isOver))).toEqual([false, false])
    other.push([groupOf(1)])
    await answer(...sent)
    // The row of the other lane still waits, and only that lane has too many rows.
    expect(await Promise.all(rooms.map(isOver))).toEqual([true, false])
    await answer(...sent)
    expect(await isOver(rooms[1])).toBe(true)
  })

  it('report room even if there was room for rows before there was room for bytes', async () => {
    const { open, sent, answer } = scene({ waitingBytes: 10 })
    const [one, other] = [open(0), open(9)]
    one.push([groupOf(1), groupOf(1)])
    const room = one.room()
    other.push([groupOf(20), groupOf(20)])
    await answer(...sent)
    expect(await isOver(room)).toBe(false)
    while (sent.length < 4) await answer(...sent)
    expect(await isOver(room)).toBe(true)
  })

  it('end separately: groups of the other lanes wait no longer and are still sent', async () => {
    const { open, sent, answer } = scene({ waitingBytes: 10 })
    const [one, other] = [open(9), open(9)]
    const [first, dropped, left] = [groupOf(), groupOf(50), groupOf()]
    one.push([first, dropped])
    const room = other.room()
    expect(await isOver(room)).toBe(false)
    one.close()
    expect(await isOver(room)).toBe(true)
    other.push([left])
    await answer(first)
    await answer(left)
    expect(sent).toEqual([first, left])
    expect(other.answered()).toBeUndefined()
    expect(one.answered()).toBeUndefined()
  })

  it('are idle separately', async () => {
    const { open, sent, answer } = scene({ requests: () => 2 })
    const [one, other] = [open(9), open(9)]
    one.push([groupOf()])
    other.push([groupOf()])
    const idle = one.answered()
    await answer(sent[0] as Group)
    expect(await isOver(idle)).toBe(true)
    expect(other.answered()).toBeInstanceOf(Promise)
    await answer(sent[1] as Group)
  })
})

describe('whatever the order of groups and answers', () => {
  const act = fc.oneof(
    fc.record({ lane: fc.nat({ max: 2 }), bytes: fc.integer({ min: 1, max: 120 }), set: fc.nat({ max: 2 }) }),
    fc.constant('answer' as const),
    fc.record({ close: fc.nat({ max: 2 }) }),
  )

  it('every group of an open lane is sent, in the order of its lane and replica set, within the bounds of all lanes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act), fc.integer({ min: 1, max: 5 }), async (acts, most) => {
        const { open, sent, inFlight } = scene({ requests: () => most, waitingBytes: 150 })
        const lanes = [open(2), open(2), open(2)]
        const pushed: Group[][] = [[], [], []]
        const closed = new Set<number>()
        const rooms: Promise<void>[] = []
        const answer = async () => {
          const [first] = inFlight
          first?.[1]()
          if (first !== undefined) inFlight.delete(first[0])
          for (let turn = 0; turn < 6; turn++) await Promise.resolve()
        }
        for (const each of acts) {
          if (each === 'answer') await answer()
          else if ('close' in each) {
            lanes[each.close]?.close()
            closed.add(each.close)
          } else {
            const group = groupOf(each.bytes, 1, each.set)
            pushed[each.lane]?.push(group)
            lanes[each.lane]?.push([group])
            const room = lanes[each.lane]?.room()
            if (room !== undefined) rooms.push(room)
          }
          expect(inFlight.size).toBeLessThanOrEqual(most)
          const bytes = [...inFlight.keys()].reduce((sum, group) => sum + group.bytes, 0)
          if (inFlight.size > 1) expect(bytes).toBeLessThanOrEqual(100)
        }
        while (inFlight.size > 0) await answer()
        for (const [i, groups] of pushed.entries()) {
          for (const set of [0, 1, 2]) {
            const own = groups.filter(({ replicas }) => replicas === set)
            const left = sent.filter(group => own.includes(group))
            if (closed.has(i)) expect(left).toEqual(own.filter(group => left.includes(group)))
            else expect(left).toEqual(own)
          }
          expect(lanes[i]?.answered()).toBeUndefined()
        }
        // Nobody waits forever.
        expect(await Promise.all(rooms.map(isOver))).toEqual(rooms.map(() => true))
      }),
    )
  })
})
