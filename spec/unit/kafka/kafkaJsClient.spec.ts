import { describe, expect, it, onTestFinished } from 'vitest'
import { kafkaJsConsumer } from '../../../lib/kafka/index.ts'
import { settled } from '../../stream/support.ts'
import { FakeKafkaJs } from './fakeKafkaJs.ts'

/** A partition that is read from offset 1,000 on. */
async function scene() {
  const kafka = new FakeKafkaJs()
  const limits = { max_fetched_bytes: 1_000_000, retry_timeout_ms: 1_000 }
  const client = kafkaJsConsumer(kafka)({ group_id: 'g', topics: ['t'], ...limits })
  onTestFinished(() => client.close())
  await client.join({ assigned: () => {}, failed: () => {} })
  const taken: bigint[] = []
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  let position = 0n
  const read = client.read(
    { topic: 't', partition: 0, offset: 1000n },
    (records, next = position) => {
      taken.push(...records.map(({ offset }) => offset))
      position = next
    },
    leaving.signal,
  )
  const seeks = () => kafka.steered.filter(each => each === 'seek 1000').length
  return { kafka, taken, read, seeks, position: () => position }
}

describe('offsets without messages with kafkajs', () => {
  it('that were fetched before a seek do not move the position', async () => {
    const { kafka, taken, seeks, position } = await scene()
    kafka.passOver(5000, 5099)
    await settled()
    expect(seeks()).toBe(2)
    await kafka.deliver(1000, 2)
    await kafka.deliver(1002, 1)
    await settled()
    expect(taken).toEqual([1000n, 1001n, 1002n])
    expect(position()).toBe(1003n)
  })

  it('move the position over a gap when they come again after another seek', async () => {
    const { kafka, seeks, position } = await scene()
    kafka.passOver(5000, 5099)
    await settled()
    kafka.passOver(5000, 5099)
    await settled()
    expect(seeks()).toBe(2)
    expect(position()).toBe(5100n)
    expect(await kafka.deliver(5100, 1)).toBe(true)
  })

  it('do not when others come, or when messages were taken in between', async () => {
    const { kafka, position } = await scene()
    kafka.passOver(5000, 5099)
    await settled()
    kafka.passOver(5100, 5199)
    await settled()
    await kafka.deliver(1000, 1)
    kafka.passOver(5100, 5199)
    await settled()
    expect(position()).toBe(1001n)
  })

  it('do not when the messages before them were deleted', async () => {
    const { kafka, read } = await scene()
    kafka.passOver(5000, 5099)
    await settled()
    kafka.log = { low: '5000', high: '5100' }
    kafka.passOver(5000, 5099)
    await expect(read).rejects.toThrow('Offset 1000 of t/0 is not in the log')
  })
})

it('a response of kafkajs is not larger than all fetched messages may be', () => {
  const configOf = (max_fetched_bytes: number, consumer_options = {}) => {
    const kafka = new FakeKafkaJs()
    kafkaJsConsumer(kafka, { consumer_options })({
      group_id: 'g',
      topics: ['t'],
      max_fetched_bytes,
      retry_timeout_ms: 1_000,
    })
    return kafka.configs[0]
  }
  expect(configOf(16_384)).toMatchObject({ maxBytesPerPartition: 16_384, maxBytes: 16_384 })
  expect(configOf(1e9)).toMatchObject({ maxBytesPerPartition: 1_048_576, maxBytes: 10_485_760 })
  expect(configOf(16_384, { maxBytes: 5 })).toMatchObject({ maxBytes: 5 })
})
