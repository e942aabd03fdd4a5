import { Buffer } from 'node:buffer'
import type { KafkaRecord, TopicPartition } from '../options/kafkaClient.ts'

type Content = Buffer | string | undefined

/** A message as KafkaJS gives it. */
export interface KafkaJsMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: string
  readonly headers?: Readonly<Record<string, Content | Content[]>>
}

/** A record of a log as KafkaJS reads it, before it leaves anything out. */
export interface RawMessage {
  readonly offset: string
  readonly key: Buffer | null
  /** KafkaJS leaves these records out. */
  isControlRecord?: boolean
  /** Absent in old formats of messages, which have no transactions. */
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean }
}

/** Converts a message. KafkaJS groups the values of a repeated header, so their place among other headers is lost. */
export function recordOf(
  { topic, partition }: TopicPartition,
  { offset, key, value, timestamp, headers = {} }: KafkaJsMessage,
): KafkaRecord {
  return {
    topic,
    partition,
    offset: BigInt(offset),
    key,
    value,
    timestamp: Number(timestamp),
    headers: Object.entries(headers).flatMap(([name, content]) =>
      [content].flat().map(each => [name, bytesOf(each)] as const),
    ),
  }
}

function bytesOf(content: Content): Buffer | null {
  if (content === undefined || content === null) return null
  return typeof content === 'string' ? Buffer.from(content) : content
}
