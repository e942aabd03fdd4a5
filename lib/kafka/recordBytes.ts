import type { KafkaRecord } from '../options/kafkaClient.ts'

/** Estimated bytes of memory of a record, besides its key, value and headers, and of a header besides its name and value. */
const RECORD_BYTES = 200
const HEADER_BYTES = 100

/**
 * A copy of a record and its bytes. The bytes that a client gives are parts of a whole response, which they would keep in memory.
 */
export function copyOfRecord(record: KafkaRecord): KafkaRecord {
  const copy = (bytes: Buffer | null) => bytes && Buffer.from(bytes)
  const { key, value, headers } = record
  const own = headers.map(([name, content]) => [name, copy(content)] as const)
  return { ...record, key: copy(key), value: copy(value), headers: own }
}

/** Estimated bytes of memory of a record. */
export function bytesOfRecord({ key, value, headers }: KafkaRecord): number {
  let bytes = RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, content] of headers) bytes += HEADER_BYTES + name.length + (content?.length ?? 0)
  return bytes
}
