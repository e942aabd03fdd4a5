import type { KafkaRecord, TopicPartition } from '../options/kafkaClient.ts'
import { type AbortedTransaction, AbortedTransactions } from './abortedTransactions.ts'
import { bytesOfRecord } from './recordBytes.ts'

/** A batch as the broker sends it; see the message format of Kafka, version 2. */
export interface RecordBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly attributes: number
  readonly firstTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly records: readonly {
    readonly offsetDelta: number
    readonly timestampDelta: bigint
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
  }[]
}

const IS_LOG_APPEND_TIME = 0x08
const IS_TRANSACTIONAL = 0x10
const IS_CONTROL = 0x20

/** The messages of some batches. */
export interface RecordsFound {
  readonly records: readonly KafkaRecord[]
  /** Offset after the last batch, even if that batch has no messages. */
  readonly next: bigint
  /** Estimated bytes of memory of the messages. */
  readonly bytes: number
}

/**
 * Reads the messages from this offset on. Leaves out control records and messages of aborted transactions. The first batch may
 * begin before the offset.
 */
export function recordsIn(
  batches: readonly RecordBatch[],
  abortedTransactions: readonly AbortedTransaction[],
  { topic, partition }: TopicPartition,
  from: bigint,
): RecordsFound {
  const records: KafkaRecord[] = []
  const aborted = new AbortedTransactions(abortedTransactions)
  let next = from
  let bytes = 0
  for (const batch of batches) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    aborted.reach(last)
    if (last >= next) next = last + 1n
    if ((batch.attributes & IS_CONTROL) !== 0) {
      aborted.end(batch.producerId, batch.records[0]?.key)
      continue
    }
    if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && aborted.has(batch.producerId)) continue
    const isAppendTime = (batch.attributes & IS_LOG_APPEND_TIME) !== 0
    for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
      const offset = batch.firstOffset + BigInt(offsetDelta)
      if (offset < from) continue
      const record = {
        topic,
        partition,
        offset,
        key,
        value,
        headers: headers.map(([name, content]) => [String(name ?? ''), content] as const),
        timestamp: Number(isAppendTime ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
      }
      bytes += bytesOfRecord(record)
      records.push(record)
    }
  }
  return { records, next, bytes }
}
