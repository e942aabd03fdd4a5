import { describe, expect, it } from 'vitest'
import { MessagePlaces } from '../../../lib/kafka/messagePlaces.ts'
import type { KafkaMessage } from '../../../lib/options/kafkaClient.ts'

const message = (offset: bigint, headers: KafkaMessage['headers'] = []) =>
  ({ offset, key: Buffer.from('key'), value: Buffer.from('value'), headers }) as unknown as KafkaMessage

describe('places of messages', () => {
  it('return the message of each row', () => {
    const places = new MessagePlaces(true)
    places.add(0, message(10n))
    places.add(1, message(11n))
    places.add(4, message(20n))
    expect([0, 1, 2, 3, 4, 9].map(row => places.of(row)?.offset)).toEqual([10n, 11n, 11n, 11n, 20n, 20n])
    expect(places.of(4)?.message?.offset).toBe(20n)
  })

  it('say how many bytes they keep, headers included', () => {
    const small = new MessagePlaces(true).add(0, message(1n))
    expect(small).toBeGreaterThan(8)
    const large = new MessagePlaces(true).add(0, message(1n, [['name', Buffer.alloc(1_000)]]))
    expect(large - small).toBeGreaterThan(1_000)
    expect(new MessagePlaces(false).add(0, message(1n))).toBe(0)
  })

  it('keep no messages if nobody asks for them', () => {
    const places = new MessagePlaces(false)
    places.add(0, message(10n))
    expect(places.of(0)).toEqual({ row_index: 0, offset: 10n, message: undefined })
  })

  it('are forgotten after their rows are written, except that of a message with rows left', () => {
    const places = new MessagePlaces(true)
    for (let row = 0; row < 100; row += 2) places.add(row, message(BigInt(row)))
    places.forget(51)
    expect([49, 50, 51, 99].map(row => places.of(row)?.offset)).toEqual([undefined, 50n, 50n, 98n])
    places.forget(100)
    expect(places.of(99)?.offset).toBe(98n)
    places.add(100, message(100n))
    places.forget(101)
    expect([99, 100].map(row => places.of(row)?.offset)).toEqual([undefined, 100n])
  })
})
