import { describe, expect, it } from 'vitest'
import type { EpochMoments } from '../../../lib/epoch/epochMoments.ts'
import type { EpochRows } from '../../../lib/epoch/epochRows.ts'
import { CollectedBytes } from '../../../lib/kafka/collectedBytes.ts'
import { HandlerCalls } from '../../../lib/kafka/handlerCalls.ts'
import { MessagePlaces } from '../../../lib/kafka/messagePlaces.ts'
import { MessageRows } from '../../../lib/kafka/messageRows.ts'
import { PartitionWriter } from '../../../lib/kafka/partitionWriter.ts'
import type { KafkaRecord } from '../../../lib/options/kafkaClient.ts'
import { settled } from '../../stream/support.ts'

interface Row {
  readonly bytes: number
}

/** A row that `on_bad_row` gets. */
const BAD = -1

const record = (offset: number, ...bytes: number[]): KafkaRecord => ({
  topic: 't',
  partition: 0,
  offset: BigInt(offset),
  key: null,
  value: Buffer.from(JSON.stringify(bytes.map(each => ({ bytes: each })))),
  timestamp: 1,
  headers: [],
})

/** Partitions of one process, whose epochs are written at once. A bad row waits for `release()`. */
function scene(most: number) {
  const bytes = new CollectedBytes(most)
  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const partition = ({ offset = '0', rows = 0 } = {}) => {
    const failures: Error[] = []
    const written: unknown[] = []
    const counts: number[] = []
    const calls = new HandlerCalls()
    let next = 0
    const newEpoch = () => ({ count: 0, bytes: 0, set_aside: [], lastIndex: -1, position: undefined })
    const collect = (epoch: EpochRows, given: { row: Row; index: number } | Error, position: never) => {
      if (given instanceof Error) throw given
      const add = () => {
        epoch.count++
        epoch.bytes += Math.max(0, given.row.bytes)
        epoch.lastIndex = given.index
        epoch.position = position
      }
      if (given.row.bytes !== BAD) return add()
      return calls.during(released).then(add)
    }
    const write = async (epoch_id: number, { count, position }: EpochRows, moments: EpochMoments) => {
      moments.sealed?.()
      moments.sent?.()
      moments.committing?.()
      await settled()
      written.push(position)
      counts.push(count)
      return { epoch_id, rows: count, position }
    }
    const writer = {
      begun: [],
      committed: { epoch_id: 0 },
      newEpoch,
      fits: () => true,
      encode: (row: Row) => ({ row, index: next++ }),
      collect,
      write,
      close: async () => {},
      checkBadRows: async () => {},
    }
    const settings = {
      rows_per_batch: 100,
      rows_per_epoch: 10_000,
      epoch_interval_ms: 3_600_000,
      max_buffered_bytes: 1e9,
    }
    const own = new PartitionWriter({ offset, rows, write_time: -1, topic_id: '' }, {
      writer,
      settings,
      progress: { isAwaited: () => false },
      places: new MessagePlaces(false),
      rows: new MessageRows({
        row: (({ value }: KafkaRecord) => JSON.parse(String(value))) as never,
        tombstones: 'row',
        operation_column: undefined,
        delete_flag: undefined,
      }),
      bytes,
      calls,
      onCommit: () => {},
      onFailure: (error: Error) => void failures.push(error),
    } as never)
    return { own, written, counts, failures }
  }
  return { partition, release }
}

describe('the messages of a partition', () => {
  it('are taken on while a slow `on_bad_row` of another partition keeps an epoch from ending', async () => {
    const { partition, release } = scene(10_000)
    const slow = partition()
    const other = partition()
    const adding = slow.own.add([record(0, 6_000), record(1, BAD)])
    await other.own.add(Array.from({ length: 20 }, (_, i) => record(i, 1_000)))
    expect(other.own.next.offset).toBe('20')
    release()
    await adding
    await Promise.all([slow.own.finish(), other.own.finish()])
    expect(slow.written).toEqual([expect.objectContaining({ offset: '2' })])
    expect(other.written.at(-1)).toMatchObject({ offset: '20' })
  })

  it('end an epoch early if their rows are small and many, because each takes memory besides its values', async () => {
    const { own, written, counts } = scene(100_000).partition()
    await own.add(Array.from({ length: 900 }, (_, i) => record(i, 1)))
    await own.finish()
    expect(Math.max(...counts)).toBeLessThan(400)
    expect(counts.reduce((sum, count) => sum + count)).toBe(900)
    expect(written.at(-1)).toMatchObject({ offset: '900' })
  })

  it('are continued after the rows that are already written', async () => {
    const { own, written } = scene(10_000).partition({ offset: '5', rows: 2 })
    await own.add([record(5, 1, 1, 1)])
    await own.finish()
    expect(written).toEqual([expect.objectContaining({ offset: '6', rows: 0 })])
  })

  it('are refused if `row` fails for one whose first rows are written', async () => {
    const { own, written, failures } = scene(10_000).partition({ offset: '5', rows: 2 })
    await own.add([{ ...record(5), value: Buffer.from('no JSON') }])
    expect(failures).toEqual([expect.objectContaining({ code: 'ERR_CASSANDRA_KAFKA_MESSAGE' })])
    expect(written).toEqual([])
  })

  it.each([
    ['no rows', []],
    ['those rows only', [1, 1]],
  ])('are refused if `row` now returns %s for one whose first rows are written', async (_, rows) => {
    const { own, written, failures } = scene(10_000).partition({ offset: '5', rows: 2 })
    await own.add([record(5, ...rows)])
    const message = expect.stringMatching(/^`row` returned .* at offset 5, but the first 2 of more rows are/)
    expect(failures).toEqual([expect.objectContaining({ code: 'ERR_CASSANDRA_REPLAY_DIFFERS', message })])
    expect(written).toEqual([])
  })
})
