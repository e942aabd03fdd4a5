import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LargestPartitions } from '../../../lib/read/largestPartitions.ts'

describe('the largest partitions', () => {
  it('are those with the most rows, in whatever order they come, and never more than requested', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 60 })
    fc.assert(
      fc.property(
        counts,
        fc.integer({ min: 0, max: 12 }),
        fc.infiniteStream(fc.nat()),
        (counts, most, order) => {
          const partitions = counts.map((rows, i) => ({ key: Buffer.from([i]), rows }))
          const shuffled = partitions
            .map(partition => ({ partition, at: order.next().value as number }))
            .toSorted((a, b) => a.at - b.at)
          const largest = new LargestPartitions(most)
          const key = Buffer.alloc(1)
          for (const { partition } of shuffled) {
            // The caller reuses the bytes of the key.
            partition.key.copy(key)
            largest.add(key, partition.rows)
            expect(largest.all.length).toBeLessThanOrEqual(most)
          }
          const wanted = partitions.toSorted((a, b) => b.rows - a.rows || Buffer.compare(a.key, b.key))
          expect(largest.all).toEqual(wanted.slice(0, most))
        },
      ),
    )
  })
})
