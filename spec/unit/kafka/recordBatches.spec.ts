import { describe, expect, it } from 'vitest'
import { type RecordBatch, recordsIn } from '../../../lib/kafka/recordBatches.ts'

const of = { topic: 't', partition: 3 }

const batchOf = (
  firstOffset: bigint,
  keys: readonly string[],
  more: Partial<RecordBatch> = {},
): RecordBatch => ({
  firstOffset,
  lastOffsetDelta: keys.length - 1,
  attributes: 0,
  firstTimestamp: 1000n,
  maxTimestamp: 5000n,
  producerId: -1n,
  records: keys.map((key, i) => ({
    offsetDelta: i,
    timestampDelta: BigInt(i),
    key: Buffer.from(key),
    value: Buffer.from(key),
    headers: [],
  })),
  ...more,
})

const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const by = (producerId: bigint) => ({ attributes: TRANSACTIONAL, producerId })
const marker = (offset: bigint, producerId: bigint, kind: 'abort' | 'commit') =>
  batchOf(offset, [''], {
    attributes: TRANSACTIONAL | CONTROL,
    producerId,
    records: [
      {
        offsetDelta: 0,
        timestampDelta: 0n,
        key: Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]),
        value: null,
        headers: [],
      },
    ],
  })

const keysIn = (...given: Parameters<typeof recordsIn>) =>
  recordsIn(...given).records.map(({ key }) => String(key))

describe('messages in batches', () => {
  it('have offsets, times and headers', () => {
    const [record] = batchOf(0n, ['a']).records
    const headers = [[Buffer.from('h'), Buffer.from('1')] as const, [Buffer.from('h'), null] as const]
    const batch = batchOf(7n, ['a'], { records: record === undefined ? [] : [{ ...record, headers }] })
    const { records, next } = recordsIn([batch, batchOf(8n, ['b', 'c'])], [], of, 7n)
    expect(records.map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
      [7n, 1000],
      [8n, 1000],
      [9n, 1001],
    ])
    expect(records[0]).toMatchObject({
      topic: 't',
      partition: 3,
      headers: [
        ['h', Buffer.from('1')],
        ['h', null],
      ],
    })
    expect(next).toBe(10n)
  })

  it('have the time of the broker if the topic is configured that way', () => {
    const { records } = recordsIn([batchOf(0n, ['a', 'b'], { attributes: 0x08 })], [], of, 0n)
    expect(records.map(({ timestamp }) => timestamp)).toEqual([5000, 5000])
  })

  it('before the requested offset are left out', () => {
    expect(keysIn([batchOf(5n, ['a', 'b', 'c'])], [], of, 6n)).toEqual(['b', 'c'])
  })

  it('have gaps after a compaction, also at the end', () => {
    const batch = batchOf(5n, ['a', 'b'], { lastOffsetDelta: 9 })
    expect(recordsIn([batch], [], of, 5n).next).toBe(15n)
  })

  it('of transactions are included if the transaction is committed', () => {
    const batches = [batchOf(0n, ['a'], by(1n)), batchOf(1n, ['b'], by(2n)), marker(2n, 1n, 'commit')]
    expect(
      keysIn([...batches, marker(3n, 2n, 'abort')], [{ producerId: 2n, firstOffset: 1n }], of, 0n),
    ).toEqual(['a'])
    expect(recordsIn(batches, [], of, 0n).next).toBe(3n)
  })

  it('of one producer belong to separate transactions, the last of which may be incomplete', () => {
    const batches = [
      batchOf(0n, ['aborted'], by(1n)),
      marker(1n, 1n, 'abort'),
      batchOf(2n, ['committed'], by(1n)),
      marker(3n, 1n, 'commit'),
      batchOf(4n, ['plain']),
      batchOf(5n, ['aborted later'], by(1n)),
    ]
    const aborted = [
      { producerId: 1n, firstOffset: 5n },
      { producerId: 1n, firstOffset: 0n },
    ]
    expect(keysIn(batches, aborted, of, 0n)).toEqual(['committed', 'plain'])
    expect(keysIn(batches.slice(2), aborted.slice(0, 1), of, 2n)).toEqual(['committed', 'plain'])
  })
})
