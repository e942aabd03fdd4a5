import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queue } from '../../../lib/write/queue.ts'

describe('a queue', () => {
  it('returns items in the order in which they came, whatever the calls in between', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer() }),
      fc.constant('shift' as const),
      fc.constant('clear' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const queue = new Queue<number>()
        const model: number[] = []
        for (const it of steps) {
          if (it === 'shift') expect(queue.shift()).toBe(model.shift())
          else if (it === 'clear') {
            queue.clear()
            model.length = 0
          } else {
            queue.push(it.push)
            model.push(it.push)
          }
          expect(queue.length).toBe(model.length)
          expect(queue.first).toBe(model[0])
        }
      }),
    )
  })
})
