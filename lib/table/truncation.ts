import type { Client } from 'cassandra-driver'
import { readOptions } from './readOptions.ts'
import type { TableSchema } from './schema.ts'

/** In `system.local.truncated_at`, after the place in the commit log: milliseconds since 1970. */
const TIME_AT = 12

/** When a table was last truncated, in milliseconds since 1970, as far as the coordinator knows. 0 if never. */
export async function readTruncation(
  client: Client,
  { id }: TableSchema,
  timeout_ms: number,
): Promise<number> {
  const cql = 'SELECT truncated_at FROM system.local'
  const { rows } = await client.execute(cql, [], readOptions(timeout_ms))
  const found: unknown = rows[0]?.['truncated_at'] ?? {}
  // A map as the driver reads it: an object, or a Map if its user asked for one.
  const entries: [unknown, Buffer][] = found instanceof Map ? [...found] : Object.entries(found as object)
  const record = entries.find(([table]) => String(table) === id)?.[1]
  return record === undefined || record.length < TIME_AT + 8 ? 0 : Number(record.readBigInt64BE(TIME_AT))
}
